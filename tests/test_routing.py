"""A position is found by its URL, wherever it stands among others and however many there are."""

import pytest
from django.core.checks.urls import check_url_config
from django.test import override_settings
from django.urls import Resolver404, include, path, resolve, reverse
from django.urls.resolvers import RoutePattern

from flows.components import Action, Scaffold
from flows.handler import FlowHandler


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


def test_a_thousand_flows_are_registered_without_looking_at_each_other_over_and_over(monkeypatch):
    """Counted, since nobody waits for a clock: what is made of a position is made once."""
    made, make = [], FlowHandler._make_view

    def note(self, position):
        made.append(position.name)
        return make(self, position)

    monkeypatch.setattr(FlowHandler, "_make_view", note)
    Urls(*(make_flow(f"flow-{number}", ["first", "last"]) for number in range(100)))
    assert len(made) == 100 * 4  # two pages, the flow itself, and what is below it
