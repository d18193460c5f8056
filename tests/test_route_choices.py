"""Which pages count where the actions decide."""

import pytest
from django.http import HttpResponseRedirect

from flows.components import Scaffold
from flows.transitions import Linear

from tests.route_pages import Page, Told, completions, effects, walk

pytestmark = pytest.mark.django_db


class Method(Page):
    ends = {
        "card": lambda page: Card,
        "bank": lambda page: Bank,
        "voucher": lambda page: Voucher,
        "number": lambda page: Number,
        "away": lambda page: HttpResponseRedirect("/elsewhere/"),
        "leave": lambda page: page.leave("/elsewhere/"),
        "refuse": lambda page: page.refuse(),
        "confirm": lambda page: Confirm,
    }


class Card(Page):
    pass


class Account(Page):
    pass


class Number(Page):
    pass


class Bank(Scaffold):
    action_set = [Account, Number]
    transition = Linear()


class Voucher(Page):
    ends = {"confirm": lambda page: Confirm, "away": lambda page: HttpResponseRedirect("/elsewhere/")}


class Pay(Scaffold):
    action_set = [Method, Card, Bank, Voucher]
    transition = None


class Confirm(Page):
    pass


class Buying(Told):
    action_set = [Pay, Confirm]


ALTERNATIVES = ("pay/method", "pay/card", "pay/bank/account", "pay/voucher")


# Before anything is chosen


def test_every_alternative_may_be_entered_until_one_is_chosen(settings):
    walker = walk(settings, Buying)
    walker.say("refuse")
    assert [walker.go(page) for page in ALTERNATIVES] == list(ALTERNATIVES)
    assert [walker.go(page) for page in ("pay/bank/number", "confirm")] == ["pay/voucher"] * 2


def test_what_may_be_entered_and_was_not_chosen_is_not_in_the_answers_of_others(settings):
    walker = walk(settings, Buying)
    walker.go("pay/bank/account")
    walker.say("DE02")
    walker.go("pay/card")
    assert walker.said == ""
    walker.say("4242", "yes")
    assert completions("buying") == ["card=4242 confirm=yes"]


def test_the_flow_leads_to_the_alternative_that_was_seen_last(settings):
    walker = walk(settings, Buying)
    walker.say("refuse")
    walker.go("pay/voucher")
    assert walker.go() == "pay/voucher"
    walker.go("pay/card")
    assert walker.go("confirm") == "pay/card"


# What was chosen


def test_what_was_chosen_and_the_way_to_it_are_on_the_route_and_the_others_are_not(settings):
    walker = walk(settings, Buying, "bank")
    assert walker.at == "pay/bank/account"
    assert [walker.go(page) for page in ALTERNATIVES] == [
        "pay/method",
        "pay/bank/account",
        "pay/bank/account",
        "pay/bank/account",
    ]
    assert walker.said == "method=bank"


def test_the_same_choice_again_leads_to_the_page_that_is_open(settings):
    walker = walk(settings, Buying, "card", "4242")
    walker.go("pay/method")
    assert walker.say("card") == "confirm"
    assert walker.said == "method=card card=4242"


def test_another_choice_takes_the_first_off_the_route(settings):
    walker = walk(settings, Buying, "card", "4242")
    walker.go("pay/method")
    assert walker.say("bank") == "pay/bank/account"
    assert walker.go("pay/card") == "pay/bank/account"
    assert walker.say("DE02", "1") == "confirm"
    walker.say("yes")
    assert completions("buying") == ["method=bank account=DE02 number=1 confirm=yes"]


def test_the_form_of_a_branch_that_was_left_is_not_handled(settings):
    walker = walk(settings, Buying, "card")
    card, form = walker.url, walker.form(says="4242")
    walker.go("pay/method")
    walker.say("bank")
    walker.send(card, form)
    assert (walker.at, effects("card")) == ("pay/bank/account", [])


def test_the_first_choice_again_comes_back_as_it_was_and_is_shown(settings):
    walker = walk(settings, Buying, "bank", "DE02", "1")
    for word in ("card", "bank"):
        walker.go("pay/method")
        walker.say(word)
    assert walker.at == "pay/bank/account"
    assert 'value="DE02"' in walker.text
    assert walker.go("confirm") == "confirm"
    assert walker.said == "method=bank account=DE02 number=1"


def test_a_page_that_completes_without_a_choice_completes_the_group(settings):
    walker = walk(settings, Buying, "whatever")
    assert walker.at == "confirm"
    assert walker.said == "method=whatever"


@pytest.mark.parametrize("end", ["leave", "refuse"])
def test_an_end_that_leaves_the_page_open_chooses_nothing(settings, end):
    walker = walk(settings, Buying)
    walker.answer(says=end)
    assert walker.go() == "pay/method"
    assert walker.go("pay/card") == "pay/card"
    assert walker.go("confirm") == "pay/card"


def test_a_choice_may_reach_down_into_a_sibling(settings):
    class Side(Scaffold):
        class Left(Page):
            pass

        class Right(Page):
            pass

        action_set = [Left, Right]
        transition = None

    class Fork(Page):
        ends = {"right": lambda page: Side.Right}

    class Forked(Told):
        action_set = [Fork, Side]
        transition = None

    walker = walk(settings, Forked, "right")
    assert walker.at == "side/right"
    assert walker.go("side/left") == "side/right"
    walker.say("end")
    assert completions("forked") == ["fork=right right=end"]


def test_a_choice_may_lead_out_of_its_group_where_the_actions_decide_too(settings):
    class Inner(Scaffold):
        action_set = [Voucher, Card]
        transition = None

    class Open(Told):
        action_set = [Inner, Confirm]
        transition = None

    walker = walk(settings, Open, "confirm")
    assert walker.at == "confirm"
    walker.say("yes")
    assert completions("open") == ["voucher=confirm confirm=yes"]


# To a provider and back


def test_after_a_redirect_of_its_own_every_sibling_may_follow(settings):
    walker = walk(settings, Buying, "away")
    assert walker.url == "/elsewhere/"
    assert [walker.go(page) for page in ALTERNATIVES[1:]] == list(ALTERNATIVES[1:])
    assert walker.go("confirm") == "pay/voucher"


def test_the_page_that_the_visitor_comes_back_to_completes_the_group(settings):
    walker = walk(settings, Buying, "away")
    walker.open(walker.url_of("pay/voucher") + "&code=123")
    assert walker.say("123") == "confirm"
    assert walker.said == "method=away voucher=123"
    assert walker.go("pay/card") == "confirm"
    walker.say("yes")
    assert completions("buying") == ["method=away voucher=123 confirm=yes"]


def test_a_redirect_of_its_own_completes_a_group_of_which_no_sibling_counts(settings):
    class Skipped(Page):
        def should_skip(self):
            return True

    class Alone(Scaffold):
        action_set = [Voucher, Skipped]
        transition = None

    class Leaving(Told):
        action_set = [Alone, Confirm]

    walker = walk(settings, Leaving, "away")
    assert walker.go() == "confirm"
    assert walker.said == "voucher=away"
