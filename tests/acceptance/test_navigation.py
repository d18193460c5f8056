"""Whatever URL visitors come with, they are led to where they are, and nothing is kept of it."""

from contextlib import contextmanager

import pytest

from tests.acceptance.records import TWO_DAYS, grow_old, record_of

PAGES = ("first", "second", "third")


@pytest.fixture
def journey(site):
    """The flow of three pages, with the guarantee that is the store's default."""
    return f"/journey-{site.setup.guarantees[0]}/"


@pytest.fixture(scope="session")
def deployed(start, site):
    """The site after a deploy that removed a page."""
    with start(beside=site, settings={"REMOVED_PAGES": ["Second"]}) as other:
        yield other


def walk(browser, url, *answers):
    """Begin a flow and give these answers, one a page. Returns the URLs of the pages that were shown in the task."""
    browser.open(url)
    shown = []
    for answer in answers:
        browser.submit(name=answer)
        shown.append(browser.url)
    return [f"{url}first/?_t={browser.task_id}", *shown]


@contextmanager
def nothing_kept(site, browser):
    """Assert that the block leaves what is kept of a task as it was, and when it was used last."""
    before = record_of(site, browser.task_id)
    yield
    assert record_of(site, browser.task_id) == before


def assert_leads(browser, url, target):
    """Assert that whoever looks at a URL, or posts there what was not rendered there, comes to another one."""
    assert browser.send(url, b"", method="HEAD").status in (200, 302)
    for response in (browser.get(url), browser.send(url, browser.form(name="astray"))):
        assert browser.another_tab().follow(response).url == target, response
    return 3


def done_of(ledger, browser):
    return [entry["what"] for entry in ledger.entries(run=browser.run)]


def test_a_page_that_is_ahead_leads_to_where_the_visitor_is(site, newcomer, ledger, trials):
    guarantee = site.setup.guarantees[0]
    for flow, answer, where, ahead in (
        ("journey", "a", "second", ["third"]),
        ("item/7", "a", "second", ["third"]),
        ("fork", "car", "car", ["train", "third"]),
    ):
        browser, url = newcomer(), f"/{flow}/" if "/" in flow else f"/{flow}-{guarantee}/"
        walk(browser, url, answer)
        assert browser.path == f"{url}{where}/"
        with nothing_kept(site, browser):
            for page in ahead:
                trials(assert_leads(browser, f"{url}{page}/?_t={browser.task_id}", browser.url))
        assert len(done_of(ledger, browser)) == 1


def test_what_is_no_page_leads_to_where_the_visitor_is(site, browser, ledger, trials, journey):
    walk(browser, journey, "a")
    with nothing_kept(site, browser):
        for rest in ("", "nothing/", "nothing", "first/more/", "a//b/", "é/", "second/../third/"):
            trials(assert_leads(browser, f"{journey}{rest}?_t={browser.task_id}", browser.url))
    assert done_of(ledger, browser) == ["first"]


def test_a_page_without_its_last_slash_leads_to_the_page_in_the_same_task(site, browser, ledger, trials, journey):
    walk(browser, journey, "a")
    with nothing_kept(site, browser):
        for page in ("first", "second"):
            response = browser.get(f"{journey}{page}?_t={browser.task_id}")
            assert (response.status, response.location) == (301, f"{journey}{page}/?_t={browser.task_id}")
            trials(1)


def test_a_url_with_other_arguments_leads_to_where_the_visitor_is(site, browser, ledger, trials):
    walk(browser, "/item/7/", "a")
    assert browser.path == "/item/7/second/"
    with nothing_kept(site, browser):
        for page in PAGES:
            trials(assert_leads(browser, f"/item/8/{page}/?_t={browser.task_id}", browser.url))
    browser.submit(name="b")
    browser.submit(name="c")
    assert done_of(ledger, browser) == [*PAGES, "complete"]


def test_pages_that_are_looked_at_again_keep_nothing(site, browser, ledger, trials, journey):
    """Reloaded, opened from the history, and by the back links, there and back again."""
    shown = walk(browser, journey, "a", "b")
    with nothing_kept(site, browser):
        tab, back = browser.another_tab(), [browser.url]
        for answer in "ba":
            tab.open(tab.page.links[-1])  # the back link follows those of the progress bar
            back.append(tab.url)
            assert tab.page.form["name"] == answer
        assert back == shown[::-1]
        assert "flow-back" not in tab.response.text
        for url in (*shown, *shown, *back):
            tab.open(url)
            assert (tab.response.status, tab.url) == (200, url)
            trials(1)
    assert done_of(ledger, browser) == ["first", "second"]
    browser.submit(name="c")
    with nothing_kept(site, browser):
        for url in shown:
            tab.open(url)
            assert (tab.response.status, tab.page.form) == (200, None)
            trials(1)


def test_going_back_and_sending_the_same_again_keeps_nothing(site, browser, ledger, trials, guarantee):
    browser.open(f"/journey-{guarantee}/")
    sent = []
    for answer in "ab":
        url, form = browser.url, browser.form(name=answer)
        sent.append((url, form, browser.send(url, form).location))
        browser.open(sent[-1][2])
    with nothing_kept(site, browser):
        for url, form, location in sent[::-1] * 2:
            assert browser.send(url, form).location == location
            trials(1)
    assert done_of(ledger, browser) == ["first", "second"]
    browser.submit(name="c")
    assert done_of(ledger, browser) == [*PAGES, "complete"]


def test_an_edit_that_takes_the_other_way_completes_without_the_first(site, browser, ledger, trials, guarantee):
    url = f"/fork-{guarantee}/"
    walk(browser, url, "car", "my car")
    assert browser.path == f"{url}third/"
    third, choose, car = browser.url, *(f"{url}{page}/?_t={browser.task_id}" for page in ("choose", "car"))
    abandoned = browser.another_tab()
    abandoned.open(car)
    browser.open(choose)
    browser.submit(name="train")
    assert browser.path == f"{url}train/"
    with nothing_kept(site, browser):
        trials(assert_leads(browser, third, browser.url))
        trials(assert_leads(browser, car, browser.url))
        assert abandoned.send(car, abandoned.form(name="late")).location == browser.url
    browser.submit(name="my train")
    assert browser.url == third
    browser.submit(name="the end")
    assert done_of(ledger, browser) == ["choose", "car", "choose", "train", "third", "complete"]
    [complete] = ledger.entries("complete", run=browser.run)
    names = {position.split("/")[-1]: answers["name"] for position, answers in complete["answers"].items()}
    assert names == {"choose": "train", "train": "my train", "third": "the end"}


def test_an_edit_that_comes_back_to_the_first_way_finds_it_as_it_was(browser, ledger, trials, guarantee):
    url = f"/fork-{guarantee}/"
    walk(browser, url, "car", "my car")
    third, choose = browser.url, f"{url}choose/?_t={browser.task_id}"
    for way, page in (("train", "train"), ("car", "third")):
        browser.open(choose)
        browser.submit(name=way)
        assert browser.path == f"{url}{page}/"
    assert browser.url == third
    browser.open(f"{url}car/?_t={browser.task_id}")
    assert browser.page.form["name"] == "my car"
    browser.open(third)
    browser.submit(name="the end")
    assert done_of(ledger, browser).count("complete") == 1
    assert "train" not in done_of(ledger, browser)
    trials(1)


def test_bookmarks_of_two_days_ago_say_that_they_expired(site, late, browser, ledger, trials, journey):
    shown = walk(browser, journey, "a", "b")
    form = browser.form(name="late")
    grow_old(site, browser.task_id, TWO_DAYS)
    tab = browser.at(late.host)
    with nothing_kept(site, browser):
        for url in shown:
            for response in (tab.get(url), tab.send(url, form)):
                assert (response.status, response.page.heading) == (404, "This page has expired")
                trials(1)
    assert done_of(ledger, browser) == ["first", "second"]


# A deploy in the middle


@pytest.mark.parametrize("answers", ["a", "ab"], ids=["at the page", "behind it"])
def test_a_task_goes_on_without_a_page_that_a_deploy_removed(
    site, deployed, browser, ledger, trials, guarantee, answers
):
    shown = walk(browser, f"/deploy-{guarantee}/", *answers)
    form, removed = browser.form(name="late"), shown[1]
    browser = browser.at(deployed.host)

    def assert_leads_on(response):
        assert response.status == 302
        assert "/third/" in response.location
        trials(1)

    with nothing_kept(site, browser):
        assert_leads_on(browser.get(removed))
    assert_leads_on(browser.send(removed, form))  # keeps the route as it is without the page
    with nothing_kept(site, browser):
        assert_leads_on(browser.send(removed, form))
    browser.open(removed)
    assert browser.page.answers.keys() == {f"deploy-{guarantee}/first"}
    browser.submit(name="c")
    assert done_of(ledger, browser) == [*PAGES[: len(answers)], "third", "complete"]
    [complete] = ledger.entries("complete", run=browser.run)
    assert [given["name"] for given in complete["answers"].values()] == ["a", "c"]


def test_a_task_is_asked_for_a_page_that_a_deploy_added(deployed, site, browser, ledger, trials, guarantee):
    other = browser.at(deployed.host)
    walk(other, f"/deploy-{guarantee}/", "a")
    assert other.path.endswith("/third/")
    browser = other.at(site.host)
    browser.submit(name="too early")
    # The whole route is walked before the flow completes. What was sent is kept, and its page is open again.
    assert browser.path.endswith("/second/")
    browser.submit(name="b")
    assert browser.page.form["name"] == "too early"
    browser.submit(name="c")
    assert done_of(ledger, browser) == ["first", "third", "second", "third", "complete"]
    trials(1)
