"""What a page shows of the route, and what it costs to find it."""

from collections import Counter

import pytest
from django.contrib.auth.models import User

from flows.components import Scaffold
from flows.transitions import Linear

from tests.route_pages import Page, Told, Walker, serve, walk

pytestmark = pytest.mark.django_db

asked = Counter()


@pytest.fixture(autouse=True)
def _nothing_asked():
    asked.clear()


class Counting:
    """Counts how often it is asked whether it is skipped."""

    def should_skip(self):
        asked[self.position.name] += 1
        return super().should_skip()


class First(Counting, Page):
    pass


class Maybe(Counting, Page):
    def should_skip(self):
        super().should_skip()
        return self.said(First) == "no"


class Passed(Counting, Page):
    skip_on_back = True


class Inner(Counting, Page):
    pass


class Group(Counting, Scaffold):
    action_set = [Passed, Inner]
    transition = Linear()


class Method(Counting, Page):
    ends = {"card": lambda page: Card}


class Card(Counting, Page):
    pass


class Pay(Counting, Scaffold):
    action_set = [Method, Card]
    transition = None


class End(Counting, Page):
    ends = {"leave": lambda page: page.leave("/elsewhere/")}


class Showing(Counting, Told):
    action_set = [First, Maybe, Group, Pay, End]


def back(walker):
    """Return where Back leads, as the name of a page."""
    url = walker.flow.back_url
    return url and url.removeprefix("/showing/").removesuffix(f"/?_t={walker.task_id}")


def steps(walker):
    ending = f"/?_t={walker.task_id}"
    return [
        (str(step.title), step.status, step.url and step.url.removeprefix("/showing/").removesuffix(ending))
        for step in walker.flow.steps
    ]


def number(walker):
    return walker.flow.step_number, walker.flow.step_count


# The way back


def test_back_leads_to_the_page_before_on_the_route(settings):
    walker, pages = walk(settings, Showing), []
    for word in ("yes", "maybe", "passed", "inner", "card", "4242"):
        pages.append((walker.at, back(walker)))
        walker.say(word)
    assert [*pages, (walker.at, back(walker))] == [
        ("first", None),
        ("maybe", "first"),
        ("group/passed", "maybe"),
        ("group/inner", "maybe"),
        ("pay/method", "group/inner"),
        ("pay/card", "pay/method"),
        ("end", "pay/card"),
    ]


def test_back_is_over_what_is_off_the_route(settings):
    walker = walk(settings, Showing, "no")
    assert (walker.at, back(walker)) == ("group/passed", "first")


def test_back_does_not_lead_to_what_was_edited_but_to_the_page_before(settings):
    walker = walk(settings, Showing, "no", "passed", "inner", "card", "4242")
    walker.go("first")
    assert walker.say("no") == "end"
    assert back(walker) == "pay/card"
    walker.go("group/inner")
    assert back(walker) == "first"


def test_back_from_an_alternative_leads_to_what_stands_before_its_group(settings):
    walker = walk(settings, Showing, "no", "passed", "inner")
    walker.go("pay/card")
    assert back(walker) == "group/inner"


# Steps


def test_steps_list_what_is_behind_without_a_url_and_ask_nothing(settings):
    walker = walk(settings, Showing)
    assert steps(walker) == [
        ("First", "current", "first"),
        ("Maybe", "upcoming", None),
        ("Group", "upcoming", None),
        ("Pay", "upcoming", None),
        ("End", "upcoming", None),
    ]
    assert not asked.keys() - {"showing", "showing/first"}


def test_steps_leave_out_what_is_off(settings):
    walker = walk(settings, Showing, "no", "passed")
    assert steps(walker) == [
        ("First", "done", "first"),
        ("Group", "current", "group/passed"),
        ("Pay", "upcoming", None),
        ("End", "upcoming", None),
    ]
    group = walker.flow.steps[1]
    assert [(str(step.title), step.status) for step in group.children] == [("Passed", "done"), ("Inner", "current")]


def test_steps_have_urls_up_to_the_page_that_is_open(settings):
    walker = walk(settings, Showing, "no", "passed", "inner", "card", "4242")
    walker.go("first")
    assert steps(walker) == [
        ("First", "current", "first"),
        ("Group", "done", "group/passed"),
        ("Pay", "done", "pay/method"),
        ("End", "upcoming", "end"),
    ]


def test_a_step_that_is_open_again_is_not_done_and_what_follows_has_no_url(settings):
    walker = walk(settings, Showing, "no", "passed", "inner", "card", "4242")
    walker.go("first")
    assert walker.say("yes") == "maybe"
    assert steps(walker) == [
        ("First", "done", "first"),
        ("Maybe", "current", "maybe"),
        ("Group", "upcoming", None),
        ("Pay", "upcoming", None),
        ("End", "upcoming", None),
    ]


def test_a_step_that_may_be_entered_has_a_url(settings):
    walker = walk(settings, Showing, "no", "passed", "inner")
    walker.go("group/inner")
    assert ("Pay", "upcoming", "pay/method") in steps(walker)


# Numbers


def test_the_number_of_steps_is_that_of_the_route_and_of_what_may_follow(settings):
    walker, numbers = walk(settings, Showing), []
    for word in ("no", "passed", "inner", "card", "4242"):
        numbers.append((walker.at, *number(walker)))
        walker.say(word)
    assert [*numbers, (walker.at, *number(walker))] == [
        ("first", 1, 6),
        ("group/passed", 2, 5),
        ("group/inner", 3, 5),
        ("pay/method", 4, 5),
        ("pay/card", 5, 6),
        ("end", 6, 6),
    ]


def test_an_alternative_has_the_number_of_its_group(settings):
    walker = walk(settings, Showing, "no", "passed", "inner")
    walker.go("pay/card")
    assert number(walker) == (4, 5)


def test_a_flow_of_one_page_has_one_step(settings):
    walker = walk(settings, End)
    assert number(walker) == (1, 1)


# How often a component is asked


def ask(call):
    """Return how often components were asked during a call."""
    asked.clear()
    call()
    return dict(asked)


def test_a_component_is_asked_once_in_a_get_and_twice_in_a_post(settings):
    walker = walk(settings, Showing)
    for word in ("yes", "maybe", "passed", "inner", "card", "4242"):
        url, form = walker.url, walker.form(says=word)
        assert max(ask(lambda url=url, form=form: walker.client.post(url, form)).values()) <= 2
        asked.clear()
        walker.go()
        for place in ("", "first", "maybe", "group/passed", "group/inner", "pay/method", "pay/card", "end", "none"):
            answers = ask(lambda place=place: walker.client.get(walker.url_of(place)))
            assert max(answers.values(), default=0) <= 1, (word, place)


def test_a_component_is_asked_twice_at_most_in_the_post_of_an_edit_and_of_the_end(settings):
    walker = walk(settings, Showing, "yes", "maybe", "passed", "inner", "card", "4242")
    for place, word in (("first", "no"), ("first", "yes"), ("pay/method", "plain"), ("end", "leave"), ("end", "done")):
        walker.go(place)
        assert max(ask(lambda word=word: walker.answer(says=word)).values()) <= 2, (place, word)


def test_a_page_on_the_route_asks_what_it_stands_in_and_nothing_else(settings):
    walker = walk(settings, Showing, "yes", "maybe", "passed", "inner")
    for place in ("group/inner", "maybe", "pay/card"):
        answers = ask(lambda place=place: walker.client.get(walker.url_of(place)))
        parents = ["showing/" + "/".join(place.split("/")[:depth]) for depth in range(1, 1 + len(place.split("/")))]
        assert not answers.keys() - {"showing", *parents}, place


def test_a_step_forward_asks_no_more_on_a_late_page_than_on_an_early_one(settings):
    class Long(Told):
        action_set = [type(f"Page{number}", (Counting, Page), {}) for number in range(30)]

    serve(settings, Long)
    walker, posts, gets = Walker(Long), [], []
    for _ in range(29):
        url, form = walker.url, walker.form(says="this")
        posts.append(sum(ask(lambda url=url, form=form: walker.client.post(url, form)).values()))
        walker.go()
        gets.append(sum(ask(lambda: walker.open(walker.url)).values()))
    assert len(set(posts[1:-1])) == 1
    assert len(set(gets)) == 1


def test_the_page_that_a_login_skips_is_asked_once_in_each_request(settings):
    class Door(Counting, Page):
        def should_skip(self):
            super().should_skip()
            return self.request.user.is_authenticated

    class Doors(Told):
        action_set = [First, Door, End]

    walker = walk(settings, Doors, "one")
    walker.client.force_login(User.objects.create(username="anna"))
    for place in ("door", "end", ""):
        assert max(ask(lambda place=place: walker.client.get(walker.url_of(place))).values(), default=0) <= 1
    form = walker.form(says="done")
    assert max(ask(lambda: walker.client.post(walker.url_of("end"), form)).values()) <= 2
