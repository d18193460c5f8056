"""Where a visitor may go, and where he is led when he may not."""

from types import ModuleType

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import include, path, reverse

from flows.components import Action, Scaffold
from flows.handler import FlowHandler
from flows.models import StoredTask

from tests.testapp.models import Effect
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor():
    return Visitor()


def stored():
    return list(StoredTask.objects.order_by("pk").values_list("pk", "data", "version", "touched"))


@pytest.fixture
def anna(client):
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create(username="anna"))
    return Visitor(client)


def begin_checkout(visitor):
    visitor.open(reverse("flows:checkout", kwargs={"item": 3}))
    visitor.submit(name="hat")


# The way forward


def test_the_whole_checkout_with_a_login_in_the_middle(visitor):
    User.objects.create(username="anna")
    begin_checkout(visitor)
    assert visitor.page == "/buy/3/identify/login/"
    visitor.submit(user="anna", password="hunter2")
    assert visitor.page == "/buy/3/pay/method/"
    visitor.submit(name="bank")
    assert visitor.page == "/buy/3/pay/bank/account/"
    visitor.submit(name="12345")
    assert visitor.page == "/buy/3/pay/bank/address/"
    visitor.submit(name="here")
    assert visitor.page == "/buy/3/confirm/"
    visitor.submit()
    assert visitor.page == "/thanks/"
    assert Effect.objects.get(what="order").detail == "3 hat"


def test_someone_logged_in_is_not_asked_who_he_is(anna):
    begin_checkout(anna)
    assert anna.page == "/buy/3/pay/method/"


def test_an_action_may_answer_with_a_response_of_its_own(anna):
    begin_checkout(anna)
    url, form = anna.url, anna.form(name="away")
    for _ in range(2):
        response = anna.client.post(url, form)
        assert (response.status_code, response["Location"]) == (302, "/elsewhere/")


def test_a_scaffold_as_an_outcome_means_its_first_action(anna):
    begin_checkout(anna)
    anna.submit(name="bank")
    assert anna.page == "/buy/3/pay/bank/account/"


def test_a_page_that_is_skipped_is_passed_over_with_its_whole_subtree(visitor):
    visitor.open(reverse("flows:branching"))
    visitor.submit(name="none")
    assert visitor.page == "/branching/third/"


@pytest.mark.parametrize(
    ("answer", "page"), [("blue", "colours/blue"), ("green", "colours/green"), ("bluegreen", "colours/blue")]
)
def test_a_page_under_a_condition(visitor, answer, page):
    visitor.open(reverse("flows:branching"))
    visitor.submit(name=answer)
    assert visitor.page == f"/branching/{page}/"


def test_an_edit_that_flips_a_branch(visitor):
    visitor.open(reverse("flows:branching"))
    visitor.submit(name="blue")
    question = visitor.response.context["flow"].back_url
    visitor.submit(name="deep")
    assert visitor.page == "/branching/third/"
    third = visitor.url
    visitor.open(question)
    visitor.submit(name="green")
    assert visitor.page == "/branching/colours/green/"
    green = visitor.url
    visitor.open(third)
    assert visitor.url == green
    visitor.submit(name="forest")
    assert visitor.page == "/branching/third/"


def test_a_flow_of_which_every_page_is_skipped_ends_on_post_and_not_on_get(visitor):
    visitor.open(reverse("flows:empty"))
    assert "nothing more to fill in" in visitor.text
    assert not Effect.objects.exists()
    visitor.submit()
    assert "Done" in visitor.text
    assert Effect.objects.filter(what="empty").count() == 1


def test_a_flow_of_one_page(visitor):
    visitor.open(reverse("flows:single"))
    visitor.submit(name="x")
    assert "Done" in visitor.text
    assert Effect.objects.filter(what="single").count() == 1


# A URL is a claim


@pytest.mark.parametrize(
    "claim", ["/buy/3/confirm/", "/buy/3/pay/method/", "/buy/3/gone/", "/buy/3/", "/buy/4/choose/"]
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_position_that_is_not_open_leads_to_where_the_visitor_is(visitor, claim, method):
    begin_checkout(visitor)
    here, before = visitor.url, stored()
    send = getattr(visitor.client, method)
    response = send(claim + "?_t=" + visitor.task_id, visitor.form(name="x") if method == "post" else None)
    assert (response.status_code, response["Location"]) == (302, here)
    assert stored() == before


@pytest.mark.parametrize("url", ["/buy/3/confirm/", "/buy/3/pay/method/", "/journey/second/", "/journey/gone/"])
@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "head", "options", "patch"])
def test_a_deeper_page_without_a_task_is_not_found(client, url, method):
    assert getattr(client, method)(url).status_code == 404
    assert not StoredTask.objects.exists()


def test_the_flow_itself_leads_to_its_first_page(visitor):
    visitor.open("/journey/?a=b")
    assert visitor.url.startswith("/journey/first/?a=b&_t=")


def test_an_entry_point_whose_first_page_is_skipped_leads_on(anna):
    anna.open(reverse("flows:gate") + "?_on_complete=/thanks/")
    assert anna.page == "/gate/second/"
    assert not StoredTask.objects.exists()
    anna.submit(name="x")
    assert anna.page == "/thanks/"


def test_the_page_led_on_to_is_not_open_to_a_visitor_who_is_not(visitor):
    assert visitor.open("/gate/second/").status_code == 404


def test_back_and_resend_unchanged(visitor):
    visitor.open(reverse("flows:journey"))
    visitor.submit(name="one")
    second = visitor.url
    visitor.submit(name="two")
    visitor.open(second)
    assert 'value="two"' in visitor.text
    visitor.submit(name="two")
    assert visitor.page == "/journey/third/"
    assert 'value="two"' not in visitor.text


def test_two_tabs_hold_two_tasks(visitor):
    other = visitor.another_tab()
    for tab, item in ((visitor, 1), (other, 2)):
        tab.open(reverse("flows:checkout", kwargs={"item": item}))
    visitor.submit(name="one")
    other.submit(name="two")
    User.objects.create(username="anna")
    visitor.submit(user="anna", password="x")
    other.open(other.url)
    assert (visitor.page, other.page) == ("/buy/1/pay/method/", "/buy/2/pay/method/")
    for tab in (other, visitor):
        tab.submit(name="card")
        tab.submit(name="1")
        tab.submit()
    assert list(Effect.objects.filter(what="order").values_list("detail", flat=True)) == ["2 two", "1 one"]


# What GET does not do


def crawl(visitor, method, **headers):
    return [
        getattr(visitor.client, method)(f"{url}?_t={visitor.task_id}", headers=headers).status_code
        for url in ("/journey/first/", "/journey/second/", "/journey/third/", "/journey/gone/")
    ]


def test_get_of_every_page_writes_nothing(visitor):
    visitor.open(reverse("flows:journey"))
    visitor.submit(name="one")
    visitor.submit(name="two")
    before, effects = stored(), Effect.objects.count()
    assert crawl(visitor, "get") == [200, 200, 200, 302]
    assert (stored(), Effect.objects.count()) == (before, effects)


@pytest.mark.parametrize(("method", "headers"), [("head", {}), ("options", {}), ("get", {"Sec-Purpose": "prefetch"})])
def test_looking_without_a_person_leaves_no_trail(anna, method, headers):
    begin_checkout(anna)
    before = stored()
    getattr(anna.client, method)(f"/buy/3/pay/card/?_t={anna.task_id}", headers=headers)
    assert stored() == before
    anna.open(f"/buy/3/pay/card/?_t={anna.task_id}")
    assert stored() != before


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_looking_at_an_entry_point_leaves_no_task(client, method):
    getattr(client, method)(reverse("flows:journey"))
    getattr(client, method)(reverse("flows:free"))
    assert not StoredTask.objects.exists()


# Links


def test_a_link_on_the_first_page_leads_on_in_the_same_task_and_stores_nothing(visitor):
    visitor.open(reverse("flows:free") + "?links")
    first, pick = visitor.response.context["links"]
    assert pick == f"/free/pick/?a=b&_t={visitor.task_id}"
    visitor.open(first)
    assert visitor.page == "/free/first/"
    assert not StoredTask.objects.exists()


def test_a_link_on_the_first_page_to_what_is_not_open_leads_back_in_the_same_task(visitor):
    visitor.open(reverse("flows:journey"))
    here = visitor.url
    visitor.open(here.replace("first", "third"))
    assert visitor.url == here


def test_links_on_a_first_page_that_is_shown_again_work(visitor):
    visitor.open(reverse("flows:free") + "?links")
    visitor.submit(name="")
    first, _ = visitor.response.context["links"]
    assert visitor.another_tab().open(first).status_code == 200
    visitor.submit(name="pick")
    assert visitor.page == "/free/pick/"


def test_a_link_to_what_cannot_be_reached_names_what_can(visitor):
    visitor.open(reverse("flows:free"))
    form = visitor.form(name="journey")
    with pytest.raises(LookupError) as error:
        visitor.send(visitor.url, form)
    assert str(error.value) == (
        "Journey cannot be reached from 'free/menu'. From there one may go to: Menu, First, Pick."
    )
    assert not StoredTask.objects.exists()


def test_complete_may_answer_with_a_page(visitor):
    visitor.open(reverse("flows:free"))
    url, form = visitor.url, visitor.form(name="end")
    response = visitor.client.post(url, form)
    assert (response.status_code, response.content) == (200, b"free at last")
    visitor.send(url, form)
    assert "Done" in visitor.text


def test_an_action_may_lead_to_itself(visitor):
    visitor.open(reverse("flows:free"))
    visitor.submit(name="menu")
    assert visitor.page == "/free/menu/"
    visitor.submit(name="menu")
    visitor.submit(name="pick")
    assert visitor.page == "/free/pick/"


def test_a_precondition_that_fails_leads_back(anna):
    begin_checkout(anna)
    anna.submit(name="card")
    task = StoredTask.objects.get()
    task.data = task.data.replace('"state":{"chosen":"hat"}', '"state":{}')
    task.save()
    anna.submit(name="1")
    assert anna.page == "/buy/3/pay/card/"


# Answers


def test_a_password_is_not_remembered(visitor):
    User.objects.create(username="anna")
    begin_checkout(visitor)
    visitor.submit(user="anna", password="hunter2")
    # All that is kept: the task, and the word that is left for a late twin of the login.
    kept = repr([vars(record) for record in StoredTask.objects.all()])
    assert "anna" in kept
    assert "hunter2" not in kept
    assert visitor.client.cookies["csrftoken"].value not in kept
    assert visitor.client.cookies["sessionid"].value not in kept


def test_an_ended_task_keeps_no_data(visitor):
    visitor.open(reverse("flows:journey"))
    for name in ("alpha", "beta", "gamma"):
        visitor.submit(name=name)
    data = StoredTask.objects.get().data
    assert not any(word in data for word in ("alpha", "beta", "gamma", "answers"))


# Names of which one begins with another


class Hub(Action):
    def form_valid(self, form):
        return CardDetails


class Card(Action):
    pass


class CardDetails(Action):
    pass


class Alternatives(Scaffold):
    action_set = [Hub, Card, CardDetails]


def test_who_is_on_a_page_is_not_led_to_one_whose_name_its_name_begins_with(settings):
    handler = FlowHandler()
    handler.register_entry_point(Alternatives)
    settings.ROOT_URLCONF = ModuleType("urls")
    settings.ROOT_URLCONF.urlpatterns = [path("", include(handler.urls))]
    visitor = Visitor()
    visitor.open(reverse("flows:alternatives"))
    visitor.submit()
    assert visitor.page == "/alternatives/card-details/"
    visitor.open(f"/alternatives/?_t={visitor.task_id}")
    assert visitor.page == "/alternatives/card-details/"
