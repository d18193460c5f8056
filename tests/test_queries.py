"""What a request costs: counted, and the same at any length of the journey."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.urls import include, path, reverse

from flows.components import Action, Scaffold
from flows.handler import FlowHandler
from flows.models import StoredTask
from flows.transitions import Linear

from tests.testapp.flows import NameForm
from tests.testapp.models import Item
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db

LENGTH = 100
PAGES = [type(f"Page{number}", (Action,), {"form_class": NameForm}) for number in range(LENGTH)]
Long = type("Long", (Scaffold,), {"action_set": PAGES, "transition": Linear()})
handler = FlowHandler()
handler.register_entry_point(Long)
urlpatterns = [path("", include(handler.urls))]


@pytest.fixture
def on_sqlite():
    return connection.vendor == "sqlite"


def ours(captured):
    """Return the kinds of the queries of ours."""
    return [query["sql"].split()[0] for query in captured if "flows_storedtask" in query["sql"]]


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


def test_a_first_page_costs_no_query_and_its_submission_two_writes():
    visitor = Visitor()
    with CaptureQueriesContext(connection) as captured:
        visitor.open(reverse("flows:journey"))
    assert ours(captured) == []
    form = visitor.form(name="two")
    with CaptureQueriesContext(connection) as captured:
        visitor.client.post(visitor.url, form)
    assert ours(captured) == ["INSERT", "UPDATE"]


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
