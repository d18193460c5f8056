"""The model of the route that random walks are compared with: cases worked out by hand, and that it leads to an end."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.random_trees import ANSWERS, INVALID, Tree, flows
from tests.route_model import ANY_ORDER, CHOICE, COMPLETE, LEAVE, LINEAR, REDIRECT, REFUSED, Journey, Place, steps


def page(name, **options):
    return Place(name, **options)


def linear(name, *children, **options):
    return Place(name, LINEAR, **options).add(*children)


def choice(name, *children, **options):
    return Place(name, CHOICE, **options).add(*children)


def any_order(name, *children, **options):
    return Place(name, ANY_ORDER, **options).add(*children)


class Walked:
    """A journey through a small tree, whose places are known by their names."""

    def __init__(self, root):
        self.journey = Journey(root)
        self.places = {place.name: place for place in root.everything()}
        self.outcome = None

    def say(self, name, says="x", ends_in=COMPLETE):
        """Send a page. Returns the name of the page that it leads to, else what its response is, or "end"."""
        outcome = self.journey.post(self.places[name], says, self.places.get(ends_in, ends_in))
        return self.read(outcome)

    def press(self, name):
        return self.read(self.journey.press(self.places[name]))

    def read(self, outcome):
        self.outcome = outcome
        if outcome.response or outcome.ends:
            return outcome.response or "end"
        return "/".join(sorted(place.name for place in outcome.leads))

    @property
    def walk(self):
        return self.journey.walk

    @property
    def route(self):
        """The names on the route; in brackets those that are open."""
        return " ".join(f"({place})" if place in self.walk.open else str(place) for place in self.walk.places)

    @property
    def enterable(self):
        return " ".join(map(str, self.walk.enterable))

    @property
    def due(self):
        return " ".join(map(str, self.walk.due))

    @property
    def completed(self):
        return [(place.name, set(answers)) for place, answers in self.outcome.completed]

    def where(self, last_seen=None):
        return str(self.walk.where(self.places.get(last_seen)))


def test_an_ordered_route_ends_at_its_first_page_that_is_open():
    walked = Walked(linear("root", page("a"), page("b"), page("c")))
    assert (walked.route, walked.where(), walked.enterable) == ("(a)", "a", "")
    assert walked.say("a") == "b"
    assert (walked.route, walked.where()) == ("a (b)", "b")
    assert [walked.say("b"), walked.say("c")] == ["c", "end"]


def test_a_page_that_is_skipped_is_passed_and_comes_back_as_it_was():
    skipped = page("b", should_skip=lambda answers: answers.get("a") == "skip")
    walked = Walked(linear("root", page("a"), skipped, page("c")))
    walked.say("a")
    walked.say("b", "kept")
    assert walked.say("a", "skip") == "c"
    assert (walked.route, walked.walk.answers(walked.places["c"])) == ("a (c)", {"a": "skip"})
    assert walked.say("a", "x") == "c"
    assert walked.walk.answers(walked.places["c"]) == {"a": "x", "b": "kept"}


def test_a_page_that_refused_or_left_is_open_and_keeps_its_answers():
    walked = Walked(linear("root", page("a"), page("b")))
    for ends_in in (REFUSED, LEAVE):
        assert walked.say("a", "x", ends_in) == ends_in
        assert (walked.route, walked.walk.answers(walked.places["root"])) == ("(a)", {"a": "x"})
    assert walked.say("a") == "b"


def test_a_redirect_of_its_own_answers_and_completes_nothing():
    walked = Walked(linear("root", linear("in", page("a"), has_complete=True), page("b")))
    assert walked.say("a", "x", REDIRECT) == REDIRECT
    assert (walked.completed, walked.due, walked.where(), walked.walk.shows_button) == ([], "in", "a", True)
    assert (walked.press("a"), walked.completed) == ("b", [("in", {"a"})])
    assert walked.say("b", "x", REDIRECT) == REDIRECT
    assert (walked.due, walked.walk.shows_button, walked.press("b")) == ("root", True, "end")


def test_what_stands_before_is_open_again_with_the_page_that_named_it():
    walked = Walked(linear("root", page("a"), page("b"), page("c")))
    walked.say("a")
    walked.say("b")
    assert walked.say("c", "x", "a") == "a"
    assert walked.route == "(a)"
    assert walked.say("a") == "c"
    assert walked.route == "a b (c)"
    assert walked.say("c", "x", "c") == "c"
    assert walked.say("c") == "end"


def test_what_stands_behind_in_order_is_led_to_where_it_is_open():
    walked = Walked(linear("root", page("a"), page("b"), page("c")))
    assert walked.say("a", "x", "c") == "b"
    assert walked.say("b", "x", "c") == "c"


def test_an_edit_leads_to_the_first_open_page_or_to_the_page_after_and_does_not_complete():
    walked = Walked(linear("root", page("a"), page("b"), page("c")))
    walked.say("a")
    walked.say("b")
    assert walked.say("a", "y") == "c"
    assert walked.say("c", "x", REDIRECT) == REDIRECT
    assert walked.say("a", "z") == "b"
    assert walked.say("b", "z") == "c"
    assert walked.say("c", "x") == "end"


def test_until_one_is_chosen_each_alternative_may_be_entered():
    walked = Walked(linear("root", page("p"), choice("group", page("a"), page("b")), page("c")))
    assert walked.say("p") == "a"
    assert (walked.route, walked.enterable, walked.where("b")) == ("p", "a b", "b")
    assert str(walked.walk.back_from(walked.places["b"])) == "p"
    assert walked.say("b") == "c"
    assert (walked.route, walked.enterable, walked.where("a")) == ("p b (c)", "a", "c")
    assert walked.say("a", "x") == "c"
    assert walked.route == "p a (c)"


def test_a_choice_takes_the_others_off_and_brings_them_back():
    walked = Walked(linear("root", choice("pay", page("m"), page("card"), page("bank")), page("c")))
    assert walked.say("m", "x", "card") == "card"
    assert (walked.route, walked.enterable) == ("m (card)", "")
    assert walked.say("card") == "c"
    assert walked.say("m", "y", "bank") == "bank"
    assert walked.route == "m (bank)"
    assert walked.say("m", "x", "card") == "card"
    assert walked.route == "m card (c)"
    assert walked.say("m", "x", "card") == "c"


def test_after_a_redirect_of_its_own_any_sibling_may_follow():
    walked = Walked(linear("root", choice("log in", page("away"), page("callback"), page("other")), page("c")))
    walked.say("away", "x", REDIRECT)
    assert (walked.route, walked.enterable, walked.where()) == ("away", "callback other", "callback")
    assert walked.say("callback") == "c"
    assert (walked.route, walked.enterable) == ("away callback (c)", "")


def test_a_redirect_of_the_only_child_that_counts_completes_the_group():
    walked = Walked(linear("root", choice("log in", page("away")), page("c")))
    walked.say("away", "x", REDIRECT)
    assert (walked.route, walked.where()) == ("away (c)", "c")


def test_what_names_something_outside_of_its_group_chooses_in_the_group_of_both():
    login = choice("login", page("name"), page("forgot"))
    walked = Walked(linear("root", choice("identify", login, page("register")), page("c")))
    assert walked.say("name", "x", "register") == "register"
    assert (walked.route, walked.enterable) == ("name (register)", "forgot")
    assert walked.say("register") == "c"
    login = choice("login", page("name"), page("forgot"))
    walked = Walked(linear("root", login, page("c")))
    assert walked.say("name", "x", "c") == "forgot"
    assert (walked.route, walked.enterable) == ("name", "forgot")


def test_an_alternative_of_several_pages_is_on_the_route_from_its_last_answer():
    walked = Walked(linear("root", choice("pay", page("card"), linear("bank", page("x"), page("y"))), page("c")))
    assert walked.say("card") == "c"
    assert walked.say("x") == "y"
    assert (walked.route, walked.enterable) == ("card (c)", "x y")
    assert walked.say("y") == "c"
    assert (walked.route, walked.enterable) == ("x y (c)", "card")


def test_in_any_order_what_is_answered_is_on_the_route_and_the_rest_may_be_entered():
    walked = Walked(any_order("root", page("a"), linear("b", page("b1"), page("b2")), page("c")))
    assert (walked.route, walked.enterable, walked.where()) == ("(a)", "b1 c", "a")
    assert walked.say("b1") == "b2"
    assert (walked.route, walked.enterable) == ("(a) b1 (b2)", "c")
    assert (walked.where(), walked.where("b2"), walked.where("c")) == ("a", "b2", "c")
    assert walked.say("c") == "a"
    assert walked.route == "(a) b1 (b2) c"
    assert walked.say("b2") == "a"
    assert walked.say("a") == "end"


def test_complete_of_an_inner_scaffold_runs_again_where_an_answer_in_it_differs():
    walked = Walked(linear("root", page("a"), linear("in", page("b"), has_complete=True), page("c")))
    walked.say("a")
    assert (walked.say("b"), walked.completed) == ("c", [("in", {"a", "b"})])
    assert (walked.say("b"), walked.completed) == ("c", [])
    assert (walked.say("a", "other"), walked.completed) == ("c", [])
    assert (walked.say("b", "other"), walked.completed) == ("c", [("in", {"a", "b"})])
    assert (walked.say("c", "x", "b"), walked.completed) == ("b", [])
    assert (walked.say("b", "other"), walked.completed) == ("c", [("in", {"a", "b"})])


def test_complete_of_an_inner_scaffold_runs_where_an_edit_elsewhere_leaves_nothing_open():
    skipped = page("b2", should_skip=lambda answers: answers.get("a") == "skip")
    inner = linear("in", page("b1"), skipped, has_complete=True, has_redirect=True)
    walked = Walked(linear("root", page("a"), inner, page("c")))
    walked.say("a")
    assert (walked.say("b1"), walked.completed) == ("b2", [])
    assert (walked.say("a", "skip"), walked.completed) == (COMPLETE, [("in", {"a", "b1"})])
    assert (walked.route, walked.where()) == ("a b1 (c)", "c")


def test_the_steps_are_what_is_on_the_route_and_what_is_behind():
    skipped = page("b", should_skip=lambda answers: True)
    later = linear("later", page("d1"), page("d2"))
    walked = Walked(linear("root", page("a"), skipped, choice("pay", page("m"), page("card")), later))
    walked.say("a")
    walked.say("m", "x", "card")
    found = steps(walked.walk, walked.places["card"])
    assert found.may == {}
    assert {name: (step.statuses, step.page and step.page.name) for name, step in found.must.items()} == {
        "a": ({"done"}, "a"),
        "pay": ({"current"}, "m"),
        "later": ({"upcoming"}, None),
    }
    assert found.must["pay"].children.must == {}
    assert [(name, step.page) for name, step in found.must["later"].children.must.items()] == [
        ("d1", None),
        ("d2", None),
    ]


SENT = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from([*filter(None, ANSWERS)]), st.integers(0, 11)), max_size=20
)


@pytest.mark.slow
@settings(deadline=None, max_examples=200)
@given(flows(), SENT)
def test_whatever_is_said_in_whatever_tree_there_is_a_page_to_go_on_with_and_an_end(node, sent):
    tree = Tree(node)
    journey = Journey(tree.places["walk"])

    def send(place, says, number):
        if says != INVALID and journey.walk.lets_in(place):
            said = {"says": says, "leads": number}
            return journey.post(place, said, tree.ends_in(place, says, number))
        return None

    def check(outcome):
        found = journey.walk
        assert all(map(found.lets_in, {*journey.where(), *(outcome.leads if outcome else ())}))
        assert all(found.back_from(place) is None or found.lets_in(found.back_from(place)) for place in found.places)
        if outcome and outcome.ends:
            assert not found.open
        for current in found.places:
            steps(found, current)
        return bool(outcome and outcome.ends)

    pages = [tree.places[page.name] for page in tree.pages]
    for number, says, leads in sent:
        if check(send(pages[number % len(pages)], says, leads)):
            return
    for _ in range(len(pages) ** 2 + 2):
        here = min(journey.where(), key=journey.facts.is_done)
        shows_button = journey.walk.shows_button and here is journey.walk.places[-1]
        if check(journey.press(here) if shows_button else send(here, "c", 0)):
            return
    raise AssertionError(f"There is no end to it: {journey.facts}, {journey.walk.places}, {journey.walk.enterable}")
