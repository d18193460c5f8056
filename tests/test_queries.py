"""What a request costs: counted, and the same at any length of the journey."""

import re
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.urls import include, path, reverse

import flows
from flows.components import Action, Scaffold
from flows.handler import FlowHandler
from flows.models import StoredTask
from flows.transitions import Linear

from tests.testapp.flows import NameForm
from tests.testapp.models import Item
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db

OWN = str(Path(flows.__file__).parent)
LENGTH = 100
PAGES = [type(f"Page{number}", (Action,), {"form_class": NameForm}) for number in range(LENGTH)]
Long = type("Long", (Scaffold,), {"action_set": PAGES, "transition": Linear()})
Short = type("Short", (Scaffold,), {"action_set": PAGES[:3], "transition": Linear()})
handler = FlowHandler()
handler.register_entry_point(Long)
handler.register_entry_point(Short)
urlpatterns = [path("", include(handler.urls))]


@pytest.fixture
def on_sqlite():
    return connection.vendor == "sqlite"


def ours(captured):
    """Return the kinds of the queries of ours."""
    return [kind(query["sql"]) for query in captured if "flows_storedtask" in query["sql"]]


def kind(sql):
    """Return what a statement does, without what bounds its wait on MariaDB and PostgreSQL."""
    return "INSERT" if "INSERT INTO" in sql else re.sub(r"^SET STATEMENT .*? FOR ", "", sql).split()[0]


def test_a_page_costs_one_read_and_a_submission_one_read_and_one_write(on_sqlite):
    visitor = Visitor()
    visitor.open(reverse("flows:journey"))
    visitor.submit(name="one")
    with CaptureQueriesContext(connection) as captured:
        visitor.open(visitor.url)
    assert ours(captured) == ["SELECT"]
    form = visitor.form(name="two")
    with CaptureQueriesContext(connection) as captured:
        visitor.client.post(visitor.url, form)
    # SQLite has no row locks; there an UPDATE takes the write lock before anything is read.
    assert ours(captured) == (["UPDATE", "SELECT", "UPDATE"] if on_sqlite else ["SELECT", "UPDATE"])


def test_a_first_page_costs_one_read_and_its_submission_two_writes(on_sqlite):
    visitor = Visitor()
    with CaptureQueriesContext(connection) as captured:
        visitor.open(reverse("flows:journey"))
    assert ours(captured) == ["SELECT"]
    form = visitor.form(name="two")
    with CaptureQueriesContext(connection) as captured:
        visitor.client.post(visitor.url, form)
    looks = ["UPDATE", "SELECT"] if on_sqlite else ["SELECT"]
    assert ours(captured) == [*looks, "INSERT", "UPDATE"]


@pytest.mark.slow
@pytest.mark.urls(__name__)
def test_the_number_of_queries_is_the_same_at_every_page():
    visitor = Visitor()
    visitor.open(reverse("flows:long"))
    visitor.submit(name="x")
    counts = set()
    for number in range(1, LENGTH):
        with CaptureQueriesContext(connection) as captured:
            visitor.submit(name=f"answer {number}")
        counts.add(tuple(ours(captured)))
    assert len(counts) <= 2, "the last page ends the task, and its next page is the one that says so"
    assert "Done" in visitor.text


def test_remembered_model_instances_cost_no_query_until_they_are_looked_at():
    hat = Item.objects.create(name="hat")
    visitor = Visitor()
    visitor.open(reverse("flows:free"))
    visitor.submit(name="pick")
    visitor.submit(item=hat.pk, secret="s")
    visitor = Visitor()
    visitor.open(reverse("flows:shelf"))
    visitor.submit(item=hat.pk, secret="hunter2")
    with CaptureQueriesContext(connection) as captured:
        visitor.open(visitor.url)
    assert not [query for query in captured if "testapp_item" in query["sql"]]
    visitor.submit(name="x")
    assert "Done" in visitor.text


def test_a_page_touches_the_idle_clock_once_in_a_tenth_of_the_timeout(settings):
    visitor = Visitor()
    visitor.open(reverse("flows:journey"))
    visitor.submit(name="one")
    a_tenth = timedelta(seconds=settings.FLOWS_TASK_IDLE_TIMEOUT / 10)
    for age, kinds in ((a_tenth / 2, ["SELECT"]), (a_tenth * 2, ["SELECT", "UPDATE"]), (timedelta(), ["SELECT"])):
        StoredTask.objects.update(touched=F("touched") - age)
        with CaptureQueriesContext(connection) as captured:
            visitor.client.get(visitor.url)
        # PostgreSQL and MariaDB ask first whether the row is free.
        assert list(dict.fromkeys(ours(captured))) == kinds


# What is done in Python


class CountedForm(NameForm):
    validated = 0

    def full_clean(self):
        CountedForm.validated += self.is_bound
        super().full_clean()


def calls(function):
    """Return how many functions in Python are called by one."""
    number = 0

    def count(frame, event, argument):
        nonlocal number
        number += event == "call"

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return number


def calls_of_a_journey():
    """Return how many functions each page of a long journey calls when shown, and when sent."""
    visitor = Visitor()
    visitor.open(reverse("flows:long"))
    visitor.submit(name="x")
    shown, sent = [], []
    for number in range(1, LENGTH - 1):
        shown.append(calls(lambda: visitor.client.get(visitor.url)))
        form = visitor.form(name=f"answer {number}")
        sent.append(calls(lambda form=form: visitor.client.post(visitor.url, form)))
        visitor.send(visitor.url, form)
    return shown, sent


@pytest.mark.slow
@pytest.mark.urls(__name__)
def test_a_request_does_not_do_more_the_longer_the_journey_was(settings, tmp_path, monkeypatch):
    # A page that does not show all steps of the journey, of which there would be more links each time.
    (tmp_path / "plain.html").write_text("<form method='post'>{% csrf_token %}{{ form }}{{ flow.back_url }}</form>")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    for page in PAGES:
        monkeypatch.setattr(page, "template_name", "plain.html")
    # What a process does once for each page, such as compiling its pattern, is done in a first journey.
    calls_of_a_journey()
    shown, sent = calls_of_a_journey()
    for counts in (shown, sent):
        # The least of some, since now and then something else is done, such as collecting garbage.
        assert min(counts[-5:]) <= 1.02 * min(counts[1:6])


@pytest.mark.urls(__name__)
def test_a_form_is_validated_once_in_a_submission_and_not_when_it_is_shown(monkeypatch):
    for page in PAGES[:3]:
        monkeypatch.setattr(page, "form_class", CountedForm)
    visitor = Visitor()
    visitor.open(reverse("flows:long"))
    for _ in range(3):
        CountedForm.validated = 0
        visitor.client.get(visitor.url)
        assert CountedForm.validated == 0
        form = visitor.form(name="x")
        response = visitor.client.post(visitor.url, form)
        assert CountedForm.validated == 1
        visitor.open(response["Location"])


def test_the_queries_of_each_request_are_compiled_once_in_a_process(compiled, settings):
    settings.SESSION_ENGINE = "flows.sessions.db"
    visitor = Visitor()
    visitor.open(reverse("flows:journey"))
    visitor.submit(name="one")
    visitor.submit(name="two")
    compiled.clear()
    visitor.client.get(visitor.url)
    visitor.submit(name="three")
    assert compiled == [], "neither the task's nor the session's"
    StoredTask.objects.first()
    assert compiled == [StoredTask]


# What one request costs


def own_calls(request):
    """Return how many functions of ours a request calls."""
    codes = Counter()

    def count(frame, event, argument):
        if event == "call" and frame.f_code.co_filename.startswith(OWN) and not frame.f_code.co_name.startswith("<"):
            codes[frame.f_code] += 1

    sys.setprofile(count)
    try:
        request()
    finally:
        sys.setprofile(None)
    return codes.total()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="What is inlined since then is a call there.")
@pytest.mark.urls(__name__)
def test_a_request_of_a_short_flow_calls_few_functions_of_ours():
    for _ in range(2):  # what a process does once is done by the first
        visitor = Visitor()
        visitor.open(reverse("flows:short"))
        visitor.submit(name="x")
    form = visitor.form(name="x")
    assert own_calls(lambda: visitor.client.get(visitor.url)) <= 290
    assert own_calls(lambda: visitor.client.post(visitor.url, form)) <= 460
