"""The page after the end: what `done()` gives it, and who sees it."""

import datetime
import decimal
import time

import pytest
import time_machine
from django.db.models import F

from flows.components import Scaffold
from flows.exceptions import InvalidOutcome
from flows.models import StoredTask
from flows.transitions import Linear

from tests.route_pages import Page, Told, Walker, completions, effects, give_template, serve, walk
from tests.testapp.models import Effect
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db


class First(Page):
    pass


class Second(Page):
    pass


class Plain(Told):
    action_set = [First]


def ordering(template_name=None, **context):
    """Return a flow that ends in a page with this context."""

    class Ordering(Scaffold):
        action_set = [First]
        transition = Linear()

        def complete(self):
            Effect.objects.create(what="complete ordering")
            return self.done(template_name=template_name, **context)

    return Ordering


def test_the_page_after_the_end_shows_what_it_was_given(settings):
    values = {"number": 7, "total": decimal.Decimal("9.90"), "day": datetime.date(2026, 3, 1)}
    give_template(settings, "ordered.html", "Order {{ number }} of {{ day|date:'Y' }} is {{ total }}.")
    walker = walk(settings, ordering(template_name="ordered.html", **values))
    answer = walker.answer(says="one")
    assert answer.status_code == 302
    for _ in range(2):
        walker.open(answer["Location"])
        assert walker.text == "Order 7 of 2026 is 9.90."
    assert {name: walker.response.context[name] for name in values} == values


def test_the_page_after_the_end_has_a_template_of_ours_where_none_is_named(settings):
    walker = walk(settings, ordering(number=7), "one")
    assert "Done" in walker.text
    assert walker.response.context["number"] == 7


def test_the_form_that_ended_the_flow_leads_to_the_page_after_the_end_whenever_it_is_sent(settings):
    walker = walk(settings, ordering(number=7))
    form, url = walker.form(says="one"), walker.url
    for _ in range(2):
        walker.send(url, form)
        assert walker.response.context["number"] == 7
    assert effects() == ["first", "complete ordering"]


def test_all_pages_of_a_flow_that_ended_lead_to_the_page_after_the_end(settings):
    walker = walk(settings, ordering(number=7), "one")
    for page in ("", "first"):
        walker.go(page)
        assert walker.response.context["number"] == 7


def test_the_page_after_the_end_is_shown_to_nobody_else(settings):
    walker = walk(settings, ordering(number=7), "one")
    stranger = Visitor()
    assert stranger.open(walker.url).status_code == 404
    assert "number" not in (stranger.response.context or {})


@pytest.mark.parametrize("place", ["form_valid", "prepare", "group"])
def test_done_is_for_the_end_of_a_flow_only(settings, place):
    def done(self, form=None):
        return self.done(number=7)

    page = type("Inner", (Page,), {} if place == "group" else {place: done})
    group = type("Group", (Told,), {"action_set": [page], **({"complete": done} if place == "group" else {})})

    class Misplaced(Told):
        action_set = [First, group]

    serve(settings, Misplaced)
    walker = Walker(Misplaced)
    with pytest.raises(InvalidOutcome):
        walker.say("one", "two")
    assert completions("misplaced") == []


def test_a_flow_may_end_in_a_page_without_context(settings):
    walker = walk(settings, ordering(), "one")
    assert walker.response.status_code == 200
    assert "Done" in walker.text


def test_nothing_else_of_a_task_that_ended_is_kept(settings):
    walker = walk(settings, ordering(number=7))
    walker.say("a secret")
    assert "a secret" not in StoredTask.objects.get(pk=walker.task_id).data


# How long


def test_a_task_that_ended_is_not_begun_again_while_its_id_is_good(settings):
    walker = walk(settings, Plain)
    url, form = walker.url, walker.form(says="one")
    walker.send(url, form)
    with time_machine.travel(time.time() + 23 * 3600):
        walker.send(url, form)
        walker.open(url)
        assert "Done" in walker.text
    assert effects() == ["first", "complete plain"]


def test_the_page_after_the_end_is_gone_with_the_mark_of_the_task(settings):
    walker = walk(settings, ordering(number=7), "one")
    StoredTask.objects.update(touched=F("touched") - datetime.timedelta(hours=30))
    with time_machine.travel(time.time() + 30 * 3600):
        assert walker.client.get(walker.url).status_code == 404


@pytest.mark.parametrize(("timeout", "seconds", "is_found"), [(7200, 3600, True), (600, 900, False)])
def test_the_idle_timeout_is_that_of_now_and_not_of_when_the_task_began(settings, timeout, seconds, is_found):
    class Slow(Told):
        action_set = [First, Second]

    walker = walk(settings, Slow, "one")
    settings.FLOWS_TASK_IDLE_TIMEOUT = timeout
    StoredTask.objects.update(touched=F("touched") - datetime.timedelta(seconds=seconds))
    with time_machine.travel(time.time() + seconds):
        walker.go("second")
        assert (walker.response.status_code == 200) is is_found
