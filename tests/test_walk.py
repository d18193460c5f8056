"""A walk as a pure function: what it asks, what it keeps, and under which keys."""

import pytest

from flows.components import Action, Scaffold
from flows.journey.route import Route
from flows.journey.task import Task
from flows.journey.walk import Walk
from flows.serializing import codec
from flows.transitions import Linear
from flows.tree.positions import Position


class Known:
    """What a walk has to know, kept in a task; and what it asked for."""

    def __init__(self):
        self.task = Task.begin("id", "flows:trip", codec, kwargs={})
        self.asked = []

    @property
    def choices(self):
        return self.task.choices

    def answer(self, place, **answers):
        self.task.remember(place.key, answers)
        self.task.mark_answered(place.key)

    def counts(self, place):
        self.asked.append(place.key)
        return True

    def has_page(self, place):
        return True

    def is_answered(self, place):
        return self.task.is_answered(place.key)

    def is_completed(self, place):
        return place.parent is not None

    def is_passed(self, place):
        return False

    def scaffold(self, place):
        raise AssertionError("None of the transitions here is asked.")


# Long flows


def make_flow(length):
    pages = [type(f"Page{number}", (Action,), {}) for number in range(length)]
    return Position(type("Long", (Scaffold,), {"action_set": pages, "transition": Linear()}))


@pytest.mark.parametrize("number", [2, 300])
def test_a_step_forward_asks_what_follows_and_nothing_else(number):
    root, known = make_flow(400), Known()
    for page in root.children[: number - 1]:
        known.answer(page)
    before = Walk(known).run(root)
    page = root.children[number - 1]
    known.answer(page)
    known.asked.clear()
    route = Walk(known, before, page).run(root)
    assert known.asked == [page.key, "long", root.children[number].key]
    assert route == Walk(known).run(root)


def test_a_route_comes_back_from_what_is_kept_of_it():
    route = Route(("a/b", "a/"), frozenset({"a/b", "a/"}), ("a/c",), frozenset({"a/"}))
    assert Route.from_list(route.to_list()) == route


# Items


class Passport(Action):
    pass


class Traveller(Scaffold):
    action_set = [Passport]
    transition = Linear()


class ForEach(Linear):
    """Shows its scaffold's children once for each item."""

    is_linear = True

    def __init__(self, *items):
        self.items = items

    def get_places(self, place):
        return [child.repeat(item) for item in self.items for child in place.children]


class Travellers(Scaffold):
    action_set = [Traveller]
    transition = ForEach("k3f9", "x2ab")


class Trip(Scaffold):
    action_set = [Travellers]
    transition = Linear()


def test_what_is_kept_of_two_items_is_kept_apart():
    known, root = Known(), Position(Trip)
    travellers = root.children[0]
    one, other = (traveller.children[0] for traveller in travellers.transition.get_places(travellers))
    assert (one.key, one.name) == ("trip/travellers/traveller[k3f9]/passport", "trip/travellers/traveller/passport")
    known.answer(one, number="C01")
    route = Walk(known).run(root)
    assert (route.pages, route.is_done(one), route.is_done(other)) == ([one.key, other.key], True, False)
    known.answer(other, number="L22")
    route = Walk(known).run(root)
    assert route.due == {"trip/"}
    assert [known.task.answers_at(key) for key in route.pages] == [{"number": "C01"}, {"number": "L22"}]
