"""What ``manage.py check`` finds in the settings."""

import pytest
from django.contrib.sessions.middleware import SessionMiddleware
from django.core import checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings

from flows.checks import check_settings

STORE_HINT = "Name a module with a class StateStore, such as 'flows.statestore.django_store'."
TIME_HINT = "Set a positive number, such as 1200 for twenty minutes."
BINDER_HINT = "Set a callable that takes a request, or its dotted path, such as 'flows.binder.session_binder'."
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"


class StateStore:
    """No subclass of `BaseStateStore`."""


not_callable = "text"


def time_error(name, value, number):
    message = f"FLOWS_{name} is {value!r}, which is not a number of seconds above zero."
    return {f"FLOWS_{name}": value}, message, TIME_HINT, f"flows.E00{number}"


def param_error(value):
    return (
        {"FLOWS_TASK_ID_PARAM": value},
        f"FLOWS_TASK_ID_PARAM is {value!r}, which is not fit for the query string of a URL.",
        "Use letters, digits, hyphens, underscores, dots and tildes.",
        "flows.E007",
    )


def hosts_error(value):
    return (
        {"FLOWS_ALLOWED_REDIRECT_HOSTS": value},
        f"FLOWS_ALLOWED_REDIRECT_HOSTS is {value!r}, which is not a list of host names.",
        "Set a list or tuple, such as ['pay.example.com'].",
        "flows.E010",
    )


def store_error(value, reason):
    message = f"FLOWS_STATE_STORE is {value!r}, which cannot be imported: {reason}"
    return {"FLOWS_STATE_STORE": value}, message, STORE_HINT, "flows.E001"


WRONG = [
    store_error("no.such.module", "No module named 'no'"),
    store_error("flows.statestore.absent", "No module named 'flows.statestore.absent'"),
    store_error("", "Empty module name"),
    store_error(None, "'NoneType' object has no attribute 'startswith'"),
    (
        {"FLOWS_STATE_STORE": "flows.config"},
        "The module 'flows.config', which FLOWS_STATE_STORE names, has no class StateStore.",
        STORE_HINT,
        "flows.E002",
    ),
    (
        {"FLOWS_STATE_STORE": __name__},
        f"{__name__}.StateStore is not a subclass of BaseStateStore.",
        "Derive it from flows.statestore.base.BaseStateStore.",
        "flows.E003",
    ),
    *(time_error("TASK_IDLE_TIMEOUT", value, 4) for value in (0, -1, "20", None, True, float("nan"), float("inf"))),
    time_error("LOCK_WAIT", 0, 5),
    time_error("REDIS_STATE_STORE_LEASE", -0.5, 6),
    *(param_error(value) for value in ("", "a b", "a=b", "a&b", "ä", "t\n", None, 5)),
    (
        {"FLOWS_TASK_BINDER": "flows.binder.absent"},
        (
            "FLOWS_TASK_BINDER is 'flows.binder.absent', which cannot be imported: "
            'Module "flows.binder" does not define a "absent" attribute/class'
        ),
        "Name a callable by its dotted path, such as 'flows.binder.session_binder'.",
        "flows.E008",
    ),
    (
        {"FLOWS_TASK_BINDER": None},
        "FLOWS_TASK_BINDER is None, which is not callable.",
        BINDER_HINT,
        "flows.E008",
    ),
    (
        {"FLOWS_TASK_BINDER": f"{__name__}.not_callable"},
        f"FLOWS_TASK_BINDER is '{__name__}.not_callable', which is not callable.",
        BINDER_HINT,
        "flows.E008",
    ),
    (
        {"MIDDLEWARE": ["no.such.Middleware"]},
        "FLOWS_TASK_BINDER binds tasks to sessions, and MIDDLEWARE has no SessionMiddleware.",
        f"Add '{SESSIONS}' to MIDDLEWARE, or set a binder that needs no session.",
        "flows.E009",
    ),
    hosts_error("pay.example.com"),
    hosts_error(None),
]


@pytest.mark.parametrize(("changed", "message", "hint", "number"), WRONG, ids=lambda value: str(value)[:50])
def test_a_setting_that_cannot_work_is_an_error(changed, message, hint, number):
    with override_settings(**changed):
        assert check_settings() == [checks.Error(message, hint=hint, id=number)]


class OwnSessionMiddleware(SessionMiddleware):
    """As a project has that changes something about sessions."""


RIGHT = [
    {},
    {"FLOWS_STATE_STORE": "flows.statestore.redis_store"},
    {"FLOWS_TASK_IDLE_TIMEOUT": 0.5, "FLOWS_LOCK_WAIT": 1, "FLOWS_REDIS_STATE_STORE_LEASE": 3.5},
    {"FLOWS_TASK_ID_PARAM": "task-id.v2_~"},
    {"FLOWS_TASK_BINDER": "flows.binder.user_binder"},
    {"FLOWS_TASK_BINDER": lambda request: "x", "MIDDLEWARE": []},
    {"MIDDLEWARE": [f"{__name__}.OwnSessionMiddleware"]},
    {"FLOWS_ALLOWED_REDIRECT_HOSTS": ["a.example"]},
    {"FLOWS_ALLOWED_REDIRECT_HOSTS": {"a.example"}},
]


@pytest.mark.parametrize("changed", RIGHT, ids=",".join)
def test_a_setting_that_can_work_is_let_pass(changed):
    with override_settings(**changed):
        assert check_settings() == []


def test_several_mistakes_are_found_at_once():
    with override_settings(FLOWS_STATE_STORE="no.module", FLOWS_TASK_ID_PARAM=""):
        assert [found.id for found in check_settings()] == ["flows.E001", "flows.E007"]


def test_manage_py_check_runs_them():
    with override_settings(FLOWS_TASK_IDLE_TIMEOUT=0), pytest.raises(SystemCheckError, match=r"\(flows\.E004\)"):
        call_command("check")
