"""A position is found by its URL, wherever it stands among others and however many there are."""

import pytest
from django.core.checks.urls import check_url_config
from django.test import override_settings
from django.urls import Resolver404, include, path, resolve, reverse
from django.urls.resolvers import RoutePattern
from django.utils.functional import lazy
from django.utils.translation import get_language, override

from flows.components import Action, Scaffold
from flows.exceptions import DefinitionError
from flows.handler import FlowHandler
from flows.transitions import Linear

from tests.testapp.flows import NameForm
from tests.visitor import Visitor


def make_flow(name, pages, **urls):
    actions = [
        type(f"Page{number}", (Action,), {"name": page, **({"url": urls[page]} if page in urls else {})})
        for number, page in enumerate(pages)
    ]
    return type("Flow", (Scaffold,), {"name": name, "action_set": actions})


class Urls:
    def __init__(self, *flows, prefix=""):
        self.handler = FlowHandler()
        for flow in flows:
            self.handler.register_entry_point(flow)
        self.urlpatterns = [path(prefix, include(self.handler.urls))]


@pytest.fixture
def tried(monkeypatch):
    """The routes that Django tried."""
    routes, match = [], RoutePattern.match

    def note(self, path):
        routes.append(str(self))
        return match(self, path)

    monkeypatch.setattr(RoutePattern, "match", note)
    return routes


@pytest.mark.parametrize("prefix", ["", "<slug:tenant>/shop/"])
def test_the_last_of_many_positions_is_found_as_soon_as_the_first(tried, prefix):
    flow = make_flow("long", [f"page-{number}" for number in range(1000)])
    start = prefix.replace("<slug:tenant>", "acme")
    with override_settings(ROOT_URLCONF=Urls(flow, prefix=prefix)):
        resolve(f"/{start}long/page-0/")
        counts = []
        for number in (0, 999):
            tried.clear()
            found = resolve(f"/{start}long/page-{number}/")
            assert found.view_name == f"flows:long/page-{number}"
            assert found.kwargs == ({"tenant": "acme"} if prefix else {})
            assert found.route == f"{prefix}long/page-{number}/"
            counts.append(len(tried))
    assert counts[0] == counts[1] <= 3


def test_the_last_of_many_flows_with_arguments_is_found_as_soon_as_the_first(tried):
    flows = [make_flow(f"flow-{number}", ["one", "two"], one="<int:number>/") for number in range(100)]
    with override_settings(ROOT_URLCONF=Urls(*flows)):
        resolve("/flow-0/two/")
        counts = []
        for number in (0, 99):
            tried.clear()
            assert resolve(f"/flow-{number}/17/").url_name == f"flow-{number}/one"
            assert resolve(f"/flow-{number}/gone/").func.position.name == f"flow-{number}"
            counts.append(len(tried))
    assert counts[0] == counts[1] <= 12


def test_where_a_route_begins_with_an_argument_the_first_that_matches_is_still_found():
    class Anywhere(Scaffold):
        name, url = "anywhere", "<slug:shop>/"
        action_set = [type("One", (Action,), {"name": "one", "url": "one/<int:number>/"})]

    flows = [make_flow("early", ["one"], one="x/<int:number>/"), Anywhere, make_flow("late", ["one"], one="<int:n>/")]
    with override_settings(ROOT_URLCONF=Urls(*flows)):
        assert resolve("/early/x/3/").url_name == "early/one"
        assert resolve("/some-shop/one/3/").url_name == "anywhere/one"
        # What is not a position of the flow "early" is one of the shop that has this name.
        assert resolve("/early/one/3/").url_name == "anywhere/one"
        assert resolve("/late/3/").url_name == "late/one"
        assert resolve("/late/gone/").func.position.name == "late"


def test_what_is_below_a_flow_is_left_to_a_flow_that_is_registered_later():
    inner = make_flow("inner", ["one", "two"], one="<int:number>/")
    inner.url = "outer/inner/"
    with override_settings(ROOT_URLCONF=Urls(make_flow("outer", ["one"]), inner)):
        assert resolve("/outer/inner/two/").url_name == "inner/two"
        assert resolve("/outer/inner/3/").url_name == "inner/one"
        assert resolve("/outer/gone/").func.position.name == "outer"


def test_positions_with_and_without_arguments_stand_side_by_side():
    flow = make_flow("mixed", ["plain", "one", "last"], one="<int:number>/")
    with override_settings(ROOT_URLCONF=Urls(flow, make_flow("other", ["plain"]))):
        assert resolve("/mixed/plain/").url_name == "mixed/plain"
        assert resolve("/mixed/17/").url_name == "mixed/one"
        assert resolve("/mixed/17/").kwargs == {"number": 17}
        assert resolve("/mixed/last/").url_name == "mixed/last"
        assert resolve("/other/plain/").url_name == "other/plain"
        assert resolve("/mixed/").url_name is resolve("/mixed/gone/").url_name is None
        assert reverse("flows:mixed") == reverse("flows:mixed/plain") == "/mixed/plain/"
        assert reverse("flows:mixed/one", args=[3]) == "/mixed/3/"
        with pytest.raises(Resolver404):
            resolve("/elsewhere/")


def test_a_flow_that_is_registered_after_the_urls_were_included_is_found_too():
    urls = Urls(make_flow("early", ["plain"]))
    urls.handler.register_entry_point(make_flow("late", ["plain"]))
    with override_settings(ROOT_URLCONF=urls):
        assert resolve("/late/plain/").url_name == "late/plain"
        assert resolve("/early/gone/").func.position.name == "early"


def test_django_finds_nothing_wrong_with_the_urls():
    with override_settings(ROOT_URLCONF=Urls(make_flow("flow", ["plain"]))):
        assert check_url_config(None) == []


@pytest.mark.slow
def test_a_thousand_flows_are_registered_without_looking_at_each_other_over_and_over(monkeypatch):
    """Counted, since nobody waits for a clock: what is made of a position is made once."""
    made, make = [], FlowHandler._make_view

    def note(self, position):
        made.append(position.name)
        return make(self, position)

    monkeypatch.setattr(FlowHandler, "_make_view", note)
    Urls(*(make_flow(f"flow-{number}", ["first", "last"]) for number in range(100)))
    assert len(made) == 100 * 4  # two pages, the flow itself, and what is below it


# Translated routes


def translated(english, german):
    return lazy(lambda: german if get_language() == "de" else english, str)()


class Name(Action):
    url = translated("name/", "vorname/")
    form_class = NameForm

    def form_valid(self, form):
        self.kwargs["number"] = 3
        return super().form_valid(form)


class Size(Action):
    url = translated("size/<int:number>/", "<int:number>/groesse/")
    form_class = NameForm


class Details(Scaffold):
    url = translated("details/", "angaben/")
    action_set = [Size, type("Colour", (Action,), {"name": "colour"})]
    transition = Linear()


class Order(Scaffold):
    url = translated("order/", "bestellung/")
    action_set = [Name, Details]
    transition = Linear()


@pytest.mark.parametrize("prefix", ["", "<slug:tenant>/shop/"])
def test_a_translated_route_is_found_and_linked_to_in_the_language_of_the_visitor(prefix):
    start, tenant = prefix.replace("<slug:tenant>", "acme"), {"tenant": "acme"} if prefix else {}
    urls = {
        "en": ["order/name/", "order/details/size/3/", "order/details/colour/", "order/name/"],
        "de": [
            "bestellung/vorname/",
            "bestellung/angaben/3/groesse/",
            "bestellung/angaben/colour/",
            "bestellung/vorname/",
        ],
    }
    names = {"order/name": {}, "order/details/size": {"number": 3}, "order/details/colour": {}, "order": {}}
    with override_settings(ROOT_URLCONF=Urls(Order, prefix=prefix)):
        assert check_url_config(None) == []
        for language, other in (("en", "de"), ("de", "en"), ("en", "de")):
            with override(language):
                for (name, kwargs), url in zip(names.items(), urls[language], strict=True):
                    assert reverse(f"flows:{name}", kwargs={**tenant, **kwargs}) == f"/{start}{url}"
                    match = resolve(f"/{start}{url}")
                    assert match.func.position.name == (name if name != "order" else "order/name")
                    assert match.kwargs == {**tenant, **kwargs}
                for url in urls[other]:
                    with pytest.raises(Resolver404):
                        resolve(f"/{start}{url}")
                assert resolve(f"/{start}{urls[language][0]}gone/").func.position.name == "order"


@pytest.mark.django_db
def test_the_language_is_changed_on_the_way_and_the_visitor_stays_on_the_page():
    urls = Urls(Order)
    urls.urlpatterns.append(path("i18n/", include("django.conf.urls.i18n")))
    with override_settings(ROOT_URLCONF=urls):
        visitor = Visitor()
        visitor.open("/order/name/")
        visitor.submit(name="Ann")
        assert visitor.page == "/order/details/size/3/"
        visitor.send("/i18n/setlang/", visitor.form(language="de", next=visitor.url))
        assert visitor.page == "/bestellung/angaben/3/groesse/"
        assert visitor.response.context["answers"][Name]["name"] == "Ann"
        assert visitor.response.context["flow"].back_url.startswith("/bestellung/vorname/?")
        visitor.submit(name="large")
        assert visitor.page == "/bestellung/angaben/colour/"
        visitor.send("/i18n/setlang/", visitor.form(language="en", next=visitor.url))
        assert visitor.page == "/order/details/colour/"
        visitor.submit()
        assert "Done" in visitor.text
        assert visitor.response.status_code == 200


def page(name, **attributes):
    return type(name.capitalize(), (Action,), {"name": name, **attributes})


def test_flows_with_translated_routes_are_registered_beside_others_at_any_time():
    urls = Urls(make_flow("early", ["plain"]), Order, make_flow("late", ["plain"]))
    with override_settings(ROOT_URLCONF=urls):
        for language in ("de", "en"):
            with override(language):
                assert reverse("flows:early") == "/early/plain/"
                assert resolve(reverse("flows:late/plain")).url_name == "late/plain"
                urls.handler.register_entry_point(make_flow(f"added-{language}", ["plain"]))
                assert resolve(f"/added-{language}/plain/").url_name == f"added-{language}/plain"


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (
            [page("one", url=translated("one/", "zwei/")), page("two", url=translated("two/", "zwei/"))],
            "One at 'flow/one' and Two at 'flow/two' have the same route 'flow/zwei/'. Give one of them another url.",
        ),
        (
            [
                page("one", url=translated("one/<slug:a>/", "<slug:a>/")),
                page("two", url=translated("two/", "zwei/")),
            ],
            (
                "Two at 'flow/two' is never reached: its URL 'flow/zwei/' is taken by the route 'flow/<slug:a>/' "
                "of One at 'flow/one'. Give one of them another url, or put Two first."
            ),
        ),
        (
            [page("one", url=translated("one/<int:a>/", "eins/<int:b>/"))],
            (
                "One at 'flow/one' has the route 'flow/eins/<int:b>/' in 'de', which has other arguments than in other "
                "languages. Translate what is outside the angle brackets only."
            ),
        ),
        (
            [page("one", url=translated("one/", "/eins/"))],
            (
                "One.url is '/eins/'. "
                "Use a path() route without a leading slash, as it is put behind the route of the parent."
            ),
        ),
    ],
    ids=["same", "shadowed", "arguments", "slash"],
)
def test_a_mistake_in_one_language_is_found_when_the_flow_is_registered(actions, message):
    handler = FlowHandler()
    flow = type("Flow", (Scaffold,), {"name": "flow", "action_set": actions})
    for _ in range(2):  # nothing is kept of what was refused
        with override("en"), pytest.raises(DefinitionError) as caught:
            handler.register_entry_point(flow)
        assert str(caught.value) == message
    handler.register_entry_point(make_flow("flow", ["one", "zwei"]))


def test_a_route_that_another_flow_has_in_one_language_is_refused_whichever_is_registered_first():
    plain = make_flow("bestellung", ["plain"], plain="vorname/")
    for flows in ((Order, plain), (plain, Order)):
        with pytest.raises(DefinitionError, match="have the same route 'bestellung/vorname/'"):
            Urls(*flows)
