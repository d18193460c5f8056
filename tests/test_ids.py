"""Ids from the first page on: what is one, how long it is good, and whose it is."""

import time

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from flows.exceptions import StateNotFound
from flows.http import ids
from flows.models import StoredTask

from tests.testapp.models import Effect
from tests.visitor import Visitor

FLOW = "flows:journey"
DAY = 24 * 3600


# What is an id


def test_an_id_that_was_made_here_is_known_again():
    task_id = ids.new_id(FLOW)
    assert ids.check_id(FLOW, task_id) == task_id
    assert ids.new_id(FLOW) != task_id


def test_an_id_fits_into_the_stores_and_into_urls():
    assert ids.ID.fullmatch(ids.new_id(FLOW))
    assert len(ids.new_id(FLOW)) <= StoredTask._meta.pk.max_length


@pytest.mark.parametrize(
    "change",
    [
        lambda task_id: "",
        lambda task_id: task_id[:-1],
        lambda task_id: task_id + "0",
        lambda task_id: task_id.upper().replace("0", "A"),
        lambda task_id: ("1" if task_id[0] == "0" else "0") + task_id[1:],
        lambda task_id: f"{task_id[:32]}{int(task_id[32:40], 16) + 1:08x}{task_id[40:]}",
        lambda task_id: "0" * 56,
        lambda task_id: task_id + "\n",
        lambda task_id: "é" * 56,
    ],
)
def test_what_was_made_up_is_none(change):
    with pytest.raises(StateNotFound, match="holds no id of a task that we made"):
        ids.check_id(FLOW, change(ids.new_id(FLOW)))


def test_an_id_is_of_one_flow():
    with pytest.raises(StateNotFound):
        ids.check_id("flows:checkout", ids.new_id(FLOW))


def test_an_id_outlives_a_change_of_the_secret_key(settings):
    task_id = ids.new_id(FLOW)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    assert ids.check_id(FLOW, task_id) == task_id
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(StateNotFound):
        ids.check_id(FLOW, task_id)


def test_the_age_of_an_id_is_in_it():
    task_id = ids.new_id(FLOW)
    with time_machine.travel(time.time() + 1000, tick=False):
        assert 999 <= ids.get_age(task_id) <= 1001
    with time_machine.travel(time.time() + DAY + 1), pytest.raises(StateNotFound, match="is too old"):
        ids.get_age(task_id)


# The entry


@pytest.fixture
def visitor(each_store):
    return Visitor()


pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("url", ["/journey/first/", "/journey/"])
@pytest.mark.parametrize("query", ["", "b=2&a=1&b=%C3%A9", "_on_complete=/thanks/"])
def test_an_entry_point_leads_to_itself_with_an_id_and_stores_nothing(client, url, query, method):
    response = getattr(client, method)(f"{url}?{query}" if query else url)
    where, _, task_id = response["Location"].rpartition("_t=")
    assert (response.status_code, where) == (302, f"{url}?{query}&" if query else f"{url}?")
    assert ids.check_id(FLOW, task_id)
    assert "no-store" in response["Cache-Control"]
    assert not response.cookies
    assert not StoredTask.objects.exists()


def test_the_first_page_stores_nothing_and_makes_a_session(visitor):
    visitor.open(reverse("flows:journey"))
    assert visitor.response.status_code == 200
    assert visitor.client.session.session_key
    assert not StoredTask.objects.exists()


def test_back_to_the_first_page_is_back_in_the_same_task(visitor):
    visitor.open(reverse("flows:journey"))
    first = visitor.url
    visitor.submit(name="one")
    visitor.submit(name="two")
    third = visitor.url
    visitor.open(first)
    assert 'value="one"' in visitor.text
    visitor.submit(name="uno")
    visitor.open(third)
    assert [answers["name"] for answers in visitor.response.context["answers"].values()] == ["uno", "two"]
    assert visitor.url == third


def test_a_page_of_another_place_leads_to_the_first_with_the_same_id(visitor):
    visitor.open(reverse("flows:journey"))
    first = visitor.url
    for place in ("second", "third", "gone"):
        visitor.open(first.replace("first", place))
        assert visitor.url == first


def test_an_id_is_whose_first_valid_form_was_sent_with_it(visitor):
    visitor.open(reverse("flows:journey"))
    other, first = Visitor(), visitor.url
    other.open(first)
    assert other.response.status_code == 200
    other.submit(name="")
    assert "This field is required" in other.text
    form = other.form(name="theirs")
    visitor.submit(name="mine")
    assert other.client.get(first).status_code == 404
    assert other.client.post(first, form).status_code == 404
    assert visitor.open(first).status_code == 200


@pytest.mark.parametrize("cookies", ["lost", "none"])
def test_a_doubled_first_page_whose_session_is_gone_is_executed_once(visitor, cookies):
    visitor.open(reverse("flows:journey"))
    url, answers = visitor.url, []
    visitor.client.session.flush() if cookies == "lost" else visitor.client.cookies.pop("sessionid")
    for _ in range(2):
        twin = visitor.twin().client
        answers.append(
            twin.post(url, {"name": "x"}, headers={"X-CSRFToken": visitor.client.cookies["csrftoken"].value})
        )
    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0]["Location"] == answers[1]["Location"]
    assert Effect.objects.count() == 1


# How long


def test_a_first_page_that_is_older_than_the_idle_timeout_has_expired_and_can_still_be_sent(visitor):
    visitor.open(reverse("flows:journey"))
    url, form = visitor.url, visitor.form(name="one")
    with time_machine.travel(time.time() + 2000):
        response = visitor.client.get(url)
        assert response.status_code == 404
        assert "/journey/first/" in response.content.decode()
        visitor.send(url, form)
        assert visitor.page == "/journey/second/"


def test_a_first_page_of_yesterday_begins_nothing(visitor):
    visitor.open(reverse("flows:journey"))
    form = visitor.form(name="one")
    with time_machine.travel(time.time() + DAY + 10):
        assert visitor.client.post(visitor.url, form).status_code == 404
    assert not Effect.objects.exists()


def test_whatever_is_wrong_with_an_id_the_answer_is_the_same(visitor):
    visitor.open(reverse("flows:journey"))
    visitor.submit(name="one")
    theirs, client = visitor.task_id, Client()
    wrong = [theirs, "", "0", "0" * 56, ids.new_id("flows:checkout"), f"{theirs}&_t={theirs}"]
    answers = [client.get(f"/journey/first/?_t={task_id}") for task_id in wrong]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_a_post_without_an_id_begins_a_task(visitor):
    visitor.open(reverse("flows:journey"))
    visitor.send(reverse("flows:journey"), visitor.form(name="one"))
    assert visitor.page == "/journey/second/"
    visitor.submit(name="two")
    assert visitor.page == "/journey/third/"
