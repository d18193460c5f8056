"""Which pages count where a transition of the project's own decides."""

import pytest

from flows.components import COMPLETE, Scaffold
from flows.transitions import Linear, Transition

from tests.route_pages import Page, Told, Walker, completions, serve, walk

pytestmark = pytest.mark.django_db


class Confirm(Page):
    pass


# A branch


class Kind(Page):
    pass


class Company(Page):
    pass


class Person(Page):
    pass


class Branch(Transition):
    def choose_next(self, scaffold, child):
        if child is not Kind:
            return COMPLETE
        return Company if scaffold.answers[Kind]["says"] == "company" else Person


class StrictBranch(Branch):
    def can_enter(self, scaffold, child):
        return child is Kind or (scaffold.is_done(Kind) and child is self.choose_next(scaffold, Kind))


def branching(transition):
    class Who(Scaffold):
        action_set = [Kind, Company, Person]

    class Asking(Told):
        action_set = [Who, Confirm]

    Who.transition = transition()
    return Asking


@pytest.mark.parametrize("transition", [Branch, StrictBranch])
@pytest.mark.parametrize("kind", ["company", "person"])
def test_a_branch_leads_to_the_child_that_it_chooses_and_over_the_others(settings, transition, kind):
    walker = walk(settings, branching(transition), kind)
    assert walker.at == f"who/{kind}"
    assert walker.go("confirm") == f"who/{kind}"
    walker.say("name", "yes")
    assert completions("asking") == [f"kind={kind} {kind}=name confirm=yes"]


def test_what_a_transition_does_not_let_in_is_not_open(settings):
    walker = walk(settings, branching(StrictBranch))
    assert [walker.go(f"who/{page}") for page in ("company", "person")] == ["who/kind"] * 2
    walker.say("company")
    assert walker.go("who/person") == "who/company"


def test_what_a_transition_does_not_let_in_any_more_is_off_the_route(settings):
    walker = walk(settings, branching(StrictBranch), "company", "Acme")
    walker.go("who/kind")
    assert walker.say("person") == "who/person"
    assert walker.said == "kind=person"
    walker.go("who/kind")
    assert walker.say("company") == "confirm"
    assert walker.said == "kind=company company=Acme"


def test_what_a_transition_lets_in_and_is_answered_is_on_the_route_too(settings):
    walker = walk(settings, branching(Branch), "company")
    assert walker.go("who/person") == "who/person"
    assert walker.say("Anna") == "who/company"
    walker.say("Acme", "yes")
    assert sorted(completions("asking")[0].split()) == ["company=Acme", "confirm=yes", "kind=company", "person=Anna"]


# Any order


class Card(Page):
    pass


class Account(Page):
    pass


class Number(Page):
    pass


class Voucher(Page):
    pass


class AnyOrder(Transition):
    def choose_next(self, scaffold, child):
        return scaffold.first_to_do() or COMPLETE


class Sections(Told):
    class Overview(Page):
        pass

    class Longer(Scaffold):
        action_set = [Account, Number]
        transition = Linear()

    action_set = [Overview, Card, Longer, Voucher]
    transition = AnyOrder()


class AnyWay(Told):
    action_set = [Sections, Confirm]


def test_sections_may_be_answered_in_any_order(settings):
    walker = walk(settings, AnyWay)
    walker.go("sections/voucher")
    assert walker.say("v") == "sections/overview"
    assert walker.say("o") == "sections/card"
    for page, word in (("account", "a"), ("number", "n")):
        walker.go(f"sections/longer/{page}")
        walker.say(word)
    assert walker.at == "sections/card"
    assert walker.say("c") == "confirm"
    walker.say("yes")
    for said in (completions("sections")[0], completions("any-way")[0].removesuffix(" confirm=yes")):
        assert sorted(said.split()) == ["account=a", "card=c", "number=n", "overview=o", "voucher=v"]


def test_a_section_that_was_begun_goes_on_at_its_own_next_page(settings):
    walker = walk(settings, AnyWay, "o")
    walker.go("sections/longer/account")
    assert walker.say("a") == "sections/longer/number"


def test_sections_that_may_be_answered_in_any_order_are_each_asked_in_turn(settings):
    serve(settings, AnyWay)
    walker, pages = Walker(AnyWay), []
    while walker.at != "confirm":
        pages.append(walker.at)
        walker.say("this")
    assert pages == [f"sections/{page}" for page in ("overview", "card", "longer/account", "longer/number", "voucher")]


def test_what_stands_after_the_sections_waits_for_all_of_them(settings):
    walker = walk(settings, AnyWay, "o", "c")
    walker.go("sections/voucher")
    walker.say("v")
    assert walker.go("confirm") == "sections/longer/account"
    assert completions("sections") == []


def test_a_transition_that_comes_back_to_a_child_opens_it_again(settings):
    class Again(Transition):
        def choose_next(self, scaffold, child):
            if child is Kind:
                return Person
            return Kind if scaffold.answers[Person]["says"] == "again" else COMPLETE

    walker = walk(settings, branching(Again), "one", "again")
    assert walker.at == "who/kind"
    assert walker.go("confirm") == "who/kind"
    assert walker.go("who/person") == "who/person"
    walker.say("enough")
    walker.go("who/kind")
    assert walker.say("one") == "confirm"
    assert walker.said == "kind=one person=enough"
