"""What must hold before a page is run, as a visitor meets it."""

from types import SimpleNamespace
from urllib.parse import quote

import pytest
from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import AnonymousUser, Permission
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.urls import include, path

from flows.components import COMPLETE, Action, Scaffold
from flows.handler import FlowHandler
from flows.preconditions import LoginRequired, PermissionRequired, RequiredState
from flows.transitions import Linear

from tests.testapp.flows import NameForm
from tests.testapp.models import Effect
from tests.visitor import Visitor


class Ask(Action):
    form_class = NameForm

    def form_valid(self, form):
        if form.cleaned_data["name"] != "nothing":
            self.state["told"] = form.cleaned_data["name"]
        return COMPLETE


class Said(Action):
    form_class = NameForm
    preconditions = [RequiredState("told")]

    def form_valid(self, form):
        Effect.objects.create(what="said")
        return COMPLETE


class Inside(Said):
    preconditions = []


class Room(Scaffold):
    action_set = [Inside]
    preconditions = [RequiredState("told", otherwise=HttpResponse("closed", status=409))]


class Sent(Action):
    preconditions = [RequiredState("told", otherwise=Ask)]


class Member(Said):
    preconditions = [LoginRequired()]


class Editor(Said):
    preconditions = [PermissionRequired("testapp.change_item")]


def closed_on_sundays(component):
    return HttpResponse("closed on sundays") if "sunday" in component.request.GET else None


class Hall(Scaffold):
    """Everything stands open but for what the preconditions say."""

    action_set = [Ask, Said, Sent, Room, Member, Editor]
    preconditions = [closed_on_sundays]


class Corridor(Scaffold):
    action_set = [Ask, Said]
    transition = Linear()


handler = FlowHandler()
handler.register_entry_point(Hall)
handler.register_entry_point(Corridor)
urlpatterns = [path("", include(handler.urls)), path("login/", lambda request: HttpResponse("login"), name="login")]

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


def begin(**state):
    """Return a visitor with a task in the hall."""
    visitor = Visitor()
    visitor.open("/hall/ask/")
    request = visitor.response.wsgi_request
    visitor.open(handler.flow_entry_link(request, Hall, initial_state=state))
    return visitor


def go(visitor, page):
    return visitor.open(f"/hall/{page}/?_t={visitor.task_id}")


# RequiredState


def test_where_the_state_holds_the_names_the_page_is_shown():
    visitor = begin(told="")
    go(visitor, "said")
    assert (visitor.page, visitor.response.status_code) == ("/hall/said/", 200)


def test_where_a_name_is_missing_the_visitor_is_led_to_the_page_before():
    visitor = begin()
    go(visitor, "said")
    assert (visitor.page, visitor.response.status_code) == ("/hall/ask/", 200)


def test_where_a_name_is_missing_the_visitor_may_be_led_to_a_component():
    visitor = begin()
    go(visitor, "sent")
    assert visitor.page == "/hall/ask/"


def test_where_a_name_is_missing_the_visitor_may_be_answered():
    visitor = begin()
    go(visitor, "room/inside")
    assert (visitor.page, visitor.response.status_code, visitor.text) == ("/hall/room/inside/", 409, "closed")


def test_all_names_are_required():
    component = SimpleNamespace(state={"a": None}, turn_back=lambda: "back")
    assert RequiredState("a")(component) is None
    assert RequiredState("a", "b")(component) == "back"
    assert RequiredState("a", "b", otherwise=Ask)(component) is Ask


def test_what_a_page_before_puts_into_the_state_opens_the_next():
    visitor = Visitor()
    visitor.open("/corridor/ask/")
    visitor.submit(name="nothing")
    assert visitor.page == "/corridor/ask/"
    visitor.submit(name="yes")
    assert visitor.page == "/corridor/said/"


# LoginRequired, PermissionRequired


def test_who_is_not_logged_in_is_sent_to_the_login_page_which_leads_back_to_his_task(settings, django_user_model):
    settings.LOGIN_URL = "login"
    visitor = begin()
    page = f"/hall/member/?_t={visitor.task_id}"
    visitor.open(page)
    assert visitor.url == f"/login/?next={quote(page)}"
    visitor.client.force_login(django_user_model.objects.create_user("ada"))
    visitor.open(page)
    assert (visitor.page, visitor.response.status_code) == ("/hall/member/", 200)


@pytest.mark.parametrize("user", ["nobody", "reader", "editor"])
def test_a_permission_is_required(settings, django_user_model, user):
    settings.LOGIN_URL = "login"
    visitor = begin()
    task_id = visitor.task_id
    if user != "nobody":
        account = django_user_model.objects.create_user(user)
        if user == "editor":
            create_permissions(apps.get_app_config("testapp"))
            account.user_permissions.add(Permission.objects.get(codename="change_item"))
        visitor.client.force_login(account)
    visitor.open(f"/hall/editor/?_t={task_id}")
    assert (visitor.page, visitor.response.status_code) == {
        "nobody": ("/login/", 200),
        "reader": ("/hall/editor/", 403),
        "editor": ("/hall/editor/", 200),
    }[user]


def test_a_permission_that_lacks_is_named_in_the_log(rf):
    request = rf.get("/")
    request.user = SimpleNamespace(is_authenticated=True, has_perm=lambda name: False, __str__=None)
    with pytest.raises(PermissionDenied, match=r" lacks the permission shop\.buy, which Ask requires\.$"):
        PermissionRequired("shop.buy")(_asking(request))


def test_a_visitor_who_is_not_logged_in_is_not_told_of_permissions(rf):
    request = rf.get("/")
    request.user = AnonymousUser()
    assert PermissionRequired("shop.buy")(_asking(request)).status_code == 302


def _asking(request):
    component = Ask()
    component.request = request
    return component


# Where and when they are asked


@pytest.mark.parametrize("page", ["said", "room/inside", "member"])
def test_a_submission_is_not_executed_where_a_precondition_does_not_hold(page):
    visitor = begin()
    form = visitor.form(name="x")
    visitor.send(f"/hall/{page}/?_t={visitor.task_id}", form)
    assert not Effect.objects.exists()


def test_those_of_a_scaffold_hold_for_every_page_in_it():
    visitor = begin(told="yes")
    go(visitor, "room/inside")
    assert visitor.response.status_code == 200
    visitor.open(f"{visitor.url}&sunday")
    assert visitor.text == "closed on sundays"


def test_they_are_asked_from_the_root_to_the_leaf():
    visitor = begin()
    visitor.open(f"/hall/room/inside/?_t={visitor.task_id}&sunday")
    assert visitor.text == "closed on sundays"


def test_those_of_the_flow_are_asked_before_there_is_a_task():
    visitor = Visitor()
    visitor.open("/hall/ask/?sunday")
    assert visitor.text == "closed on sundays"
