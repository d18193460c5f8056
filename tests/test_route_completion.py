"""When what is due is completed, and what is walked before."""

import pytest
from django.http import HttpResponse, HttpResponseRedirect

from flows.components import Scaffold
from flows.transitions import Linear

from tests.route_pages import Page, Told, completions, effects, walk, warnings
from tests.testapp.models import Effect

pytestmark = pytest.mark.django_db


ENDS = {
    "away": lambda page: HttpResponseRedirect("/elsewhere/"),
    "hx": lambda page: HttpResponse(headers={"HX-Redirect": "/elsewhere/"}),
    "hx location": lambda page: HttpResponse(headers={"HX-Location": "/elsewhere/"}),
    "leave": lambda page: page.leave("/elsewhere/"),
    "refuse": lambda page: page.refuse(),
}


class First(Page):
    ends = ENDS


class Sudden(Page):
    """Counts from the moment at which someone says so, whoever that is."""

    def should_skip(self):
        return not Effect.objects.filter(what="sudden news").exists()


class Second(Page):
    ends = ENDS


class Third(Page):
    ends = ENDS


class Changing(Told):
    action_set = [First, Sudden, Second, Third]


def news():
    Effect.objects.create(what="sudden news")


# The whole walk before the flow is completed


def test_a_page_that_counts_by_now_is_asked_before_the_flow_is_completed(settings):
    walker = walk(settings, Changing, "one", "two")
    news()
    assert walker.say("three") == "sudden"
    assert completions("changing") == []


def test_the_page_that_was_sent_is_open_again_when_another_was_found(settings):
    walker = walk(settings, Changing, "one", "two")
    news()
    walker.say("three")
    assert effects("third") == ["third"]
    assert walker.go("third") == "sudden"
    assert walker.say("more") == "third"
    assert 'value="three"' in walker.text
    walker.say("three")
    assert completions("changing") == ["first=one sudden=more second=two third=three"]


def test_a_page_that_the_last_one_puts_on_the_route_is_asked(settings):
    class Asked(Page):
        def should_skip(self):
            return "wanted" not in self.state

    class Last(Page):
        def form_valid(self, form):
            self.state["wanted"] = True
            return super().form_valid(form)

    class Opening(Told):
        action_set = [Asked, First, Last]

    walker = walk(settings, Opening, "one")
    assert walker.say("last") == "asked"
    assert walker.say("more") == "last"
    walker.say("last")
    assert completions("opening") == ["asked=more first=one last=last"]


def test_the_same_last_page_sent_twice_is_handled_once_where_another_was_found(settings):
    walker = walk(settings, Changing, "one", "two")
    news()
    third, form = walker.url, walker.form(says="three")
    for _ in range(2):
        walker.send(third, form)
        assert walker.at == "sudden"
    assert effects("third") == ["third"]


# Groups


class Grouped(Scaffold):
    class Group(Told):
        action_set = [Second, Third]

    class Fourth(Page):
        ends = ENDS

    action_set = [First, Sudden, Group, Fourth]
    transition = Linear()

    def complete(self):
        Effect.objects.create(what="complete grouped")


def test_a_group_is_completed_when_its_last_page_is_answered(settings):
    walker = walk(settings, Grouped, "one", "two")
    assert completions("group") == []
    assert walker.say("three") == "fourth"
    assert completions("group") == ["first=one second=two third=three"]


def test_what_stands_before_a_group_is_walked_before_it_is_completed(settings):
    walker = walk(settings, Grouped, "one", "two")
    news()
    assert walker.say("three") == "sudden"
    assert completions("group") == []
    assert walker.say("more") == "group/third"
    assert walker.say("three") == "fourth"
    assert completions("group") == ["first=one sudden=more second=two third=three"]


def test_a_changed_answer_in_a_group_completes_it_again(settings):
    walker = walk(settings, Grouped, "one", "two", "three")
    walker.go("group/second")
    assert walker.say("deux") == "fourth"
    assert completions("group") == ["first=one second=two third=three", "first=one second=deux third=three"]


def test_the_same_answer_in_a_group_does_not_complete_it_again(settings):
    walker = walk(settings, Grouped, "one", "two", "three")
    for page, word in (("second", "two"), ("third", "three")):
        walker.go(f"group/{page}")
        assert walker.say(word) == "fourth"
    assert completions("group") == ["first=one second=two third=three"]


def test_a_changed_answer_before_a_group_does_not_complete_it_again(settings):
    walker = walk(settings, Grouped, "one", "two", "three")
    walker.go("first")
    assert walker.say("uno") == "fourth"
    assert len(completions("group")) == 1


@pytest.mark.parametrize("end", ["leave", "refuse"])
def test_a_page_of_a_group_that_is_open_again_completes_it_again(settings, end):
    walker = walk(settings, Grouped, "one", "two", "three")
    walker.go("group/second")
    walker.answer(says=end)
    assert walker.go("fourth") == "group/second"
    walker.say("two")
    assert len(completions("group")) == 2


class Short(Told):
    """Its last page counts for those only who want it."""

    class Optional(Page):
        def should_skip(self):
            return self.said(First) == "short"

    action_set = [Second, Optional]


class Shortened(Told):
    action_set = [First, Short, Third]


def test_a_group_in_which_an_edit_elsewhere_leaves_nothing_open_is_completed_by_that_edit(settings):
    walker = walk(settings, Shortened, "long", "two")
    assert walker.at == "short/optional"
    walker.go("first")
    assert completions("short") == []
    assert walker.say("short") == "third"
    assert completions("short") == ["first=short second=two"]


def test_a_group_that_an_edit_elsewhere_leaves_unfinished_is_not_completed(settings):
    walker = walk(settings, Shortened, "long")
    walker.go("first")
    assert walker.say("short") == "short/second"
    assert completions("short") == []


def test_groups_within_groups_are_completed_from_the_inmost(settings):
    class Inmost(Told):
        action_set = [Second]

    class Outer(Told):
        action_set = [First, Inmost]

    class Whole(Told):
        action_set = [Outer]

    walk(settings, Whole, "one", "two")
    assert effects() == ["first", "second", "complete inmost", "complete outer", "complete whole"]


def test_a_redirect_from_the_complete_of_a_group_leads_there_and_the_flow_goes_on(settings):
    class Away(Told):
        action_set = [Second]

        def complete(self):
            super().complete()
            return HttpResponseRedirect("/elsewhere/")

    class Going(Told):
        action_set = [First, Away, Third]

    walker = walk(settings, Going, "one")
    assert walker.answer(says="two")["Location"] == "/elsewhere/"
    assert walker.go() == "third"
    walker.say("three")
    assert (len(completions("away")), completions("going")) == (1, ["first=one second=two third=three"])


# Redirects of their own


@pytest.mark.parametrize("end", ["away", "hx", "hx location"])
def test_a_redirect_of_its_own_from_the_last_page_completes_nothing(settings, end):
    walker = walk(settings, Changing, "one", "two")
    walker.answer(says=end)
    assert walker.go() == "third"
    assert completions("changing") == []


def test_where_nothing_is_open_the_last_page_is_one_button(settings):
    walker = walk(settings, Changing, "one", "two", "away")
    walker.go()
    assert "nothing more to fill in" in walker.text
    assert "says" not in walker.text


def test_the_button_completes_once_and_does_not_handle_the_last_page_again(settings):
    walker = walk(settings, Changing, "one", "two", "away")
    walker.go()
    url, form = walker.url, walker.form()
    for _ in range(2):
        walker.send(url, form)
        assert "Done" in walker.text
    assert effects() == ["first", "second", "third", "complete changing"]
    assert completions("changing") == ["first=one second=two third=away"]


def test_the_button_does_not_complete_what_has_an_open_page_by_now(settings):
    walker = walk(settings, Changing, "one", "two", "away")
    walker.go()
    news()
    walker.submit()
    assert (walker.at, completions("changing")) == ("sudden", [])


def test_where_nothing_is_open_the_other_pages_are_shown_as_ever(settings):
    walker = walk(settings, Changing, "one", "two", "away")
    assert walker.go("first") == "first"
    assert 'value="one"' in walker.text


def test_no_get_completes(settings):
    walker = walk(settings, Changing, "one", "two", "away")
    for page in ("", "first", "second", "third", "sudden", "nowhere"):
        for method in ("get", "head", "options"):
            getattr(walker.client, method)(walker.url_of(page))
    assert completions("changing") == []


def test_a_redirect_of_its_own_from_the_last_page_of_a_group_leaves_its_completion_to_a_button(settings):
    walker = walk(settings, Grouped, "one", "two")
    walker.answer(says="away")
    assert walker.go() == "group/third"
    assert "nothing more to fill in" in walker.text
    assert completions("group") == []
    walker.submit()
    assert walker.at == "fourth"
    assert completions("group") == ["first=one second=two third=away"]


def test_after_a_redirect_of_its_own_from_the_last_page_of_a_group_that_completes_nothing_the_next_is_open(settings):
    class Plain(Scaffold):
        action_set = [Second]
        transition = Linear()

    class Plainly(Told):
        action_set = [First, Plain, Third]

    walker = walk(settings, Plainly, "one")
    walker.answer(says="away")
    assert walker.go() == "third"


def test_a_redirect_of_its_own_that_leaves_nothing_open_is_warned_of_in_debug(settings, caplog):
    settings.DEBUG = True
    walker = walk(settings, Changing, "one", "two")
    assert warnings(caplog) == []
    walker.answer(says="away")
    (warning,) = warnings(caplog)
    assert "Third" in warning
    assert "eturn COMPLETE, and give the redirect in complete()" in warning


def test_a_redirect_of_its_own_after_which_a_page_is_open_is_not_warned_of(settings, caplog):
    settings.DEBUG = True
    walker = walk(settings, Changing)
    walker.answer(says="away")
    walker.go("second")
    walker.answer(says="leave")
    assert warnings(caplog) == []


def test_a_redirect_of_its_own_is_not_warned_of_where_debug_is_off(settings, caplog):
    walk(settings, Changing, "one", "two").answer(says="away")
    assert warnings(caplog) == []
