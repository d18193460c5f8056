"""What a visitor said, by class, by position, and by the names that a template can write."""

import pytest
from django.template import Context, Template

from flows.components import Action, Scaffold
from flows.journey.answers import Answers
from flows.journey.route import Route
from flows.journey.task import Task
from flows.serializing import codec
from flows.tree.positions import Position


class One(Action):
    pass


class Root(Scaffold):
    action_set = [One]


def answers(*names):
    """Return answers of which each is the name of its position."""
    task = Task.begin("id", "flows:root", codec, kwargs={})
    for name in names:
        task.remember(name, {"at": name})
        task.mark_answered(name)
    return Answers(task, Position(Root), Route(names))


def render(variable, *names):
    return Template(f"{{{{ answers.{variable}.at }}}}").render(Context({"answers": answers(*names)}))


@pytest.mark.parametrize("name", ["choose-item", "choose_item", "choose.item"])
def test_a_template_names_answers_with_underscores_however_the_page_is_named(name):
    assert render("choose_item", "root/first", f"root/inner/{name}", "root/last") == f"root/inner/{name}"


def test_names_may_mix_hyphens_underscores_and_dots():
    assert render("my_first_name_v2_1", "root/my-first_name-v2.1") == "root/my-first_name-v2.1"
    assert answers("root/my-first_name")["my_first-name"]["at"] == "root/my-first_name"


def test_the_name_as_it_is_goes_before_what_looks_like_it_in_a_template():
    names = ("root/a-b", "root/a_b")
    assert render("a_b", *names) == "root/a_b"
    assert answers(*names)["a-b"]["at"] == "root/a-b"


def test_a_name_that_two_positions_have_is_an_error_that_names_both():
    with pytest.raises(KeyError) as caught:
        answers("root/home/to-do", "root/work/to-do")["to_do"]
    assert caught.value.args == (
        "'to_do' may be any of root/home/to-do, root/work/to-do: name the position that is meant.",
    )
    assert render("to_do", "root/home/to-do", "root/work/to-do") == ""


def test_what_was_not_answered_is_an_error_that_names_it():
    with pytest.raises(KeyError) as caught:
        answers("root/one")["two"]
    assert caught.value.args == ("No answers of 'two' are remembered in this task.",)
    assert answers("root/one").get("root/two") is None
