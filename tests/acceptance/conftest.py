"""Runs the cases on real servers, setup by setup.

These tests are run by name, ``pytest tests/acceptance``, or with ``FLOWS_ACCEPTANCE`` set (see ``setups.py``);
``pytest tests`` leaves them out. ``FLOWS_ACCEPTANCE_TABLE`` is a path to which the results are written as a table.

A case is a function in ``test_<group>.py`` that takes some of these fixtures:

``site``
    the running site: ``site.setup``, ``site.browser()``, ``site.effects(run)``, ``site.ledger``, ``site.manage("…")``;
``browser``
    a new visitor's browser. ``browser.run`` marks what it makes the site do;
``newcomer``
    makes more of them, for cases that repeat something: each has a run of its own;
``ledger``
    what the site's actions did, committed or not: ``ledger.entries("first", run=browser.run)``;
``guarantee``
    runs the case for each guarantee that the store of the setup gives;
``trials``
    tells the table how many times the case tried: ``trials(PAIRS)``;
``late``
    the same site two days later, by its own clock;
``site_with``
    starts another site on the same servers with other settings: ``site_with(FLOWS_LOCK_WAIT=1)``. With
    ``beside=site`` it shares that one's database and store.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from . import setups, table
from .client import Browser
from .ledger import Ledger
from .records import TWO_DAYS
from .server import Site, serve
from .setups import Setup
from tests import servers
from tests.conftest import available

# These assert too, and are to say what was there in place of what they expected.
pytest.register_assert_rewrite(*(f"tests.acceptance.{name}" for name in ("crashing", "failing")))

HERE = Path(__file__).parent
#: The sites that a case started for itself.
OTHERS = pytest.StashKey[list[Site]]()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if os.environ.get("FLOWS_ACCEPTANCE"):
        return None
    named = [(config.invocation_params.dir / arg.partition("::")[0]).resolve() for arg in config.args]
    # None: asked for by name, and it is up to others. True: left out.
    return None if any(path.is_relative_to(HERE) for path in named) else True


def pytest_configure(config: pytest.Config) -> None:
    try:
        setups.chosen()
    except ValueError as error:
        raise pytest.UsageError(f"FLOWS_ACCEPTANCE: {error}") from None
    config.addinivalue_line("markers", "xdist_group(name): keep these tests in one process of pytest-xdist")
    file = os.environ.get("FLOWS_ACCEPTANCE_TABLE")
    if file and not hasattr(config, "workerinput"):  # pytest-xdist's workers report to the first process
        config.pluginmanager.register(table.Table(Path(file)))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each case on each setup, and where it asks for a guarantee, with each that the setup's store gives."""
    if "setup" not in metafunc.fixturenames:
        return
    # A module of cases that are not for every setup says with ``runs_on(setup)`` for which they are.
    chosen = setups.chosen_for(getattr(metafunc.module, "runs_on", None))
    if "guarantee" in metafunc.fixturenames:
        pairs = [(setup, guarantee) for setup in chosen for guarantee in setup.guarantees]
        ids = [f"{setup}-{guarantee}" for setup, guarantee in pairs]
        metafunc.parametrize(("setup", "guarantee"), pairs, indirect=["setup"], ids=ids, scope="session")
    else:
        metafunc.parametrize("setup", chosen, indirect=True, ids=str, scope="session")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the cases by setup, so that each site is started once, in whichever order others put them."""
    order = {setup: number for number, setup in enumerate(setups.chosen())}
    items.sort(key=lambda item: order.get(_setup_of(item), -1))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(str(_setup_of(item))))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.failed:
        for site in (getattr(item, "funcargs", {}).get("site"), *item.stash.get(OTHERS, [])):
            if site:
                report.sections.append(("what the server said", site.log))
    return report


def pytest_runtest_setup(item: pytest.Item) -> None:
    if setup := _setup_of(item):
        item.user_properties.append((table.SETUP, str(setup)))


def _setup_of(item: pytest.Item) -> Setup | None:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("setup") if callspec else None


# Servers: one of each for all setups, when the first needs it


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    yield from _started(servers.postgres)


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    yield from _started(servers.mariadb)


def _started(server: Any) -> Iterator[str]:
    with ExitStack() as stack:
        with available():
            url = stack.enter_context(server())
        yield url


# The site


@pytest.fixture(scope="session")
def setup(request: pytest.FixtureRequest) -> Setup:
    """What the site is run on."""
    return request.param


@pytest.fixture(scope="session")
def start(request: pytest.FixtureRequest, setup: Setup) -> Callable[..., Any]:
    """Return what starts a site of this setup, as a context manager."""
    urls = {}
    if setup.kind.startswith("mariadb"):
        urls["database_url"] = request.getfixturevalue("mariadb_url")
    elif not setup.is_sqlite:
        urls["database_url"] = request.getfixturevalue("postgres_url")
    if "redis" in (setup.kind, setup.sessions):
        urls["redis_url"] = request.getfixturevalue("redis_url")
    return partial(serve, setup, **urls)


@pytest.fixture(scope="session")
def site(start: Callable[..., Any]) -> Iterator[Site]:
    """The site, running. One for all cases of a setup."""
    with start(settings={}) as site:
        yield site


@pytest.fixture(scope="session")
def impatient(start: Callable[..., Any]) -> Iterator[Site]:
    """Another site, for cases that interrupt it: nobody waits for long for what they leave."""
    with start(settings=setups.IMPATIENT) as site:
        yield site


@pytest.fixture(scope="session")
def late(start: Callable[..., Any], site: Site) -> Iterator[Site]:
    """The site two days later, for which an id that was made there is too old. What is kept is as old as it was."""
    with start(beside=site, settings={"CLOCK_AHEAD": TWO_DAYS}) as other:
        yield other


@pytest.fixture
def site_with(request: pytest.FixtureRequest, start: Callable[..., Any]) -> Iterator[Callable[..., Site]]:
    """Return what starts another site, with these settings, until the case ends. Takes a second or two."""
    others = request.node.stash.setdefault(OTHERS, [])
    with ExitStack() as stack:

        def start_another(*, beside: Site | None = None, **settings: Any) -> Site:
            others.append(stack.enter_context(start(beside=beside, settings=settings)))
            return others[-1]

        yield start_another
    others.clear()


@pytest.fixture
def newcomer(site: Site) -> Callable[[], Browser]:
    """Return what makes another visitor's browser."""
    return site.browser


@pytest.fixture
def browser(site: Site) -> Browser:
    """A visitor's browser."""
    return site.browser()


@pytest.fixture
def run(browser: Browser) -> str:
    """What marks all that the site does for ``browser``."""
    return browser.run


@pytest.fixture
def ledger(site: Site) -> Ledger:
    """What was done, whatever became of it."""
    return site.ledger


@pytest.fixture
def trials(request: pytest.FixtureRequest) -> Callable[[int], None]:
    """Return what adds to the number of trials of this case."""
    return lambda number: request.node.user_properties.append((table.TRIALS, number))
