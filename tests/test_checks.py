"""What ``manage.py check`` finds in the settings and the flows."""

import enum
from types import ModuleType

import pytest
from django.contrib.sessions.middleware import SessionMiddleware
from django.core import checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connections
from django.test import override_settings
from django.urls import include, path
from redis import Redis
from redis.exceptions import RedisClusterException
from redis.sentinel import Sentinel

from flows.checks import check_promises, check_settings
from flows.components import Action, Scaffold
from flows.handler import FlowHandler
from flows.preconditions import LoginRequired
from flows.statestore.base import BaseStateStore
from flows.transitions import Linear

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


def limit_error(name, value, between, example, number):
    return (
        {f"FLOWS_{name}": value},
        f"FLOWS_{name} is {value!r}, which is not a whole number {between}.",
        f"Set a whole number {between}, {example}.",
        f"flows.E0{number}",
    )


def tasks_error(value):
    return limit_error("MAX_TASKS_PER_OWNER", value, "of 1 or more", "such as 20, or None for no limit", 12)


def bytes_error(value):
    return limit_error("MAX_STATE_BYTES", value, "of 20000 or more", "such as 1000000, or None for no limit", 13)


def depth_error(value):
    return limit_error("MAX_STATE_DEPTH", value, "from 10 to 200", "such as 200", 14)


def client_error(value, fault):
    return (
        {"FLOWS_REDIS_STATE_STORE_CLIENT": value},
        f"FLOWS_REDIS_STATE_STORE_CLIENT is {value!r}, {fault}",
        "Set a callable without arguments that returns a client of redis-py, or its dotted path.",
        "flows.E015",
    )


def redis_error(setting, fault, hint):
    ((name, value),) = setting.items()
    return {f"FLOWS_REDIS_STATE_STORE_{name}": value}, f"FLOWS_REDIS_STATE_STORE_{name} {fault}", hint, "flows.E016"


def decoding_error(name, value):
    return redis_error(
        {name: value},
        "makes a client with decode_responses, for which what is kept is text and not bytes.",
        "Leave decode_responses out, also where it is false in a URL.",
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
    *(tasks_error(value) for value in (0, -1, "5", 1.5, True, float("inf"))),
    *(bytes_error(value) for value in (0, 19_999, "1 MB", 1e6, False)),
    *(depth_error(value) for value in (0, 9, 201, None, "deep", 50.0)),
    client_error("no.such.client", "which cannot be imported: No module named 'no'"),
    client_error(f"{__name__}.not_callable", "which is not callable."),
    client_error({"host": "redis-1"}, "which is not callable."),
    decoding_error("CLIENT", lambda: Redis(decode_responses=True)),
    decoding_error("CLIENT", f"{__name__}.make_decoding_client"),
    decoding_error("CLIENT", lambda: Sentinel([("localhost", 1)]).master_for("flows", decode_responses=True)),
    decoding_error("URL", "redis://localhost:1/0?decode_responses=True"),
    decoding_error("URL", "rediss://localhost:1/0?decode_responses=yes&db=2"),
    # Which redis-py takes for true.
    decoding_error("URL", "unix:///run/redis.sock?decode_responses=False"),
    redis_error(
        {"URL": "valkey://localhost/0"},
        "cannot be read: Redis URL must specify one of the following schemes (redis://, rediss://, unix://).",
        "Make it one such as 'redis://localhost:6379/0'.",
    ),
]


def make_client():
    return Redis(port=1)


def make_decoding_client():
    return Redis(port=1, decode_responses=True)


def fail():
    raise RedisClusterException("No node can be reached.")


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
    {"FLOWS_REDIS_STATE_STORE_CLIENT": f"{__name__}.make_client"},
    {"FLOWS_REDIS_STATE_STORE_CLIENT": dict},
    {"FLOWS_REDIS_STATE_STORE_CLIENT": fail},
    {"FLOWS_REDIS_STATE_STORE_URL": "redis://localhost:1/0"},
    {
        "FLOWS_REDIS_STATE_STORE_CLIENT": make_client,
        "FLOWS_REDIS_STATE_STORE_URL": "redis://localhost/0?decode_responses=1",
    },
    {"FLOWS_ALLOWED_REDIRECT_HOSTS": {"a.example"}},
    {"FLOWS_MAX_TASKS_PER_OWNER": 1, "FLOWS_MAX_STATE_BYTES": 20_000, "FLOWS_MAX_STATE_DEPTH": 10},
    {"FLOWS_MAX_TASKS_PER_OWNER": None, "FLOWS_MAX_STATE_BYTES": None, "FLOWS_MAX_STATE_DEPTH": 200},
]


@pytest.mark.parametrize("changed", RIGHT, ids=",".join)
def test_a_setting_that_can_work_is_let_pass(changed):
    with override_settings(**changed):
        assert check_settings() == []


def test_several_mistakes_are_found_at_once():
    with override_settings(FLOWS_STATE_STORE="no.module", FLOWS_TASK_ID_PARAM=""):
        assert [found.id for found in check_settings()] == ["flows.E001", "flows.E007"]


IMMEDIATE = {"OPTIONS": {"transaction_mode": "IMMEDIATE"}}

DOUBTFUL = [
    (
        {"SESSION_ENGINE": "django.contrib.sessions.backends.cache"},
        (
            "Sessions are kept in the cache 'default' alone. Visitors lose their tasks when the cache "
            "evicts their sessions."
        ),
        (
            "Set SESSION_ENGINE to 'django.contrib.sessions.backends.cached_db' or '….db'. "
            "Silence this warning if that cache is shared by all processes and evicts nothing."
        ),
        "flows.W001",
    ),
    (
        {"SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies"},
        (
            "Sessions are kept in signed cookies. Whoever has an old copy of a visitor's cookie can open their tasks, "
            "even after they have logged out."
        ),
        "Set SESSION_ENGINE to 'django.contrib.sessions.backends.db', or another that keeps sessions on the server.",
        "flows.W002",
    ),
]


@pytest.mark.parametrize(("changed", "message", "hint", "number"), DOUBTFUL, ids=["cache", "cookies"])
def test_sessions_that_can_be_lost_or_kept_by_others_are_warned_of(changed, message, hint, number):
    with override_settings(**changed):
        assert check_promises() == [checks.Warning(message, hint=hint, id=number)]
    with override_settings(**changed, FLOWS_TASK_BINDER=lambda request: "x"):
        assert check_promises() == []


class IsolationLevel(enum.IntEnum):
    """As in psycopg, which is not there where another database is."""

    REPEATABLE_READ = 3
    SERIALIZABLE = 4


SERIALIZABLE = "-c default_transaction_isolation=serializable"


def test_sqlite_with_atomic_requests_is_warned_of_unless_transactions_take_the_write_lock_at_once(monkeypatch):
    database = {"ENGINE": "django.db.backends.sqlite3", "ATOMIC_REQUESTS": True}
    monkeypatch.setitem(connections.settings, "other", database)
    assert check_promises() == [
        checks.Warning(
            "The database 'other' is SQLite with ATOMIC_REQUESTS. Of two requests at once that read first and write "
            "later, one fails with 'database is locked', whatever the timeout is.",
            hint="Set DATABASES['other']['OPTIONS']['transaction_mode'] to 'IMMEDIATE', or turn ATOMIC_REQUESTS off.",
            id="flows.W003",
        )
    ]
    for harmless in ({"ATOMIC_REQUESTS": False}, IMMEDIATE, {"ENGINE": "django.db.backends.postgresql"}):
        monkeypatch.setitem(connections.settings, "other", {**database, **harmless})
        assert check_promises() == []


@pytest.mark.parametrize(
    "options",
    [{"isolation_level": IsolationLevel.SERIALIZABLE}, {"isolation_level": "serializable"}, {"options": SERIALIZABLE}],
)
def test_a_database_in_which_the_tasks_of_others_are_in_the_way_is_warned_of(monkeypatch, options):
    database = {"ENGINE": "django.db.backends.postgresql", "ATOMIC_REQUESTS": False, "OPTIONS": options}
    monkeypatch.setitem(connections.settings, "other", database)
    assert check_promises() == [
        checks.Warning(
            "The database 'other' is set to SERIALIZABLE. It may refuse a visitor's submission because of what "
            "other visitors do in their own tasks. Then nothing is done, and the visitor is asked to send it again.",
            hint="Set a lower level, such as READ COMMITTED, or silence this warning.",
            id="flows.W007",
        )
    ]
    for level in (IsolationLevel.REPEATABLE_READ, "repeatable read", None):
        monkeypatch.setitem(connections.settings, "other", {**database, "OPTIONS": {"isolation_level": level}})
        assert check_promises() == []


class Paid(Action):
    guarantee = "transaction"


class Order(Scaffold):
    action_set = [Paid]
    guarantee = "claim"


def test_a_guarantee_that_the_store_of_its_handler_cannot_give_is_an_error():
    handlers = [FlowHandler(store, f"flows.statestore.{store}") for store in ("django_store", "redis_store")]
    for handler in handlers:
        handler.register_entry_point(Order)
    urls = ModuleType("urls")
    urls.urlpatterns = [path(handler.app_name, include(handler.urls)) for handler in handlers]
    with override_settings(ROOT_URLCONF=urls):
        assert check_promises() == [
            checks.Error(
                "Paid.guarantee is 'transaction', which flows.statestore.redis_store cannot give.",
                hint="Make it 'retry' or 'claim', or keep the tasks in another state store.",
                obj=Paid,
                id="flows.E011",
            )
        ]


class Typed(Action):
    precondition = [LoginRequired()]


def test_what_a_component_declares_and_nothing_reads_is_warned_of_once():
    handler = FlowHandler()
    for name in ("one", "two"):
        handler.register_entry_point(type("Flow", (Scaffold,), {"name": name, "action_set": [Typed]}))
    urls = ModuleType("urls")
    urls.urlpatterns = [path("", include(handler.urls))]
    with override_settings(ROOT_URLCONF=urls):
        assert check_promises() == [
            checks.Warning(
                "django-flows does not read Typed.precondition.",
                hint="Call it preconditions, if that is meant. Else silence this warning.",
                obj=Typed,
                id="flows.W005",
            )
        ]


class OwnStore(BaseStateStore):
    """As a project has with two methods."""


def test_a_limit_of_tasks_that_a_store_does_not_keep_to_is_warned_of_once():
    handlers = [FlowHandler("own", OwnStore()), FlowHandler("another", OwnStore())]
    handlers += [FlowHandler(store, f"flows.statestore.{store}") for store in ("django_store", "redis_store")]
    for handler in handlers:
        handler.register_entry_point(type("Plain", (Action,), {}))
    urls = ModuleType("urls")
    urls.urlpatterns = [path(handler.app_name, include(handler.urls)) for handler in handlers]
    with override_settings(ROOT_URLCONF=urls):
        assert check_promises() == []
        with override_settings(FLOWS_MAX_TASKS_PER_OWNER=5):
            assert check_promises() == [
                checks.Warning(
                    f"FLOWS_MAX_TASKS_PER_OWNER is 5, and {__name__} does not keep to it.",
                    hint="Keep the tasks in another state store, or silence this warning.",
                    id="flows.W004",
                )
            ]


def test_a_store_that_cannot_be_imported_is_told_of_once():
    with override_settings(FLOWS_STATE_STORE="no.module", FLOWS_TASK_BINDER="no.binder"):
        assert check_promises() == []


def test_manage_py_check_runs_them():
    with override_settings(FLOWS_TASK_IDLE_TIMEOUT=0), pytest.raises(SystemCheckError, match=r"\(flows\.E004\)"):
        call_command("check")


def test_a_group_of_several_that_does_not_say_how_they_follow_each_other_is_warned_of():
    class Pages(Scaffold):
        action_set = [type("One", (Action,), {}), type("Two", (Action,), {})]

    class Stated(Pages):
        transition = None

    class Inherits(Stated):
        pass

    class Single(Scaffold):
        action_set = [Pages, Stated]
        transition = Linear()

    handler = FlowHandler()
    for flow in (Single, Inherits, type("Alone", (Scaffold,), {"action_set": [Pages]})):
        handler.register_entry_point(flow)
    urls = ModuleType("urls")
    urls.urlpatterns = [path("", include(handler.urls))]
    with override_settings(ROOT_URLCONF=urls):
        assert check_promises() == [
            checks.Warning(
                "Pages has several children and does not say how they follow each other.",
                hint="Say transition = Linear(), or transition = None where the actions decide.",
                obj=Pages,
                id="flows.W008",
            )
        ]
