"""Who follows whom, without a request: what Linear asks its scaffold for are two things only."""

import pytest

from flows.components import COMPLETE
from flows.transitions import Linear, Transition


class FakeScaffold:
    """Stands in for a scaffold with the children a, b and c."""

    children = ("a", "b", "c")

    def __init__(self, done="", skipped=""):
        self.done, self.skipped = done, skipped

    def first_to_do(self, before=None):
        ahead = self.children[: self.children.index(before)] if before else self.children
        return next((child for child in ahead if child not in self.done + self.skipped), None)


@pytest.mark.parametrize(("child", "following"), [("a", "b"), ("b", "c"), ("c", COMPLETE)])
def test_linear_goes_on_in_the_order_of_the_list(child, following):
    assert Linear().choose_next(FakeScaffold("abc"), child) == following


@pytest.mark.parametrize(("done", "skipped", "following"), [("c", "", "a"), ("ac", "", "b"), ("c", "a", "b")])
def test_linear_goes_back_to_what_was_opened_before_the_last(done, skipped, following):
    assert Linear().choose_next(FakeScaffold(done, skipped), "c") == following


@pytest.mark.parametrize(
    ("done", "skipped", "open_children"),
    [
        ("", "", "a"),
        ("a", "", "ab"),
        ("b", "", "a"),
        ("", "a", "ab"),
        ("a", "b", "abc"),
        ("abc", "", "abc"),
        ("", "abc", "abc"),
        ("ac", "", "ab"),
    ],
)
def test_linear_lets_in_when_all_before_are_done_or_skipped(done, skipped, open_children):
    scaffold = FakeScaffold(done, skipped)
    assert "".join(child for child in scaffold.children if Linear().can_enter(scaffold, child)) == open_children


def test_linear_lets_nobody_into_what_is_no_child():
    assert not Linear().can_enter(FakeScaffold("abc"), "stranger")


def test_a_transition_of_ones_own_says_what_it_must_implement():
    class Own(Transition):
        pass

    with pytest.raises(NotImplementedError) as caught:
        Own().choose_next(FakeScaffold(), "a")
    assert str(caught.value) == "Own must implement choose_next(scaffold, child)."


def test_a_transition_of_ones_own_lets_everyone_in_unless_it_says_otherwise():
    assert Transition().can_enter(FakeScaffold(), "c")
