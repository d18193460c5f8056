"""Places in a tree: names, routes, and where one may go from there."""

import pytest

from flows.components import Action, Scaffold
from flows.exceptions import InvalidTarget
from flows.tree.positions import Position

from tests.testapp import trees

SHOP = Position(trees.Shop)
ACTIONS = SHOP.actions_by_name


def test_an_action_has_a_place_for_each_time_it_stands_in_the_tree():
    assert list(ACTIONS) == [
        "shop/start",
        "shop/identify/login",
        "shop/identify/register",
        "shop/pay/card",
        "shop/pay/bank/account",
        "shop/pay/bank/address",
        "shop/pay/login",
        "shop/address",
    ]


def test_a_route_is_the_routes_from_the_root_in_a_row():
    assert [action.route for action in SHOP.actions()] == [
        "shop/<int:item>/",
        "shop/<int:item>/identify/login/",
        "shop/<int:item>/identify/new/<slug:kind>/",
        "shop/<int:item>/card/",
        "shop/<int:item>/bank/account/",
        "shop/<int:item>/bank/address/",
        "shop/<int:item>/login/",
        "shop/<int:item>/address/",
    ]


def test_a_place_knows_the_arguments_of_its_route():
    assert ACTIONS["shop/identify/register"].parameters == {"item", "kind"}
    assert ACTIONS["shop/start"].parameters == {"item"}


def test_a_place_knows_its_path_and_its_root():
    place = ACTIONS["shop/pay/bank/account"]
    assert [str(step) for step in place.path] == ["shop", "shop/pay", "shop/pay/bank", "shop/pay/bank/account"]
    assert place.root is SHOP
    assert [step.is_action for step in place.path] == [False, False, False, True]


def test_a_place_cannot_be_changed():
    with pytest.raises(AttributeError):
        SHOP.component = trees.Pay


def test_places_of_two_trees_are_two_places():
    assert Position(trees.Shop) != SHOP
    assert len({Position(trees.Shop), SHOP}) == 2


@pytest.mark.parametrize(
    ("class_name", "name", "title"),
    [
        ("ChooseItem", "choose-item", "Choose item"),
        ("Login", "login", "Login"),
        ("HTMLPage", "html-page", "Html page"),
        ("Step2", "step2", "Step2"),
        ("pay_now", "pay-now", "Pay now"),
    ],
)
def test_a_component_is_named_after_its_class(class_name, name, title):
    component = type(class_name, (Action,), {})
    assert (component.name, component.url, component.title) == (name, f"{name}/", title)


def test_a_name_that_was_given_is_used_for_the_route_too():
    component = type("Login", (Action,), {"name": "sign-in"})
    assert (component.name, component.url) == ("sign-in", "sign-in/")


# Children


def test_a_child_is_found_by_its_class():
    assert SHOP.child(trees.Pay).name == "shop/pay"


def test_what_is_no_child_is_refused_and_the_children_are_named():
    with pytest.raises(InvalidTarget) as caught:
        SHOP.child(trees.Login)
    assert (
        str(caught.value) == "Login is not a child of Shop at 'shop'. Its children are: Start, Identify, Pay, Address."
    )


def test_names_are_those_of_the_module_in_which_the_list_was_written():
    class Elsewhere(trees.Bank):
        pass

    assert Elsewhere.get_children() == (trees.Account, trees.Address)


# From one place to another


@pytest.mark.parametrize(
    ("origin", "target", "found"),
    [
        ("shop/pay/card", trees.Login, "shop/pay/login"),
        ("shop/identify/register", trees.Login, "shop/identify/login"),
        ("shop/pay/card", trees.Bank, "shop/pay/bank"),
        ("shop/pay/bank/account", trees.Address, "shop/pay/bank/address"),
        ("shop/pay/card", trees.Address, "shop/address"),
        ("shop/pay/bank/account", trees.Card, "shop/pay/card"),
        ("shop/pay/bank/account", trees.Login, "shop/pay/login"),
        ("shop/pay/bank/account", trees.Pay, "shop/pay"),
        ("shop/pay/card", trees.Card, "shop/pay/card"),
        ("shop/pay/bank/account", trees.Register, "shop/identify/register"),
    ],
)
def test_the_nearest_place_is_meant(origin, target, found):
    assert ACTIONS[origin].find(target).name == found
    assert ACTIONS[origin].nearest(target).name == found


def test_a_scaffold_may_go_to_its_children_before_its_siblings():
    assert SHOP.child(trees.Pay).find(trees.Login).name == "shop/pay/login"


@pytest.mark.parametrize(
    ("target", "called"),
    [(trees.Shop, "Shop"), (Action, "Action"), ("elsewhere", "'elsewhere'"), (None, "None")],
)
def test_what_cannot_be_reached_is_refused_and_what_can_be_is_listed(target, called):
    with pytest.raises(InvalidTarget) as caught:
        ACTIONS["shop/pay/bank/account"].find(target)
    assert str(caught.value) == (
        f"{called} cannot be reached from 'shop/pay/bank/account'. From there one may go to: "
        "Account, Address, Card, Bank, Login, Start, Identify, Pay, Register."
    )


def test_from_a_flow_of_one_page_one_may_go_nowhere():
    with pytest.raises(InvalidTarget) as caught:
        Position(trees.Card).find(trees.Login)
    assert str(caught.value) == "Login cannot be reached from 'card'. From there one may go to: nothing."


def test_answers_may_be_asked_of_what_cannot_be_gone_to_where_it_stands_once():
    assert ACTIONS["shop/address"].nearest(trees.Account).name == "shop/pay/bank/account"
    assert Position(trees.Card).nearest(trees.Card).name == "card"


def test_what_stands_in_several_places_must_be_named():
    with pytest.raises(InvalidTarget) as caught:
        ACTIONS["shop/start"].nearest(trees.Login)
    assert str(caught.value) == (
        "Login stands 'shop/identify/login' and 'shop/pay/login' in the flow 'shop': "
        f"name the position that is meant, one of {', '.join(ACTIONS)}."
    )


def test_what_stands_nowhere_is_refused():
    class Stranger(Scaffold):
        action_set = [trees.Login]

    with pytest.raises(InvalidTarget, match=r"^Stranger stands nowhere in the flow 'shop': "):
        ACTIONS["shop/start"].nearest(Stranger)
