"""How many tasks an owner may have, and how large one may be: as projects and visitors meet it."""

import re

import pytest
from django.test import RequestFactory
from django.urls import include, path, reverse

from flows.components import COMPLETE, Action, Scaffold
from flows.exceptions import TaskTooLarge
from flows.handler import FlowHandler
from flows.models import StoredTask
from flows.statestore.base import get_store
from flows.transitions import Linear

from tests.testapp.flows import NameForm
from tests.testapp.models import Effect
from tests.visitor import Visitor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]


class Prepare(Action):
    form_class = NameForm

    def prepare(self):
        if "much" in self.request.GET:
            self.state["much"] = "x" * 20_000


class Photo(Action):
    form_class = NameForm

    def form_valid(self, form):
        Effect.objects.create(what="photo")
        self.state["photo"] = {"name": "p", "data": form.cleaned_data["name"] * 20_000}
        return COMPLETE


class Last(Action):
    form_class = NameForm


class Album(Scaffold):
    action_set = [Prepare, Photo, Last]
    transition = Linear()


handler = FlowHandler()
handler.register_entry_point(Album)
urlpatterns = [path("", include(handler.urls))]


def begin(visitor=None):
    visitor = visitor or Visitor()
    visitor.open(reverse("flows:album"))
    visitor.submit(name="x")
    assert visitor.page == "/album/photo/"
    return visitor


# How large a task may be


@pytest.fixture
def small(settings):
    settings.FLOWS_MAX_STATE_BYTES = 20_000


def test_state_that_is_too_large_says_what_is_large_and_keeps_nothing_and_no_effects(each_store, small):
    visitor = begin()
    before = get_store().read(visitor.task_id)
    with pytest.raises(TaskTooLarge) as error:
        visitor.submit(name="x")
    assert re.fullmatch(
        r"The task would be 20\d{3} bytes long, 20002 of them for state\['photo'\]\['data'\], and "
        r"FLOWS_MAX_STATE_BYTES is 20000\. Keep a reference to it, such as a model instance, or set a higher limit\.",
        str(error.value),
    )
    assert get_store().read(visitor.task_id).data == before.data
    assert not Effect.objects.exists()


def test_state_that_is_too_large_on_a_get_is_not_kept(each_store, small):
    visitor = begin()
    before = get_store().read(visitor.task_id)
    url = visitor.url.replace("photo", "prepare")
    with pytest.raises(TaskTooLarge):
        visitor.open(f"{url}&much")
    assert get_store().read(visitor.task_id).data == before.data
    assert visitor.open(url).status_code == 200


def test_a_link_with_a_state_that_is_too_large_begins_no_task(small, settings):
    settings.FLOWS_TASK_BINDER = lambda request: "somebody"
    request = RequestFactory().get("/")
    request.resolver_match = None
    with pytest.raises(TaskTooLarge):
        handler.flow_entry_link(request, Album, initial_state={"much": "x" * 20_000})
    assert not StoredTask.objects.exists()


def test_a_task_that_was_larger_than_a_lowered_limit_can_be_looked_at_and_not_gone_on_with(each_store, settings):
    visitor = begin()
    visitor.submit(name="x")
    settings.FLOWS_MAX_STATE_BYTES = 20_000
    assert visitor.open(visitor.url).status_code == 200
    visitor.submit(name="x")
    assert visitor.page == "/album/last/"
    assert "This is too long to be kept. Please shorten it." in visitor.text


# How many tasks an owner may have


def test_a_visitor_who_begins_too_many_tasks_loses_the_one_they_used_least_lately(each_store, settings):
    settings.FLOWS_MAX_TASKS_PER_OWNER = 2
    other = begin()
    first = begin()
    second = begin(first.another_tab())
    first.submit(name="x")
    third = begin(first.another_tab())
    second.submit(name="x")
    # Its id is good for another beginning.
    assert second.page == "/album/prepare/"
    assert second.response.context["answers"] == {}
    for visitor, page in ((first, "/album/last/"), (third, "/album/photo/"), (other, "/album/photo/")):
        visitor.open(visitor.url)
        assert (visitor.response.status_code, visitor.page) == (200, page)


def test_pages_that_are_only_looked_at_and_forms_that_are_not_valid_cost_no_task(each_store, settings):
    settings.FLOWS_MAX_TASKS_PER_OWNER = 1
    visitor = begin()
    tab = visitor.another_tab()
    tab.open(reverse("flows:album"))
    tab.submit(name="")
    assert "This field is required" in tab.text
    assert visitor.open(visitor.url).status_code == 200


def test_a_task_that_has_ended_still_leads_its_double_click_on(each_store, settings):
    settings.FLOWS_MAX_TASKS_PER_OWNER = 1
    visitor = begin()
    visitor.submit(name="x")
    url, form = visitor.url, visitor.form(name="x")
    visitor.send(url, form)
    assert "Done" in visitor.text
    begin(visitor.another_tab())
    begin(visitor.another_tab())
    visitor.send(url, form)
    assert "Done" in visitor.text
