"""What a page shows of the journey: the way back and the steps."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from tests.random_trees import Node, Tree
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor():
    return Visitor()


def flow(visitor):
    return visitor.response.context["flow"]


def steps(visitor):
    return [(str(step.title), step.status, (step.url or "").partition("?")[0]) for step in flow(visitor).steps]


def test_the_first_page_has_no_way_back_and_no_links_to_others(visitor):
    visitor.open(reverse("flows:journey"))
    assert flow(visitor).back_url is None
    here = visitor.page
    assert steps(visitor) == [
        ("The first page", "current", here),
        ("Second", "upcoming", ""),
        ("Third", "upcoming", ""),
    ]


def test_steps_in_the_middle(visitor):
    visitor.open(reverse("flows:journey"))
    visitor.submit(name="one")
    assert steps(visitor) == [
        ("The first page", "done", "/journey/first/"),
        ("Second", "current", "/journey/second/"),
        ("Third", "upcoming", ""),
    ]
    visitor.submit(name="two")
    visitor.open(flow(visitor).steps[0].url)
    assert steps(visitor) == [
        ("The first page", "current", "/journey/first/"),
        ("Second", "done", "/journey/second/"),
        ("Third", "upcoming", "/journey/third/"),
    ]


def test_steps_leave_out_what_is_skipped_and_show_what_is_nested(visitor):
    visitor.open(reverse("flows:branching"))
    assert [step[0] for step in steps(visitor)] == ["Question", "Colours", "Third"]
    visitor.submit(name="none")
    assert [step[0] for step in steps(visitor)] == ["Question", "Third"]
    visitor.open(flow(visitor).back_url)
    visitor.submit(name="bluegreen")
    assert [step[0] for step in steps(visitor)] == ["Question", "Colours", "Third"]
    colours = flow(visitor).steps[1]
    assert [(child.title, child.status) for child in colours.children] == [("Blue", "current"), ("Green", "upcoming")]


def test_steps_of_a_choice_are_those_it_leads_through(visitor):
    visitor.open(reverse("flows:checkout", kwargs={"item": 1}))
    visitor.submit(name="hat")
    assert flow(visitor).steps[1].children == []
    visitor.open(f"/buy/1/identify/forgot-password/email/?_t={visitor.task_id}")
    assert [str(step.title) for step in flow(visitor).steps[1].children] == ["Email", "Code"]


def test_no_step_in_what_may_not_be_entered_yet_has_a_link(visitor, settings):
    later = Node("later", (Node("inner"),), is_linear=True)
    settings.ROOT_URLCONF = Tree(Node("walk", (Node("first"), Node("second"), later), is_linear=True)).urlconf
    visitor.open(reverse("flows:walk"))
    visitor.submit(says="this", leads="0")
    step = flow(visitor).steps[2]
    assert [(each.status, each.url) for each in (step, *step.children)] == [("upcoming", None)] * 2


def test_steps_where_the_actions_decide_are_the_pages_that_were_seen(visitor):
    visitor.open(reverse("flows:free"))
    assert steps(visitor) == [("Menu", "current", "/free/menu/")]
    visitor.submit(name="pick")
    assert [step[1] for step in steps(visitor)] == ["done", "current"]


def test_a_flow_of_one_page_has_one_step(visitor):
    visitor.open(reverse("flows:single"))
    assert steps(visitor) == [("Single", "current", "/single/")]
    assert flow(visitor).title == "Single"


def test_back_goes_over_what_is_skipped_and_what_asks_to_be_passed_over(visitor):
    visitor.open(reverse("flows:branching"))
    visitor.submit(name="bluegreen")
    visitor.submit(name="deep")
    visitor.submit(name="forest")
    assert flow(visitor).back_url.startswith("/branching/colours/green/")
    visitor.open(flow(visitor).back_url)
    assert flow(visitor).back_url.startswith("/branching/question/")
    visitor.open(flow(visitor).back_url)
    assert flow(visitor).back_url is None


def test_back_leads_over_a_login_that_was_made_since(visitor):
    User.objects.create(username="anna")
    visitor.open(reverse("flows:checkout", kwargs={"item": 1}))
    visitor.submit(name="hat")
    visitor.submit(user="anna", password="x")
    assert flow(visitor).back_url.startswith("/buy/1/choose/")


def test_back_from_an_alternative_leads_before_all_of_them(visitor):
    visitor.open(reverse("flows:checkout", kwargs={"item": 1}))
    visitor.submit(name="hat")
    visitor.open(f"/buy/1/identify/register/?_t={visitor.task_id}")
    assert flow(visitor).back_url.startswith("/buy/1/choose/")


def test_answers_are_shown_again_on_return(visitor):
    visitor.open(reverse("flows:journey"))
    visitor.submit(name="Zoë <b>")
    visitor.open(flow(visitor).back_url)
    assert 'value="Zoë &lt;b&gt;"' in visitor.text
