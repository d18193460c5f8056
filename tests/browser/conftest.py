import os

import pytest

if os.environ["DJANGO_SETTINGS_MODULE"] != "tests.example.settings":
    raise pytest.UsageError("The browser walks the example: pytest --ds=tests.example.settings tests/browser")
try:
    from playwright.sync_api import sync_playwright

    from tests.browser.look import make_look
    from tests.browser.person import Person
except ImportError as error:
    raise pytest.UsageError(f"{error}: pip install playwright axe-playwright-python") from None

from tests.example.customer import refill

# Playwright's event loop lives in the main thread, where the ORM would refuse it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

# A browser that looks for updates or syncs makes connections that tests did not ask for.
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # Chromium's sandbox refuses root, and containers; the pages are our own.
    "--no-sandbox",
]


@pytest.fixture(autouse=True)
def shop(django_db_reset_sequences):
    """The shop as its migrations fill it."""
    refill()


@pytest.fixture(scope="session")
def browser(chromium_path):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def new_context(browser, live_server):
    """Function that makes a visitor with cookies of their own; takes Playwright's options."""
    contexts = []

    def make(**options):
        context = browser.new_context(base_url=live_server.url, **options)
        context.set_default_timeout(15_000)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def look():
    return make_look()


@pytest.fixture
def person(new_context):
    """A customer at the home page; further tabs are ``person.another_tab()``."""
    return Person(new_context().new_page())


@pytest.fixture
def other(new_context):
    """A customer with another browser."""
    return Person(new_context().new_page())
