"""URLs of a flow wherever they are included, entry links, and what the views keep."""

import json

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.contrib.auth.decorators import login_not_required, login_required
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import Resolver404, URLResolver, include, path, resolve, reverse
from django.urls.resolvers import RoutePattern
from django.utils.decorators import method_decorator
from django.utils.translation import override
from django.views.decorators.cache import never_cache
from django.views.decorators.common import no_append_slash
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import TemplateView, View

from flows.components import COMPLETE, Action, Scaffold
from flows.exceptions import DefinitionError, InvalidTarget
from flows.handler import FlowHandler
from flows.models import StoredTask
from flows.transitions import Linear

from tests.testapp import flows
from tests.testapp.flows import NameForm
from tests.testapp.models import Effect
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db


@method_decorator([csrf_exempt, never_cache], name="dispatch")
class Exempt(Action):
    """Takes forms from anywhere."""

    form_class = NameForm

    def form_valid(self, form):
        self.kwargs["order"] = 12
        return COMPLETE


class Numbered(Action):
    url = "<int:order>/"
    form_class = NameForm

    def form_valid(self, form):
        Effect.objects.create(what="args", detail=json.dumps(self.kwargs, sort_keys=True, default=str))
        return COMPLETE


class Orders(Scaffold):
    url = "<slug:kind>/orders/"
    action_set = [Exempt, Numbered]
    transition = Linear()


class Spelled(Scaffold):
    url = "spelled/<str:code>/"
    action_set = [flows.First]


@method_decorator(login_not_required, name="dispatch")
class Open(Action):
    form_class = NameForm


class Members(Action):
    pass


class Club(Scaffold):
    action_set = [Open, Members]
    transition = Linear()


class Inside(Scaffold):
    action_set = [Members, Open]


@method_decorator(login_required(login_url="/door/", redirect_field_name="after"), name="dispatch")
class Doorkeeper(Action):
    pass


class House(Scaffold):
    action_set = [Doorkeeper]


@method_decorator(csrf_exempt, name="dispatch")
class Paid(Action):
    def should_skip(self):
        return "skip" in self.request.GET


class Payment(Scaffold):
    action_set = [Paid]

    def complete(self):
        Effect.objects.create(what="payment")


class Bare(Action):
    url = "bare"


@method_decorator(no_append_slash, name="dispatch")
class Strict(Action):
    pass


class Slashes(Scaffold):
    action_set = [Bare, Strict]


@method_decorator(csrf_exempt, name="dispatch")
class Hook(Action):
    """Takes forms from other sites."""

    form_class = NameForm


class NumberedHook(Hook):
    url = "<int:number>/"


class Hooked(Scaffold):
    action_set = [Members, Hook, NumberedHook]


class FromElsewhere(Scaffold):
    action_set = [Hook]


def tag(method):
    """Mark a response, as decorators of Django's do."""

    def tagged(*args, **kwargs):
        response = method(*args, **kwargs)
        response["X-Tag"] = "tagged"
        return response

    return tagged


class DecoratedPost(Action):
    form_class = NameForm
    post = method_decorator(tag)(Action.post)


class OwnPost(Action):
    form_class = NameForm

    def post(self, request, *args, **kwargs):
        response = super().post(request, *args, **kwargs)
        response["X-Tag"] = "tagged"
        return response


@method_decorator(tag, name="dispatch")
class DecoratedTwice(OwnPost):
    pass


class Tagged(Scaffold):
    action_set = [DecoratedPost, OwnPost, DecoratedTwice, Members]
    transition = Linear()


class Helped(Action):
    form_class = NameForm

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        self.kwargs |= {"helper": object(), "order": 3}


class Helping(Scaffold):
    action_set = [Helped, Numbered]
    transition = Linear()


class Hasty(Action):
    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        getattr(self, request.GET["asked"])


class Entry(TemplateView):
    """Shows an entry link."""

    def get(self, request, *args, **kwargs):
        options = json.loads(request.GET.get("options", "{}"))
        return HttpResponse(handler.flow_entry_link(request, getattr(flows, request.GET["flow"]), **options))


def make_handler(*components, **options):
    made = FlowHandler(**options)
    for component in components:
        made.register_entry_point(component)
    return made


handler = make_handler(flows.Journey, flows.Checkout, flows.Free)
other = make_handler(flows.Journey, Orders, Hooked, app_name="other")
nested = make_handler(flows.Journey, flows.Single, app_name="inner")
guarded = make_handler(
    *(Club, Inside, House, Payment, Slashes, Hooked, FromElsewhere, Tagged, Helping, Hasty), app_name="guarded"
)

urlpatterns = [
    path("entry/", Entry.as_view()),
    path("flows/journey/help/", Entry.as_view()),
    path("flows/", include(handler.urls)),
    path("", include(guarded.urls)),
    path("<slug:shop>/other/", include(other.urls)),
    path("outer/", include(([path("inner/", include(nested.urls, namespace="deep"))], "outer"))),
    *i18n_patterns(path("local/", include(make_handler(flows.Journey, Spelled, app_name="local").urls))),
]


@pytest.fixture(autouse=True)
def _these_urls(settings):
    settings.ROOT_URLCONF = __name__


def walk(url, pages=2):
    visitor = Visitor()
    visitor.open(url)
    for _ in range(pages):
        visitor.submit(name="x")
    return visitor


def test_every_position_has_a_url_of_its_own_name():
    assert reverse("flows:journey/second") == "/flows/journey/second/"
    assert reverse("flows:checkout/pay/bank/address", kwargs={"item": 1}) == "/flows/buy/1/pay/bank/address/"
    assert reverse("flows:checkout", kwargs={"item": 1}) == "/flows/buy/1/choose/"


@pytest.mark.parametrize(
    ("name", "kwargs", "page"),
    [
        ("flows:journey", {}, "/flows/journey/third/"),
        ("other:journey", {"shop": "tea"}, "/tea/other/journey/third/"),
        ("outer:deep:journey", {}, "/outer/inner/journey/third/"),
        ("local:journey", {}, "/en/local/journey/third/"),
    ],
)
def test_a_journey_wherever_the_urls_are_included(name, kwargs, page):
    with override("en"):
        assert walk(reverse(name, kwargs=kwargs)).page == page


def test_a_journey_under_a_language_prefix_stays_in_the_language():
    with override("de"):
        url = reverse("local:journey")
    assert walk(url).page == "/de/local/journey/third/"


def test_tasks_of_flows_of_the_same_name_do_not_mix():
    visitor = walk(reverse("flows:journey"))
    assert visitor.open(f"/tea/other/journey/third/?_t={visitor.task_id}").status_code == 404


def test_route_arguments_of_every_level_are_carried_along():
    visitor = Visitor()
    visitor.open(reverse("other:orders", kwargs={"shop": "tea", "kind": "green"}))
    assert visitor.page == "/tea/other/green/orders/exempt/"
    visitor.submit_without_token(name="x")
    assert visitor.page == "/tea/other/green/orders/12/"
    visitor.submit(name="x")
    assert Effect.objects.get().detail == '{"kind": "green", "order": 12, "shop": "tea"}'


@pytest.mark.parametrize(
    "url", ["/coffee/other/green/orders/12/", "/tea/other/black/orders/12/", "/tea/other/green/orders/13/"]
)
def test_other_route_arguments_than_the_tasks_own_lead_back_to_it(url):
    visitor = Visitor()
    visitor.open(reverse("other:orders", kwargs={"shop": "tea", "kind": "green"}))
    visitor.submit_without_token(name="x")
    here = visitor.url
    visitor.open(f"{url}?_t={visitor.task_id}")
    assert visitor.url == here


def test_what_decorators_leave_on_dispatch_is_kept():
    view = resolve("/tea/other/green/orders/exempt/").func
    assert view.csrf_exempt
    assert view.view_class is Exempt
    assert view.view_initkwargs == {}
    assert view.__doc__ == "Takes forms from anywhere."


def test_headers_of_decorators_reach_the_redirect():
    visitor = Visitor()
    visitor.open(reverse("other:orders", kwargs={"shop": "tea", "kind": "green"}))
    response = visitor.client.post(visitor.url, {"name": "x"})
    assert "must-revalidate" in response["Cache-Control"]


def test_what_overrides_or_decorates_post_gets_a_response():
    visitor = Visitor()
    visitor.open("/tagged/")
    for page in ("own-post", "decorated-twice", "members"):
        response = visitor.client.post(visitor.url, visitor.form(other="x"))
        assert (response.status_code, response["X-Tag"]) == (200, "tagged")
        response = visitor.client.post(visitor.url, visitor.form(name="x"))
        assert (response.status_code, response["X-Tag"]) == (302, "tagged")
        visitor.open(response["Location"])
        assert visitor.page == f"/tagged/{page}/"


def test_what_setup_puts_into_the_kwargs_is_carried_along_where_it_is_an_argument_of_a_route():
    visitor = Visitor()
    visitor.open("/helping/")
    visitor.submit(name="x")
    assert visitor.page == "/helping/3/"


@pytest.mark.parametrize("asked", ["state", "answers", "task", "submission_key"])
def test_an_action_that_asks_for_its_task_too_early_is_told_where_to_do_it(client, asked):
    with pytest.raises(AttributeError) as error:
        client.get(f"/hasty/?asked={asked}")
    assert str(error.value) == (
        "Hasty asks for its state, answers or task before the task is found, as in setup(). Do it in prepare()."
    )


def test_who_sends_no_cookies_and_begins_nothing_gets_no_session():
    client = Client(enforce_csrf_checks=True)
    url = "/from-elsewhere/hook/"
    entered = client.get(url)["Location"]
    for refused in (url, entered):
        response = client.post(refused, {"other": "x"})
        assert (response.status_code, "sessionid" in client.cookies) == (200, False)
    for method in ("get", "head", "options"):
        assert getattr(client, method)("/hooked/hook/").status_code == 404
    for url_of_first_page in (url, entered):
        client.options(url_of_first_page)
        client.head(url_of_first_page)
    assert "sessionid" not in client.cookies


# URLs without their last slash


@pytest.mark.parametrize(
    "url",
    [
        "/flows/journey/second",
        "/flows/journey",
        "/flows/buy/7/choose",
        "/flows/buy/7/pay/bank/address",
        "/flows/buy/7",
        "/flows/journey/help",
        "/tea/other/journey/first",
        "/tea/other/green/orders/12",
        "/outer/inner/journey/first",
        "/en/local/journey/first",
    ],
)
@pytest.mark.parametrize("query", ["", "?a=b%20c&a=d"])
def test_a_url_without_its_last_slash_leads_to_the_one_with_it(client, url, query):
    response = client.get(url + query)
    assert (response.status_code, response.headers.get("Location")) == (301, f"{url}/{query}")


def test_in_a_task_too_a_url_without_its_last_slash_leads_to_that_page():
    visitor = walk(reverse("flows:journey"), pages=1)
    response = visitor.client.get(f"/flows/journey/first?_t={visitor.task_id}")
    assert (response.status_code, response["Location"]) == (301, f"/flows/journey/first/?_t={visitor.task_id}")
    assert visitor.open(response["Location"]).status_code == 200


def test_what_is_no_page_with_a_slash_either_is_answered_as_it_is_with_one(client):
    assert client.get("/flows/journey/gone").status_code == client.get("/flows/journey/gone/").status_code == 404
    visitor = walk(reverse("flows:journey"), pages=1)
    here = visitor.url
    response = visitor.client.get(f"/flows/journey/gone?_t={visitor.task_id}")
    assert (response.status_code, response["Location"]) == (302, here)


def test_a_page_may_have_no_slash_and_may_want_none_to_be_added(client):
    assert client.get("/slashes/bare", follow=True).status_code == 200
    assert client.get("/slashes/strict").status_code == 404


def test_no_slash_is_added_where_the_settings_say_so(client, settings):
    settings.APPEND_SLASH = False
    assert client.get("/flows/journey/first").status_code == 404


def test_a_form_that_is_sent_to_a_url_without_its_slash_is_told_of_as_django_does(client, settings):
    assert client.post("/flows/journey/first")["Location"] == "/flows/journey/first/"
    settings.DEBUG = True
    with pytest.raises(RuntimeError, match=r"Change your form to point to testserver/flows/journey/first/"):
        client.post("/flows/journey/first")


@pytest.mark.parametrize("url", ["/hooked/hook", "/hooked/7", "/tea/other/hooked/hook", "/tea/other/hooked/7"])
def test_a_form_from_another_site_is_led_to_the_url_with_its_slash_as_by_django(url):
    response = Client(enforce_csrf_checks=True).post(url, {"name": "x"})
    assert (response.status_code, response["Location"]) == (301, f"{url}/")


# Middleware that looks at the view


@pytest.fixture
def _logins_required(settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    settings.LOGIN_URL = "/login/"


def led_to(response):
    return response.headers.get("Location", "").partition("?")[0]


@pytest.mark.usefixtures("_logins_required")
def test_a_flow_whose_first_page_needs_no_login_is_open_at_its_own_url_and_below_it(client):
    assert led_to(client.get(client.get("/club/")["Location"])) == "/club/open/"
    assert client.get("/club/gone/").status_code == 404
    visitor = Visitor()
    visitor.open("/club/open/")
    visitor.submit(name="x")
    assert visitor.page == "/login/"  # as the second page is not open
    task_id = visitor.url.partition("_t%3D")[2]
    for url in ("/club/", "/club/gone/", "/club/gone"):
        assert led_to(visitor.client.get(f"{url}?_t={task_id}")) == "/club/members/"
    assert led_to(client.get(f"/club/members?_t={task_id}")) == "/club/members/"


@pytest.mark.usefixtures("_logins_required")
@pytest.mark.parametrize("url", ["/inside/", "/inside/members/", "/inside/gone/"])
def test_a_flow_whose_first_page_needs_a_login_is_open_to_nobody_else(client, url):
    assert client.get(url)["Location"] == f"/login/?next={url}"


@pytest.mark.usefixtures("_logins_required")
def test_a_page_that_needs_no_login_is_found_without_its_last_slash(client):
    assert client.get("/inside/open")["Location"] == "/inside/open/"


@pytest.mark.usefixtures("_logins_required")
@pytest.mark.parametrize("url", ["/house/", "/house/doorkeeper/", "/house/gone/"])
def test_a_flow_asks_for_the_login_that_its_first_page_asks_for(client, url):
    assert client.get(url)["Location"] == f"/door/?after={url}"


def test_a_first_page_that_takes_forms_from_anywhere_does_not_let_them_complete_the_flow():
    visitor = Visitor()
    assert visitor.client.post("/payment/paid/").status_code == 302
    assert Effect.objects.filter(what="payment").count() == 1
    assert visitor.client.post("/payment/?skip=1").status_code == 403
    assert visitor.client.post("/payment/gone/?skip=1").status_code == 403
    assert Effect.objects.filter(what="payment").count() == 1


def test_every_view_is_of_a_view_class():
    for url, view_class in (
        ("/club/open/", Open),
        ("/club/", Open),
        ("/club/gone/", Open),
        ("/club/members/", Members),
    ):
        view = resolve(url).func
        assert view.view_class is view_class
        assert issubclass(view.view_class, View)
        assert view.__doc__ == view_class.__doc__
        assert view.position.root.component is Club


# Entry links


def entry(visitor, flow, **options):
    visitor.open("/entry/?flow=" + flow + "&options=" + json.dumps(options))
    return visitor.text


def test_an_entry_link_is_the_flows_url_and_makes_no_task():
    assert entry(Visitor(), "Journey") == "/flows/journey/first/"
    assert entry(Visitor(), "Journey", query={"a": "b c"}) == "/flows/journey/first/?a=b+c"
    assert entry(Visitor(), "Checkout", url_kwargs={"item": 7}) == "/flows/buy/7/choose/"
    assert not StoredTask.objects.exists()


def test_an_entry_link_with_state_makes_a_task_of_the_visitors_own():
    visitor = Visitor()
    url = entry(visitor, "Free", initial_state={"basket": [1, 2]}, query={"a": "b"}, on_complete_url="/entry/")
    assert url.startswith("/flows/free/menu/?a=b&_t=")
    visitor.open(url)
    assert visitor.response.context["state"] == {"basket": [1, 2]}
    assert visitor.response.context["flow"].back_url is None
    assert Visitor().open(url).status_code == 404


def test_an_entry_link_that_is_not_followed_twice_is_one_task():
    visitor = Visitor()
    url = entry(visitor, "Journey", initial_state={})
    visitor.open(url)
    visitor.submit(name="one")
    visitor.open(url)
    assert 'value="one"' in visitor.text
    assert StoredTask.objects.count() == 1


def test_state_that_cannot_be_kept_fails_in_the_link():
    request = RequestFactory().get("/")
    request.resolver_match, request.session = None, {}
    with pytest.raises(TypeError, match=r"^state\['x'\] is a builtins.object, which a task cannot keep\."):
        handler.flow_entry_link(request, flows.Journey, initial_state={"x": object()})


def test_a_link_to_what_is_no_entry_point_names_those_there_are():
    with pytest.raises(InvalidTarget) as error:
        handler.flow_entry_link(RequestFactory().get("/"), flows.Identify)
    assert str(error.value) == (
        "Identify is not an entry point of <FlowHandler flows: journey, checkout, free>. "
        "There are: Journey, Checkout, Free."
    )


def test_a_handler_that_is_not_included_says_so():
    request = RequestFactory().get("/")
    request.resolver_match = None
    with pytest.raises(ImproperlyConfigured) as error:
        make_handler(flows.Single, app_name="lost").flow_entry_link(request, flows.Single)
    assert str(error.value) == ("The urls of <FlowHandler lost: single> are not in the URLconf. Include them there.")


# Where to go at the end

TRICKS = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "https:evil.example",
    "javascript:alert(1)",
    "http://testserver@evil.example/",
    "\x00//evil.example",
    "https://testserver.evil.example/",
]


def finish(url):
    visitor = Visitor()
    visitor.open(url)
    form = visitor.form(name="x")
    return visitor.client.post(visitor.url, form)["Location"]


@pytest.mark.parametrize("target", ["/entry/", "http://testserver/entry/?a=b", "relative"])
def test_the_end_leads_to_where_the_link_said(target):
    assert finish(reverse("outer:deep:single", query={"_on_complete": target})) == target


@pytest.mark.parametrize("target", TRICKS)
def test_the_end_never_leads_to_another_site(target):
    assert finish(reverse("outer:deep:single", query={"_on_complete": target})).startswith("/outer/inner/single/?_t=")


def test_the_end_may_lead_to_a_host_that_is_allowed(settings):
    settings.FLOWS_ALLOWED_REDIRECT_HOSTS = ["pay.example"]
    assert (
        finish(reverse("outer:deep:single", query={"_on_complete": "https://pay.example/"})) == "https://pay.example/"
    )


def test_on_https_the_end_leads_to_https():
    visitor = Visitor()
    url = reverse("outer:deep:single", query={"_on_complete": "http://testserver/entry/"})
    url = visitor.client.get(url, secure=True)["Location"]
    visitor.response = visitor.client.get(url, secure=True)
    response = visitor.client.post(url, visitor.form(name="x"), secure=True, headers={"Referer": "https://testserver/"})
    assert response["Location"].startswith("/outer/inner/single/?_t=")


def test_where_the_end_leads_is_decided_at_the_start():
    visitor = walk(reverse("flows:journey"))
    form = visitor.form(name="x")
    response = visitor.client.post(visitor.url + "&_on_complete=/entry/", form)
    assert response["Location"] == visitor.url


def test_a_route_argument_that_urls_spell_in_two_ways_ends_on_the_page_that_says_so():
    with override("en"):
        url = reverse("local:spelled", kwargs={"code": "a=b;c"})
    visitor = walk(url, pages=1)
    assert "Done" in visitor.text


def test_a_target_that_no_redirect_can_hold_is_no_error_after_the_effects():
    # From 6.0 on, Django refuses redirects to URLs this long, also that of the entry point to itself.
    target = "/" + "\U0001d4b3" * 1900
    url = reverse("outer:deep:single", query={"_on_complete": target})
    if Visitor().client.get(url).status_code != 400:
        assert finish(url).startswith(("/outer/", "/%F0"))


# Registering


def test_a_handler_without_entry_points_says_so():
    with pytest.raises(ImproperlyConfigured) as error:
        FlowHandler().urls  # noqa: B018
    assert str(error.value) == (
        "The FlowHandler 'flows' has no entry points. Call register_entry_point() before its urls are included."
    )


def test_two_entry_points_of_one_name():
    with pytest.raises(DefinitionError) as error:
        make_handler(flows.Journey, flows.Journey)
    assert str(error.value) == (
        "Journey cannot be registered: an entry point named 'journey' is registered already. Give it another name."
    )


def test_two_entry_points_with_the_same_routes():
    twin = type("Twin", (Scaffold,), {"action_set": [flows.First], "url": "journey/"})
    with pytest.raises(DefinitionError) as error:
        make_handler(flows.Journey, twin)
    assert str(error.value) == (
        "First at 'journey/first' and First at 'twin/first' have the same route 'journey/first/'. "
        "Give one of them another url."
    )


def test_a_flow_at_the_root_of_its_prefix_catches_nothing_else():
    root = type("Root", (Scaffold,), {"action_set": [flows.First], "url": ""})
    resolver = URLResolver(RoutePattern(""), make_handler(root).urls[0])
    assert resolver.resolve("first/").url_name == "root/first"
    for other in ("", "other/", "first/more/"):
        with pytest.raises(Resolver404):
            resolver.resolve(other)


def test_a_handler_may_have_a_store_of_its_own():
    from flows.statestore.base import BaseStateStore

    class Store(BaseStateStore):
        kept: dict = {}

        def get_state(self, task_id):
            return self.kept[task_id]

        def put_state(self, task_id, state):
            self.kept[task_id] = json.dumps(state) and dict(state)

    own = make_handler(flows.Journey, state_store=Store())
    with override_settings(ROOT_URLCONF=type("urls", (), {"urlpatterns": [path("", include(own.urls))]})):
        visitor = walk("/journey/first/", pages=2)
        url, form = visitor.url, visitor.form(name="x")
        for _ in range(2):
            visitor.send(url, form)
            assert "Done" in visitor.text
    assert len(Store.kept) == 1
    assert Effect.objects.filter(what="complete").count() == 1
    assert not StoredTask.objects.exists()
