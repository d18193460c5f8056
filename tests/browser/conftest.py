import pytest

playwright_api = pytest.importorskip("playwright.sync_api")

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


@pytest.fixture(scope="session")
def browser(chromium_path):
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def new_context(browser, live_server):
    """Function that makes a visitor with cookies of their own; takes Playwright's options."""
    contexts = []

    def make(**options):
        context = browser.new_context(base_url=live_server.url, **options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_context):
    """A tab of a visitor of the live server; further tabs are ``page.context.new_page()``."""
    return new_context().new_page()
