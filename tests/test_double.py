"""A submission is executed once, however often and however close together it is sent."""

import os
import threading

import pytest
from django.contrib.auth import login, logout
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from flows import binder
from flows.engine import new_session

from tests.testapp.flows import Card, Counted, Login, Method
from tests.testapp.models import Effect
from tests.visitor import Visitor, at_once

#: tox sends fewer on a server that it starts, after as many on SQLite.
PAIRS = int(os.environ.get("FLOWS_TEST_PAIRS", "50"))


def send_doubled(visitor, times=2, **data):
    """Send the form on the page several times at once; return where each was led."""
    url, form = visitor.url, visitor.form(**data)
    twins = [visitor.twin() for _ in range(times)]
    responses = at_once(*(lambda twin=twin: twin.client.post(url, form) for twin in twins))
    for response in responses:
        assert getattr(response, "status_code", response) == 302
    return [response["Location"] for response in responses], twins


def logged_in():
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get_or_create(username="anna")[0])
    return Visitor(client)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("newcomer", [Visitor, logged_in], ids=["without a session", "with a session"])
def test_doubled_first_page(each_store, newcomer):
    for number in range(PAIRS):
        visitor = newcomer()
        visitor.open(reverse("flows:journey") + "?slow")
        (first, second), twins = send_doubled(visitor, name=str(number))
        assert first == second
        assert twins[1].open(second).status_code == 200
        assert twins[0].page == "/journey/first/" or twins[1].page == "/journey/second/"
    assert Effect.objects.filter(what="journey/first").count() == PAIRS


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_doubled_middle_page(each_store):
    for number in range(PAIRS):
        visitor = Visitor()
        visitor.open(reverse("flows:journey"))
        visitor.submit(name="first")
        visitor.url += "&slow"
        (first, second), _ = send_doubled(visitor, name=str(number))
        assert first == second
        assert first.startswith("/journey/third/")
    assert Effect.objects.filter(what="journey/second").count() == PAIRS


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_doubled_last_page(each_store):
    for number in range(PAIRS):
        visitor = Visitor()
        visitor.open(reverse("flows:journey"))
        visitor.submit(name="first")
        visitor.submit(name="second")
        visitor.url += "&slow"
        (first, second), twins = send_doubled(visitor, name=str(number))
        assert twins[0].open(first).content == twins[1].open(second).content
        assert "Done" in twins[0].text
    assert Effect.objects.filter(what="journey/third").count() == PAIRS
    assert Effect.objects.filter(what="complete").count() == PAIRS


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("pages", [0, 1, 2], ids=["first", "middle", "last"])
def test_ten_at_once(each_store, pages):
    visitor = Visitor()
    visitor.open(reverse("flows:journey"))
    for _ in range(pages):
        visitor.submit(name="x")
    Effect.objects.all().delete()
    visitor.url += ("&" if "?" in visitor.url else "?") + "slow"
    send_doubled(visitor, times=10, name="y")
    assert Effect.objects.exclude(what="complete").count() == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_pages_of_one_task_at_once_both_count(each_store):
    for _ in range(10):
        visitor = Visitor()
        visitor.open(reverse("flows:journey"))
        visitor.submit(name="1")
        second = visitor.url
        visitor.submit(name="2")
        one, two = visitor.twin(), visitor.twin()
        one.open(second)
        calls = [(one.client, second, one.form(name="2b")), (two.client, visitor.url, visitor.form(name="3b"))]
        at_once(*(lambda call=call: call[0].post(*call[1:]) for call in calls))
        end = visitor.open(visitor.url)
        assert end.status_code == 200
    details = list(Effect.objects.filter(what="complete").values_list("detail", flat=True))
    assert len(details) == 10
    assert {tuple(detail.split(","))[2] for detail in details} == {"3b"}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_page_that_is_opened_during_a_submission_does_not_spoil_it(each_store, monkeypatch):
    """Also where looking at it would be noted: the page was not seen before."""
    visitor = logged_in()
    visitor.open(reverse("flows:checkout", kwargs={"item": 1}))
    visitor.submit(name="hat")
    poster, looker = visitor.twin(), visitor.twin()
    inside, looked = threading.Event(), threading.Event()

    def valid(self, form):
        Effect.objects.create(what="method")
        inside.set()
        looked.wait(20)
        return Card

    def look():
        inside.wait(20)
        try:
            return looker.client.get(f"/buy/1/pay/bank/account/?_t={visitor.task_id}")
        finally:
            looked.set()

    monkeypatch.setattr(Method, "form_valid", valid)
    form = visitor.form(name="card")
    posted, page = at_once(lambda: poster.client.post(visitor.url, form), look)
    assert (posted.status_code, page.status_code) == (302, 200)
    assert visitor.client.post(visitor.url, form)["Location"] == posted["Location"]
    assert Effect.objects.filter(what="method").count() == 1


@pytest.mark.django_db
def test_the_cookie_of_a_session_that_ended_opens_nothing_without_the_submission_that_ended_it(each_store):
    User.objects.create(username="anna")
    visitor = Visitor()
    visitor.open(reverse("flows:checkout", kwargs={"item": 1}))
    visitor.submit(name="hat")
    thief, form = visitor.twin(), visitor.form(user="anna", password="x")
    visitor.send(visitor.url, form)
    thief.send(thief.url, {**form, "password": "guess"})
    assert thief.response.status_code == 404
    thief.open(visitor.url)
    assert thief.response.status_code == 404
    assert "_auth_user_id" not in thief.client.session


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["logout", "flush", "cycle_key", "login"])
def test_a_first_page_that_changes_the_session_is_executed_once(each_store, monkeypatch, change):
    user = User.objects.create(username="bea")
    changes = {
        "logout": logout,
        "flush": lambda request: request.session.flush(),
        "cycle_key": lambda request: request.session.cycle_key(),
        "login": lambda request: login(request, user),
    }
    valid, leave, kept = Counted.form_valid, new_session.SessionChange.record_new_session, []

    def form_valid(self, form):
        changes[change](self.request)
        return valid(self, form)

    def record_new_session(self, url):
        leave(self, url)
        kept.append(self.request.session.__class__(self.request.session.session_key).load())

    monkeypatch.setattr(Counted, "form_valid", form_valid)
    monkeypatch.setattr(new_session.SessionChange, "record_new_session", record_new_session)
    visitor = logged_in() if change == "logout" else Visitor()
    visitor.open(reverse("flows:journey"))
    late = visitor.twin()  # whom the new cookie does not reach
    url, form = visitor.url, visitor.form(name="x")
    visitor.send(url, form)
    second = visitor.url
    again = visitor.client.post(url, form)
    assert again.status_code == 403 or again["Location"] == second  # a login rotates the token
    late.send(url, form)
    assert (late.url, late.response.status_code) == (second, 200)
    assert late.client.session.session_key == visitor.client.session.session_key
    assert Effect.objects.filter(what="journey/first").count() == 1
    # What opens the task is in the new session by the time that a twin can be given it.
    assert [binder.VISITOR_KEY in session for session in kept] == [True]


def forget_session(visitor):
    """End the session that the page was shown in; the cookie stays."""
    visitor.client.session.flush()


def forget_cookie(visitor):
    forget_session(visitor)
    del visitor.client.cookies["sessionid"]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("forget", [forget_session, forget_cookie])
def test_doubled_first_page_whose_session_ended_meanwhile(each_store, forget):
    for number in range(5):
        visitor = Visitor()
        visitor.open(reverse("flows:journey") + "?slow")
        forget(visitor)
        (first, second), twins = send_doubled(visitor, name=str(number))
        assert first == second
        for twin in twins:
            twin.open(first)
            assert (twin.response.status_code, twin.page) == (200, "/journey/second/")
        keys = {twin.client.session.session_key for twin in twins}
        assert len(keys) == 1
    assert Effect.objects.filter(what="journey/first").count() == 5


@pytest.mark.django_db(transaction=True)
def test_a_doubled_login_reaches_the_browser_that_follows_the_second_answer(each_store, monkeypatch):
    user = User.objects.create(username="anna")
    arrived, both, valid, enter = [], threading.Event(), Login.form_valid, new_session.SessionChange.__init__

    def arrive(self, *args, **options):
        arrived.append(self)
        if len(arrived) == 2:
            both.set()
        enter(self, *args, **options)

    def form_valid(self, form):
        both.wait(20)
        return valid(self, form)

    visitor = Visitor()
    visitor.open(reverse("flows:checkout", kwargs={"item": 1}))
    visitor.submit(name="hat")
    monkeypatch.setattr(new_session.SessionChange, "__init__", arrive)
    monkeypatch.setattr(Login, "form_valid", form_valid)
    _, twins = send_doubled(visitor, user=user.username, password="x")
    monkeypatch.undo()
    for twin in twins:
        twin.open(f"/buy/1/pay/method/?_t={visitor.task_id}")
        assert (twin.response.status_code, twin.page) == (200, "/buy/1/pay/method/")
        assert twin.client.session["_auth_user_id"] == str(user.pk)
    assert Effect.objects.filter(what="login").count() == 1


# One after the other

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor():
    visitor = Visitor()
    visitor.open(reverse("flows:journey"))
    return visitor


def test_resent_later_it_leads_to_the_same_next_page(visitor, each_store):
    url, form = visitor.url, visitor.form(name="one")
    visitor.send(url, form)
    second = visitor.url
    visitor.submit(name="two")
    visitor.send(url, form)
    assert visitor.url == second
    assert Effect.objects.filter(what="journey/first").count() == 1


def test_resent_after_completion_it_leads_to_the_end(visitor, each_store):
    sent = []
    for name in ("one", "two", "three"):
        sent.append((visitor.url, visitor.form(name=name)))
        visitor.send(*sent[-1])
    end = visitor.url
    for url, form in sent:
        visitor.send(url, form)
        assert visitor.url.partition("?")[2] == end.partition("?")[2]
        assert "Done" in visitor.text
    assert Effect.objects.count() == 4


def test_a_form_rendered_afresh_is_a_new_submission_even_with_the_same_answers(visitor, each_store):
    visitor.submit(name="one")
    url = visitor.url
    visitor.submit(name="two")
    visitor.open(url)
    visitor.submit(name="two")
    assert Effect.objects.filter(what="journey/second").count() == 2


def test_the_first_page_rendered_afresh_begins_another_task(visitor, each_store):
    visitor.submit(name="one")
    first = visitor.task_id
    visitor.open(reverse("flows:journey"))
    visitor.submit(name="one")
    assert visitor.task_id != first
    assert Effect.objects.filter(what="journey/first").count() == 2


def test_another_answer_from_the_same_rendering_is_a_new_submission(visitor, each_store):
    visitor.submit(name="one")
    url, form = visitor.url, visitor.form(name="two")
    visitor.send(url, form)
    visitor.send(url, {**form, "name": "other"})
    visitor.send(url, form)
    assert list(Effect.objects.filter(what="journey/second").values_list("detail", flat=True)) == ["two", "other"]


def test_without_a_token_equal_bodies_are_one_submission_until_the_page_is_shown_again(each_store):
    visitor = Visitor(Client())
    visitor.open(reverse("flows:journey"))
    visitor.send(visitor.url, {"name": "one"})
    url = visitor.url
    for _ in range(2):
        visitor.send(url, {"name": "two"})
        visitor.send(url, {"name": "two"})
        assert visitor.page == "/journey/third/"
        visitor.open(url)
    assert Effect.objects.filter(what="journey/second").count() == 2


def test_without_a_token_the_first_page_is_one_submission_until_it_is_shown_again(each_store):
    visitor = Visitor(Client())
    url = visitor.enter(reverse("flows:journey"))
    for _ in range(2):
        visitor.open(url)
        for _ in range(2):
            visitor.send(url, {"name": "one"})
            assert visitor.url == url.replace("first", "second")
    assert Effect.objects.filter(what="journey/first").count() == 2


def test_without_a_token_and_an_id_each_is_a_submission_of_its_own(each_store):
    visitor, tasks = Visitor(Client()), set()
    for _ in range(2):
        visitor.send(reverse("flows:journey"), {"name": "one"})
        tasks.add(visitor.task_id)
    assert len(tasks) == Effect.objects.filter(what="journey/first").count() == 2


def test_with_a_token_and_without_an_id_it_is_one_submission(visitor, each_store):
    form, tasks = visitor.form(name="one"), set()
    for _ in range(2):
        visitor.send(reverse("flows:journey"), form)
        tasks.add(visitor.task_id)
    assert len(tasks) == Effect.objects.filter(what="journey/first").count() == 1


def test_a_flow_of_one_page_that_was_begun_again_is_done_again(each_store):
    visitor = Visitor(Client())
    for _ in range(2):
        url = visitor.enter(reverse("flows:single"))
        for _ in range(2):
            visitor.send(url, {"name": "one"})
            assert "Done" in visitor.text
    assert Effect.objects.filter(what="single").count() == 2


def test_what_an_action_refused_is_shown_again_and_not_tried_again(each_store, client):
    visitor = logged_in()
    visitor.open(reverse("flows:checkout", kwargs={"item": 3}))
    visitor.submit(name="hat")
    visitor.submit(name="card")
    url, form = visitor.url, visitor.form(name="declined")
    for _ in range(3):
        visitor.send(url, form)
        assert visitor.response.status_code == 200
        assert "The card was declined." in visitor.text
    assert Effect.objects.filter(what="charge").count() == 1


def test_what_an_action_refused_is_not_tried_again_after_another_way_was_taken(each_store):
    visitor = logged_in()
    visitor.open(reverse("flows:checkout", kwargs={"item": 3}))
    visitor.submit(name="hat")
    other = visitor.another_tab()
    visitor.submit(name="card")
    url, form = visitor.url, visitor.form(name="declined")
    visitor.send(url, form)
    other.open(f"/buy/3/choose/?_t={visitor.task_id}")
    other.submit(name="coat")
    for _ in range(2):
        visitor.send(url, form)
        assert "The card was declined." in visitor.text
    assert Effect.objects.filter(what="charge").count() == 1


def test_a_multipart_body_is_the_same_with_another_boundary(each_store, visitor):
    url, form = visitor.url, visitor.form(name="one")
    for boundary in ("aaa", "bbb"):
        body = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in form.items()
        )
        visitor.response = visitor.client.post(
            url, data=body + f"--{boundary}--\r\n", content_type=f"multipart/form-data; boundary={boundary}"
        )
        assert visitor.response.status_code == 302
    assert Effect.objects.count() == 1


def test_an_invalid_submission_is_no_execution_and_leaves_no_task(visitor, each_store):
    for _ in range(2):
        visitor.submit(name="")
        assert visitor.response.status_code == 200
        assert "This field is required." in visitor.text
    visitor.submit(name="one")
    assert visitor.page == "/journey/second/"
    assert Effect.objects.count() == 1


def test_a_form_is_not_executed_again_after_the_secret_key_was_changed(visitor, each_store, settings):
    visitor.submit(name="one")
    url, form = visitor.url, visitor.form(name="two")
    visitor.send(url, form)
    here = visitor.url
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    visitor.send(url, form)
    assert visitor.url == here
    assert Effect.objects.filter(what="journey/second").count() == 1


def test_a_double_click_of_a_user_after_the_secret_key_was_changed_leads_on_twice(each_store, settings):
    """Django gives the session of who is known by an old key another key while it is read."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create(username="anna"))
    visitor = Visitor(client)
    visitor.open(reverse("flows:journey"))
    visitor.submit(name="one")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    form, twins = visitor.form(name="two"), [visitor.twin(), visitor.twin()]
    for twin in twins:
        twin.send(visitor.url, form)
        assert twin.response.status_code == 200
    assert twins[0].url == twins[1].url
    assert Effect.objects.filter(what="journey/second").count() == 1
