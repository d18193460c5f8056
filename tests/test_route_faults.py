"""What the route does in flows that a deploy changed, and where the project's code says something unusual."""

import pytest
from django.http import HttpResponseRedirect

from flows.components import COMPLETE, Scaffold
from flows.exceptions import InvalidOutcome, InvalidTarget
from flows.transitions import Linear, Transition

from tests.route_pages import Page, Told, Walker, completions, effects, serve, walk
from tests.testapp.models import Effect

pytestmark = pytest.mark.django_db

ENDS = {
    "away": lambda page: HttpResponseRedirect("/elsewhere/"),
    "refuse": lambda page: page.refuse(),
}


class First(Page):
    ends = ENDS


class Second(Page):
    ends = ENDS


class Third(Page):
    ends = ENDS


class Plain(Told):
    name = "flow"
    action_set = [First, Second, Third]


class Patient(Walker):
    """A visitor whose browser follows as many redirects as browsers do, and no more."""

    def follow(self):
        for _ in range(20):
            if self.response.status_code not in (301, 302, 303):
                return self.response
            self.url = self.response["Location"]
            self.response = self.client.get(self.url)
        raise AssertionError(f"{self.url} redirects for ever.")


# What prepare() completes before anything is stored


def known():
    return Effect.objects.filter(what="known").exists()


class KnownPage(Page):
    def prepare(self):
        return COMPLETE if known() else None


class KnownGroup(Scaffold):
    action_set = [Second]
    transition = Linear()

    def prepare(self):
        return COMPLETE if known() else None


@pytest.mark.parametrize("begins", [[KnownPage], [KnownGroup], [KnownPage, KnownGroup]])
def test_what_prepare_completes_is_passed_where_nothing_is_stored_yet(settings, begins):
    class Flow(Told):
        action_set = [*begins, First, Third]

    Effect.objects.create(what="known")
    serve(settings, Flow)
    walker = Patient(Flow)
    assert walker.at == "first"
    assert walker.go("third") == "first"
    assert walker.say("one", "two") != "first"
    assert [told.split()[-2:] for told in completions("flow")] == [["first=one", "third=two"]]


def test_the_page_that_prepare_completes_by_the_time_it_is_sent_is_passed(settings):
    class Flow(Told):
        action_set = [KnownPage, First]

    walker = walk(settings, Flow)
    Effect.objects.create(what="known")
    assert walker.say("late") == "first"
    assert effects() == ["known"]
    walker.say("one")
    assert completions("flow") == ["known-page=None first=one"]


def test_a_button_completes_the_flow_that_its_own_prepare_says_is_complete(settings):
    class Flow(Told):
        action_set = [First, Second]

        def prepare(self):
            return COMPLETE if known() else None

    walker = walk(settings, Flow, "one")
    Effect.objects.create(what="known")
    walker.go("second")
    assert "nothing more to fill in" in walker.text
    walker.submit()
    assert "Done" in walker.text


# What complete() names


class Careful(Scaffold):
    """Sends the visitor to the second page where the first says so."""

    name = "careful"
    action_set = [First, Second]
    transition = Linear()

    def complete(self):
        Effect.objects.create(what="complete careful")
        return {"second": Second}.get(self.answers[First]["says"])


def test_the_page_that_complete_names_is_open_again_also_where_it_stands_behind_the_one_that_was_sent(settings):
    class Flow(Told):
        action_set = [Careful, Third]

    walker = walk(settings, Flow, "one", "two")
    walker.go("careful/first")
    assert walker.say("second") == "careful/second"
    assert walker.go("third") == "careful/second"
    walker.go("careful/first")
    walker.say("one", "two")
    assert walker.at == "third"
    assert effects("complete careful") == ["complete careful"] * 3


def test_the_page_that_the_complete_of_the_flow_names_is_open_again_wherever_it_stands(settings):
    class Flow(Careful):
        name = "flow"
        action_set = [First, Second, Third]

    walker = walk(settings, Flow, "one", "two", "away")
    walker.go("first")
    walker.say("refuse")
    assert walker.say("second") == "second"
    assert walker.go("third") == "second"


def test_complete_in_the_place_of_what_is_still_open_does_not_end_the_flow(settings):
    class Flow(Told):
        action_set = [First, Second]

        def handle_response(self, outcome):
            return outcome if self.visit.is_safe else COMPLETE

    walker = walk(settings, Flow, "one")
    assert walker.at == "second"
    walker.say("two")
    assert completions("flow") == ["first=one second=two"]


# Other methods


@pytest.mark.parametrize("method", ["delete", "patch", "put"])
def test_only_a_post_is_the_button_that_completes(settings, method):
    walker = walk(settings, Plain, "one", "two", "away")
    walker.go("third")
    assert "nothing more to fill in" in walker.text
    token = walker.form()["csrfmiddlewaretoken"]
    getattr(walker.client, method)(walker.url, headers={"X-CSRFToken": token})
    assert completions("flow") == []


# What a deploy changed


class Wrapped(Scaffold):
    name = "second"
    action_set = [First, Second]
    transition = Linear()


def flow_of(*children):
    return type("Flow", (Told,), {"name": "flow", "action_set": children})


@pytest.mark.parametrize(("before", "after"), [(Second, Wrapped), (Wrapped, Second)])
@pytest.mark.parametrize("place", ["", "first", "second", "second/first", "third"])
@pytest.mark.parametrize("words", [["one"], ["one", "two"], ["one", "two", "three"], ["one", "two", "away"]])
def test_a_page_that_became_a_group_of_the_same_name_or_a_group_a_page_leads_on(settings, before, after, place, words):
    walker = walk(settings, flow_of(First, before, Third), *words)
    serve(settings, flow_of(First, after, Third))
    walker.open(walker.url_of(place))
    assert walker.response.status_code in (200, 404)
    walker.go()
    for _ in range(5):
        if not completions("flow"):
            assert walker.submit(says="more").status_code == 200
    assert len(completions("flow")) == 1


@pytest.mark.parametrize("left", [[First], [First, Second], [First, Third]])
def test_a_task_of_which_pages_were_removed_when_nothing_was_open_leads_on(settings, left):
    walker = walk(settings, Plain, "one", "two", "away")
    serve(settings, flow_of(*left))
    assert walker.go() == left[-1].name
    assert "nothing more to fill in" in walker.text
    walker.submit()
    assert [answer.split("=")[0] for answer in completions("flow")[0].split()] == [page.name for page in left]


# Mistakes that are told


class Contrary(Transition):
    """Chooses what it does not let in."""

    def choose_next(self, scaffold, child):
        return {First: Second, Second: Third, Third: COMPLETE}[child]

    def can_enter(self, scaffold, child):
        return child is not Second


def test_where_a_transition_chooses_what_it_does_not_let_in_nothing_is_done(settings):
    class Group(Scaffold):
        action_set = [First, Second, Third]
        transition = Contrary()

    class Flow(Told):
        action_set = [Group]

    walker = walk(settings, Flow, "one")
    assert walker.at == "group/third"
    done = effects()
    assert walker.submit(says="three").status_code == 403
    assert effects() == done


def test_initial_answers_of_a_group_say_what_they_are_for(settings, rf):
    class Group(Scaffold):
        action_set = [First]
        transition = Linear()

    class Flow(Told):
        action_set = [Group]

    handler = serve(settings, Flow)
    with pytest.raises(InvalidTarget) as raised:
        handler.flow_entry_link(rf.get("/"), Flow, initial_answers={Group: {"says": "one"}})
    assert str(raised.value) == ("'flow/group' is no page. Give initial_answers to the actions in it, each by its own.")


def test_a_first_page_whose_get_completes_it_says_why_that_leads_nowhere(settings):
    class Callback(Page):
        def get(self, request, *args, **kwargs):
            return COMPLETE

    class Flow(Told):
        action_set = [Callback, First]

    serve(settings, Flow)
    with pytest.raises(InvalidOutcome) as raised:
        Patient(Flow)
    assert str(raised.value) == (
        "Callback at 'flow/callback' ended in COMPLETE on GET, where nothing is stored yet. It would be forgotten. "
        "Return COMPLETE from prepare(), which is asked again, or skip the page."
    )
