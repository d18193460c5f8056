"""Where routers put the tasks and the project's models apart, what is promised of one transaction is told of."""

from types import ModuleType

import pytest
from django.core import checks
from django.test import override_settings
from django.urls import include, path

from flows.checks import check_promises
from flows.components import COMPLETE, Action, Scaffold
from flows.handler import FlowHandler
from flows.transitions import Linear


class Router:
    """Puts models, named by a part of their labels, into databases."""

    def __init__(self, **aliases):
        self.aliases = aliases

    def db_for_write(self, model, **hints):
        return next((alias for name, alias in self.aliases.items() if name in model._meta.label), None)


TASKS_APART = Router(StoredTask="other")
EFFECTS_APART = Router(Effect="other")
ALL_APART = Router(testapp="other")


class Look(Action):
    """Shows a page."""


class Save(Action):
    def form_valid(self, form):
        return COMPLETE


class Pay(Save):
    guarantee = "claim"


class Book(Save):
    guarantee = "transaction"


def shop(*actions, name="shop", **attributes):
    return type("Shop", (Scaffold,), {"name": name, "action_set": list(actions), "transition": Linear(), **attributes})


def told(router, *flows, store="flows.statestore.django_store"):
    handler = FlowHandler(state_store=store)
    for flow in flows:
        handler.register_entry_point(flow)
    urls = ModuleType("urls")
    urls.urlpatterns = [path("", include(handler.urls))]
    with override_settings(ROOT_URLCONF=urls, DATABASE_ROUTERS=[router]):
        return check_promises()


def warning(components, own, others, aliases):
    return checks.Warning(
        f"'transaction', the guarantee of {components}, holds within the database '{own}', into which the router puts "
        f"flows.StoredTask. It puts other models into {others}.",
        hint=f"Make it 'claim', or let the router put flows.StoredTask into {aliases}. "
        "Silence this warning if those components write nothing there.",
        id="flows.W006",
    )


def test_a_transaction_that_was_asked_for_where_no_model_is_with_the_tasks_is_an_error():
    assert told(TASKS_APART, shop(Look, Pay, Book), shop(Book, name="again")) == [
        checks.Error(
            "Book.guarantee is 'transaction', which cannot be given: the router puts flows.StoredTask into 'other' and "
            "the project's models into 'default' (such as testapp.Effect).",
            hint="Make it 'claim', or let the router put flows.StoredTask into 'default'.",
            obj=Book,
            id="flows.E017",
        )
    ]


@pytest.mark.parametrize(
    ("router", "own", "others", "aliases"),
    [
        (TASKS_APART, "other", "'default' (such as testapp.Effect)", "'default'"),
        (ALL_APART, "default", "'other' (such as testapp.Effect)", "'other'"),
        (EFFECTS_APART, "default", "'other' (such as testapp.Effect)", "'other'"),
        (
            Router(Effect="a", Item="b"),
            "default",
            "'a' (such as testapp.Effect) and 'b' (such as testapp.Item)",
            "'a' or 'b'",
        ),
    ],
)
def test_what_is_promised_by_default_is_warned_of_once_for_all_that_have_effects(router, own, others, aliases):
    flows = shop(Look, Save, Pay), shop(Save, name="again", complete=lambda self: None)
    assert told(router, *flows) == [warning("Save, Shop", own, others, aliases)]


def test_a_transaction_that_was_asked_for_where_some_models_are_with_the_tasks_is_warned_of():
    assert told(EFFECTS_APART, shop(Book)) == [
        warning("Book", "default", "'other' (such as testapp.Effect)", "'other'")
    ]


@pytest.mark.parametrize(
    "router",
    [
        Router(),
        Router(testapp="other", StoredTask="other"),
        Router(auth="other", sessions="other", contenttypes="other"),
    ],
    ids=["none", "together", "django's own"],
)
def test_nothing_is_said_where_the_tasks_are_with_the_projects_models(router):
    assert told(router, shop(Save, Book)) == []


def test_nothing_is_said_where_no_transaction_is_promised():
    assert told(TASKS_APART, shop(Look, Pay)) == []
    assert told(TASKS_APART, shop(Save), store="flows.statestore.redis_store") == []
