"""Which pages a visitor may open, in order, and where each answer leads them."""

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse, HttpResponseRedirect

from flows.components import Scaffold
from flows.transitions import Linear

from tests.route_pages import Page, Told, Walker, completions, effects, serve, walk
from tests.testapp.models import Effect

pytestmark = pytest.mark.django_db


class First(Page):
    pass


class Second(Page):
    ends = {
        "first": lambda page: First,
        "second": lambda page: Second,
        "leave": lambda page: page.leave("/elsewhere/"),
        "refuse": lambda page: page.refuse(),
        "page": lambda page: HttpResponse("A page of its own."),
    }


class Third(Page):
    ends = {"first": lambda page: First, "send first": lambda page: page.send_to(First, query={"why": "third"})}


class Fourth(Page):
    ends = {"away": lambda page: HttpResponseRedirect("/elsewhere/")}


class Ordered(Told):
    action_set = [First, Second, Third, Fourth]


# What stands in order


def test_the_route_ends_at_the_first_page_that_is_not_answered(settings):
    walker = walk(settings, Ordered, "one")
    assert [walker.go(page) for page in ("first", "second", "third", "fourth")] == [
        "first",
        "second",
        "second",
        "second",
    ]


def test_a_form_that_stands_behind_the_open_page_is_not_handled(settings):
    walker = walk(settings, Ordered, "one")
    walker.send(walker.url_of("fourth"), walker.form(says="four"))
    assert (walker.at, effects()) == ("second", ["first"])


def test_an_edit_leads_to_the_page_that_is_open(settings):
    walker = walk(settings, Ordered, "one", "two", "three")
    walker.go("first")
    assert walker.say("uno") == "fourth"
    assert walker.said == "first=uno second=two third=three"


def test_the_same_answer_again_changes_nothing_and_leads_on(settings):
    walker = walk(settings, Ordered, "one", "two")
    walker.go("first")
    assert walker.say("one") == "third"


def test_an_edit_that_leaves_nothing_open_leads_to_the_page_after_it_and_completes_nothing(settings):
    walker = walk(settings, Ordered, "one", "two", "three", "away")
    walker.go("first")
    assert walker.say("uno") == "second"
    walker.go("second")
    assert walker.say("two") == "third"
    assert completions("ordered") == []


# What leaves a page open


@pytest.mark.parametrize("end", ["leave", "refuse", "page"])
def test_a_page_that_is_open_again_hides_what_stands_behind_it_until_it_is_answered(settings, end):
    walker = walk(settings, Ordered, "one", "two", "three")
    walker.go("second")
    walker.answer(says=end)
    assert [walker.go(page) for page in ("", "third", "fourth", "first")] == ["second", "second", "second", "first"]
    assert "third=" not in walker.said
    walker.go("second")
    assert walker.say("deux") == "fourth"
    assert walker.said == "first=one second=deux third=three"


def test_a_page_that_was_left_for_a_bank_is_shown_with_what_was_said(settings):
    walker = walk(settings, Ordered, "one")
    assert walker.answer(says="leave")["Location"] == "/elsewhere/"
    walker.go("second")
    assert 'value="leave"' in walker.text


def test_the_last_page_that_was_left_for_a_bank_is_a_page_with_a_form(settings):
    class Bank(Page):
        ends = {"leave": lambda page: page.leave("/elsewhere/")}

    class Paying(Told):
        action_set = [First, Bank]

    walker = walk(settings, Paying, "one")
    walker.answer(says="leave")
    assert walker.go() == "bank"
    assert completions("paying") == []
    walker.say("paid")
    assert completions("paying") == ["first=one bank=paid"]


# Outcomes that name a component


def test_an_outcome_may_lead_back(settings):
    walker = walk(settings, Ordered, "one")
    assert walker.say("first") == "first"
    assert 'value="one"' in walker.text


def test_after_an_outcome_that_leads_back_both_pages_are_open(settings):
    walker = walk(settings, Ordered, "one", "first")
    assert walker.go("second") == "first"
    assert walker.say("uno") == "second"
    assert 'value="first"' in walker.text
    assert walker.go("third") == "second"


def test_what_stands_between_keeps_its_answers_when_an_outcome_leads_back(settings):
    walker = walk(settings, Ordered, "one", "two", "first")
    assert walker.go("second") == "first"
    assert walker.say("uno") == "third"
    assert walker.said == "first=uno second=two third=first"


def test_send_to_leads_back_as_the_component_would_and_with_its_query(settings):
    walker = walk(settings, Ordered, "one", "two", "send first")
    assert walker.url == f"/ordered/first/?why=third&_t={walker.task_id}"
    assert walker.go("third") == "first"
    assert walker.say("one") == "third"


def test_an_outcome_that_names_the_page_itself_leaves_it_open(settings):
    walker = walk(settings, Ordered, "one")
    assert walker.say("second") == "second"
    assert walker.go("third") == "second"
    assert walker.say("two") == "third"


def test_an_edit_that_leads_back_opens_the_page_again(settings):
    walker = walk(settings, Ordered, "one", "two", "three")
    walker.go("second")
    assert walker.say("first") == "first"
    assert walker.say("one") == "second"
    assert walker.say("two") == "fourth"


# What is skipped


class Extra(Page):
    """Counts when the second page was answered with that word."""

    def should_skip(self):
        return self.said(First) != "extra"


class Group(Told):
    """Has no page that counts unless there is the extra one."""

    action_set = [Extra]


class Branched(Told):
    action_set = [First, Group, Second]


def test_a_group_without_a_page_that_counts_is_passed_and_not_completed(settings):
    walker = walk(settings, Branched, "plain")
    assert walker.at == "second"
    walker.say("two")
    assert completions("branched") == ["first=plain second=two"]
    assert completions("group") == []


def test_what_is_off_the_route_is_not_open_and_not_in_the_answers(settings):
    walker = walk(settings, Branched, "extra", "more")
    walker.go("first")
    assert walker.say("plain") == "second"
    assert walker.go("group/extra") == "second"
    assert walker.said == "first=plain"
    walker.say("two")
    assert completions("branched") == ["first=plain second=two"]


def test_a_branch_that_comes_back_is_as_it_was_left(settings):
    walker = walk(settings, Branched, "extra", "more")
    walker.go("first")
    walker.say("plain")
    walker.go("first")
    assert walker.say("extra") == "second"
    assert walker.said == "first=extra extra=more"
    assert completions("group") == ["first=extra extra=more"]


def test_an_edit_that_puts_a_page_on_the_route_leads_there(settings):
    walker = walk(settings, Branched, "plain")
    walker.go("first")
    assert walker.say("extra") == "group/extra"
    assert walker.go("second") == "group/extra"


# What changes in another tab


class Door(Page):
    def should_skip(self):
        return self.request.user.is_authenticated


class Gated(Told):
    action_set = [First, Door, Second, Third]


def log_in(walker):
    walker.client.force_login(User.objects.create(username="anna"))


def test_the_open_page_that_a_login_in_another_tab_skips_leads_on(settings):
    walker = walk(settings, Gated, "one")
    log_in(walker)
    assert walker.go("door") == "second"
    assert walker.go() == "second"
    assert walker.say("two") == "third"


@pytest.mark.parametrize("is_opened", [True, False])
def test_what_follows_the_page_that_a_login_skips_can_be_sent(settings, is_opened):
    walker = walk(settings, Gated, "one")
    form = walker.form(says="two")
    log_in(walker)
    if is_opened:
        assert walker.go("second") == "second"
    walker.send(walker.url_of("second"), form)
    assert (walker.at, effects()) == ("third", ["first", "second"])
    walker.say("three")
    assert completions("gated") == ["first=one second=two third=three"]


def test_the_form_that_a_login_in_another_tab_skips_is_not_handled(settings):
    walker = walk(settings, Gated, "one")
    log_in(walker)
    assert walker.say("anna") == "second"
    assert effects() == ["first"]


def test_a_get_that_finds_the_route_changed_stores_nothing_of_it(settings):
    class Noted(Page):
        def should_skip(self):
            return Effect.objects.filter(what="noted elsewhere").exists()

    class Watched(Told):
        action_set = [First, Noted, Second]

    walker = walk(settings, Watched, "one")
    note = Effect.objects.create(what="noted elsewhere")
    assert walker.go("noted") == "second"
    note.delete()
    assert walker.go("second") == "noted"


# Where the visitor is


def test_the_flow_itself_leads_to_where_the_visitor_is(settings):
    walker = walk(settings, Ordered, "one", "two")
    walker.go("first")
    assert walker.go() == "third"


def test_a_flow_in_which_groups_nest_is_walked_in_order(settings):
    class Inner(Scaffold):
        action_set = [Second, Third]
        transition = Linear()

    class Outer(Scaffold):
        action_set = [First, Inner]
        transition = Linear()

    class Nested(Told):
        action_set = [Outer, Fourth]

    serve(settings, Nested)
    walker, pages = Walker(Nested), []
    for word in ("one", "two", "three", "four"):
        pages.append(walker.at)
        walker.say(word)
    assert pages == ["outer/first", "outer/inner/second", "outer/inner/third", "fourth"]
    assert completions("nested") == ["first=one second=two third=three fourth=four"]


# A deploy in the middle


def deploy(settings, *pages):
    """Make a site on which the flow is the same but for its pages."""
    flow = type("Ordered", (Told,), {"action_set": list(pages)})
    serve(settings, flow)


def test_what_was_said_on_a_page_that_a_deploy_removed_is_not_seen(settings):
    walker = walk(settings, Ordered, "one", "two")
    deploy(settings, First, Third, Fourth)
    assert (walker.go("third"), walker.said) == ("third", "first=one")
    assert (walker.go("second"), walker.flow.back_url) == ("third", walker.url_of("first"))
    walker.say("three", "four")
    assert completions("ordered") == ["first=one third=three fourth=four"]


def test_a_deploy_that_removed_the_last_page_leads_to_the_one_before(settings):
    walker = walk(settings, Ordered, "one", "two", "three", "away")
    deploy(settings, First, Second, Third)
    for page in ("", "fourth", "second/more"):
        assert walker.go(page) == "third"
    walker.submit()
    assert completions("ordered") == ["first=one second=two third=three"]
