"""Mistakes in a flow's declaration, each found when it is registered."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from flows.components import Action, FlowComponent, Scaffold
from flows.exceptions import DefinitionError
from flows.handler import FlowHandler
from flows.http.definition import check_flow
from flows.preconditions import LoginRequired
from flows.transitions import Linear

from tests.testapp import trees


class One(Action):
    pass


class Two(Action):
    pass


class NoComponent:
    pass


class Neither(FlowComponent):
    pass


class Cyclic(Scaffold):
    action_set = [One, "Inner"]


class Inner(Scaffold):
    action_set = [Two, "Cyclic"]


class Narcissus(Scaffold):
    action_set = ["Narcissus"]


class Parent(Action):
    action_set = [One]


def flow(*children, class_name="Flow", **attributes):
    return type(class_name, (Scaffold,), {"action_set": list(children), "__module__": __name__, **attributes})


def action(class_name, **attributes):
    return type(class_name, (Action,), attributes)


def test_a_tree_that_can_work_is_let_pass():
    assert check_flow(trees.Shop).name == "shop"
    assert check_flow(One).name == "one"


@pytest.mark.parametrize(
    ("root", "message"),
    [
        (flow(), "Flow.action_set is empty. Put at least one Action or Scaffold in it."),
        (
            flow(One, flow(class_name="Hollow")),
            "Hollow.action_set is empty. Put at least one Action or Scaffold in it.",
        ),
        (
            flow(One, "Absent"),
            (
                "Flow.action_set names 'Absent', which is not to be found. "
                f"Define it in {__name__}, or give the dotted path of a class."
            ),
        ),
        (
            flow("tests.testapp.trees.Absent"),
            (
                "Flow.action_set names 'tests.testapp.trees.Absent', which is not to be found. "
                f"Define it in {__name__}, or give the dotted path of a class."
            ),
        ),
        (
            flow("no.module.Absent"),
            (
                "Flow.action_set names 'no.module.Absent', which is not to be found. "
                f"Define it in {__name__}, or give the dotted path of a class."
            ),
        ),
        (
            flow(One, NoComponent),
            ("Flow.action_set holds NoComponent, which is not a component. Make it a subclass of Action or Scaffold."),
        ),
        (
            flow("NoComponent"),
            ("Flow.action_set holds NoComponent, which is not a component. Make it a subclass of Action or Scaffold."),
        ),
        (
            flow(One, 5),
            "Flow.action_set holds 5, which is not a component. Make it a subclass of Action or Scaffold.",
        ),
        (
            flow(Neither),
            "Neither is neither an Action nor a Scaffold. Make it a subclass of one of them.",
        ),
        (
            flow(One, Two, One),
            "Flow.action_set holds One twice. Take one out, or put a subclass of it in its place.",
        ),
        (
            flow(One, action("Other", name="one")),
            "Flow.action_set holds One and Other, which are both named 'one'. Give one of them another name.",
        ),
        (
            Cyclic,
            "Cyclic contains itself: Cyclic > Inner > Cyclic. Take it out of Inner.action_set.",
        ),
        (
            flow(One, Cyclic),
            "Cyclic contains itself: Flow > Cyclic > Inner > Cyclic. Take it out of Inner.action_set.",
        ),
        (
            Narcissus,
            "Narcissus contains itself: Narcissus > Narcissus. Take it out of Narcissus.action_set.",
        ),
        (
            flow(Parent),
            ("Parent is an Action and has an action_set. Make it a Scaffold, or move the children to its scaffold."),
        ),
        (
            Parent,
            ("Parent is an Action and has an action_set. Make it a Scaffold, or move the children to its scaffold."),
        ),
        (
            flow(One, action("Other", url="one/")),
            (
                "One at 'flow/one' and Other at 'flow/other' have the same route 'flow/one/'. "
                "Give one of them another url."
            ),
        ),
        (
            flow(action("A", url="<int:a>/"), action("B", url="<int:b>/")),
            ("A at 'flow/a' and B at 'flow/b' have the same route 'flow/<int:b>/'. Give one of them another url."),
        ),
        (
            flow(action("A", url="<str:a>/"), action("B", url="<b>/")),
            "A at 'flow/a' and B at 'flow/b' have the same route 'flow/<b>/'. Give one of them another url.",
        ),
        (
            flow(flow(One, class_name="A", url="x/"), flow(One, class_name="B", url="x/")),
            (
                "One at 'flow/a/one' and One at 'flow/b/one' have the same route 'flow/x/one/'. "
                "Give one of them another url."
            ),
        ),
        (
            action("Slash", name="a/b"),
            (
                "Slash.name is 'a/b'. "
                "Use letters, digits, hyphens, underscores and dots, not dots alone, "
                "as it stands in URLs and their names."
            ),
        ),
        (
            flow(action("Number", name=5)),
            (
                "Number.name is 5. "
                "Use letters, digits, hyphens, underscores and dots, not dots alone, "
                "as it stands in URLs and their names."
            ),
        ),
        (
            flow(action("Leading", url="/leading/")),
            (
                "Leading.url is '/leading/'. "
                "Use a path() route without a leading slash, as it is put behind the route of the parent."
            ),
        ),
        (
            flow(action("Wrong", url="<int:a>/<int:b>/<a>/")),
            (
                "Wrong at 'flow/wrong' has the route 'flow/<int:a>/<int:b>/<a>/', in which 'a' stands twice. "
                "Rename one of them."
            ),
        ),
        (
            flow(action("Wrong", url="<int:item>/"), url="<slug:item>/"),
            (
                "Wrong at 'flow/wrong' has the route '<slug:item>/<int:item>/', in which 'item' stands twice. "
                "Rename one of them."
            ),
        ),
        (
            NoComponent,
            ("NoComponent cannot be an entry point: it is not a component. Register a subclass of Scaffold or Action."),
        ),
        (
            "Flow",
            "'Flow' cannot be an entry point: it is not a component. Register a subclass of Scaffold or Action.",
        ),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_a_mistake_is_refused_with_the_class_the_fault_and_the_remedy(root, message):
    with pytest.raises(DefinitionError) as caught:
        FlowHandler().register_entry_point(root)
    assert str(caught.value) == message


@pytest.mark.parametrize("url", ["<nothing:a>/", "<int:1>/", "<int: a>/"])
def test_a_route_that_django_refuses_is_refused(url):
    with pytest.raises(ImproperlyConfigured):
        FlowHandler().register_entry_point(flow(action("Wrong", url=url)))


def test_routes_of_different_converters_are_two_routes():
    check_flow(flow(action("A", url="<int:a>/"), action("B", url="<slug:a>/")))


def test_the_same_class_may_stand_in_two_scaffolds():
    check_flow(flow(One, flow(One, class_name="Other")))


# Between flows of one handler


def test_two_flows_of_one_name_are_refused():
    handler = FlowHandler()
    handler.register_entry_point(flow(One))
    with pytest.raises(DefinitionError) as caught:
        handler.register_entry_point(flow(Two, class_name="Other", name="flow"))
    assert str(caught.value) == (
        "Other cannot be registered: an entry point named 'flow' is registered already. Give it another name."
    )


def test_two_flows_of_one_route_are_refused():
    handler = FlowHandler()
    handler.register_entry_point(flow(One, url="shop/"))
    with pytest.raises(DefinitionError) as caught:
        handler.register_entry_point(flow(One, class_name="Other", url="shop/"))
    assert str(caught.value) == (
        "One at 'flow/one' and One at 'other/one' have the same route 'shop/one/'. Give one of them another url."
    )


def test_a_flow_that_was_refused_leaves_the_others_as_they_were():
    handler = FlowHandler()
    handler.register_entry_point(flow(One))
    before = [pattern.name for pattern in handler.urls[0]]
    with pytest.raises(DefinitionError):
        handler.register_entry_point(Cyclic)
    assert [pattern.name for pattern in handler.urls[0]] == before


def test_a_handler_without_flows_has_no_urls():
    with pytest.raises(ImproperlyConfigured) as caught:
        FlowHandler("shop").urls  # noqa: B018
    assert str(caught.value) == (
        "The FlowHandler 'shop' has no entry points. Call register_entry_point() before its urls are included."
    )


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ({"action_set": "Page"}, "Faulty.action_set is 'Page'. Make it a list of components."),
        ({"action_set": Action}, "Faulty.action_set is Action. Make it a list of components."),
        (
            {"action_set": [Action], "transition": Linear},
            "Faulty.transition is Linear, which is not a Transition. Use an instance of one, such as Linear().",
        ),
        (
            {"action_set": [Action], "guarantee": "exactly once"},
            (
                "Faulty.guarantee is 'exactly once'. "
                "Make it 'transaction', 'claim' or 'retry', or None for the default of the state store."
            ),
        ),
        (
            {"action_set": [Action], "preconditions": LoginRequired},
            "Faulty.preconditions is LoginRequired. Make it a list of callables.",
        ),
        (
            {"action_set": [Action], "preconditions": [LoginRequired]},
            (
                "Faulty.preconditions holds LoginRequired, which cannot be called with a component. "
                "Use a callable, such as LoginRequired()."
            ),
        ),
    ],
)
def test_attributes_of_the_wrong_kind(attributes, sentence):
    with pytest.raises(DefinitionError) as error:
        check_flow(type("Faulty", (Scaffold,), attributes))
    assert str(error.value) == sentence


def test_a_route_that_an_earlier_one_with_an_argument_takes():
    wide = type("Wide", (Action,), {"url": "<slug:any>/"})
    pay = type("Pay", (Action,), {})
    with pytest.raises(DefinitionError) as error:
        check_flow(type("Shop", (Scaffold,), {"action_set": [wide, pay]}))
    assert str(error.value) == (
        "Pay at 'shop/pay' is never reached: its URL 'shop/pay/' is taken by the route 'shop/<slug:any>/' "
        "of Wide at 'shop/wide'. Give one of them another url, or put Pay first."
    )
    check_flow(type("Shop", (Scaffold,), {"action_set": [pay, wide]}))


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [("slug", "int"), ("slug", "uuid"), ("str", "int"), ("str", "slug"), ("path", "str"), ("path", "int")],
)
def test_a_route_whose_arguments_an_earlier_one_takes(wide, narrow):
    first, second = (type(kind.title(), (Action,), {"url": f"<{kind}:{kind}>/"}) for kind in (wide, narrow))
    with pytest.raises(DefinitionError) as error:
        check_flow(type("Shop", (Scaffold,), {"action_set": [first, second]}))
    assert f"{second.__name__} at 'shop/{narrow}' is never reached" in str(error.value)
    check_flow(type("Shop", (Scaffold,), {"action_set": [second, first]}))
