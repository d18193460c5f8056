"""Where a flow leads at its end: never to another site, however that is written, and never to an error."""

from collections import Counter
from itertools import chain
from urllib.parse import parse_qs, quote, urljoin, urlsplit

import pytest

from tests.acceptance.hostile_targets import AWAY, HERE, TWISTED
from tests.acceptance.locations import host_of
from tests.acceptance.wire import in_parallel

PAGE = "/deep/ending/last/"
HTTPS = {"X-Forwarded-Proto": "https"}
#: What other software calls such a parameter.
NAMES = "next url redirect_to return continue r on_complete _on_complete[] _ON_COMPLETE _next".split()


def run_through(browser, target, *, secure=False, param="_on_complete"):
    """Do all of a flow of one page that is begun with a target; return the answers to its end.

    To the first that sent the form, to one that sent it again, and to one that opened the page again. The browser
    has the page open, and takes the same form for each target, with another answer.
    """
    url = f"{PAGE}?{quote(param, safe='')}={quote(target.replace('{host}', browser.host), safe='')}"
    headers = {**HTTPS, "Origin": f"https://{browser.host}"} if secure else {}
    form = browser.form(name=named(target))
    answers = [browser.send(url, form, headers), browser.send(url, form, headers)]
    own = parse_qs(urlsplit(answers[0].location or "").query).get("_t")
    return answers + ([browser.get(f"{PAGE}?_t={own[0]}", headers)] if own else [])


def named(target):
    return quote(target, safe="")


def leads_away(browser, answers, *, scheme="http"):
    """Return where these answers lead that are no redirects on this site, nor a page of it."""
    return [
        response.location or response
        for response in answers
        if response.status not in (200, 302)
        or (response.status == 302 and host_of(response.location, browser.host, scheme=scheme) != browser.host)
    ]


def is_own_end(answers):
    """Return whether a flow ended on its own page that says that it is done."""
    return (
        [response.status for response in answers] == [302, 302, 200]
        and answers[0].location == answers[1].location
        and answers[0].location.startswith(f"{PAGE}?_t=")
        and "Done" in answers[2].text
    )


@pytest.fixture
def wrong(newcomer, ledger):
    """Return what runs a flow through once for each target, and says of which it did not end as it should."""

    def run(targets, is_right, **how):
        browser = newcomer()
        browser.open(PAGE)
        answers = in_parallel(lambda target: run_through(browser, target, **how), targets)
        done = Counter(entry["name"] for entry in ledger.entries("last", run=browser.run))
        done.update(entry["answers"]["ending/last"]["name"] for entry in ledger.entries("complete", run=browser.run))
        return [
            (target, found)
            for target, found in zip(targets, answers, strict=True)
            if not is_right(browser, target, found) or done[named(target)] != 2
        ]

    return run


def ends_here(browser, target, answers):
    return is_own_end(answers) and not leads_away(browser, answers)


def ends_there(browser, target, answers):
    """Return whether a flow ended where it was to, for who sends again too."""
    return {response.location for response in answers} == {target.replace("{host}", browser.host)}


def test_the_end_is_never_on_another_site(wrong, trials):
    assert not wrong(AWAY, ends_here)
    trials(len(AWAY))


def test_what_stays_on_the_site_is_not_turned_into_another(wrong, trials):
    """Followed or not: by the first answer, by that to a second click, and by the page when it is opened again."""
    assert not wrong(TWISTED, lambda browser, target, answers: not leads_away(browser, answers))
    trials(len(TWISTED))


def test_what_is_on_the_site_is_where_the_flow_ends(wrong, trials):
    assert not wrong(HERE, ends_there)
    trials(len(HERE))


def test_a_target_that_is_no_url_from_the_root_is_the_same_for_all(wrong, trials):
    """Relative to the page on which the flow ends, from whichever page it is asked again."""
    targets = ("thanks", "./thanks", "../thanks?a=b", "?a=b")

    def is_right(browser, target, answers):
        found = {urljoin(f"http://{browser.host}{PAGE}", response.location) for response in answers}
        return found == {urljoin(f"http://{browser.host}{PAGE}", target)}

    assert not wrong(targets, is_right)
    trials(len(targets))


def test_on_https_the_end_is_on_https(wrong, trials):
    refused = ["http://{host}/thanks/", "HTTP://{host}/", *AWAY[:12]]
    assert not wrong(refused, ends_here, secure=True)
    allowed = ["https://{host}/thanks/", "/thanks/"]
    assert not wrong(allowed, ends_there, secure=True)
    trials(len(refused) + len(allowed))


def test_other_names_for_it_mean_nothing(newcomer, trials):
    targets, browser = ("//evil.example/", "/thanks/"), newcomer()
    browser.open(PAGE)

    def followed(name):
        ends = [(target, run_through(browser, target + name, param=name)) for target in targets]
        found = [(name, target) for target, answers in ends if not is_own_end(answers)]
        for path in ("/deep/ending/", "/open/", "/gated/first/"):
            entry = browser.get(f"{path}?{quote(name, safe='')}={quote(targets[0], safe='')}")
            response = browser.get(entry.location)
            if response.status not in (200, 302) or leads_away(browser, [entry, response]):
                found.append((name, path, response))
        return found

    assert not list(chain.from_iterable(in_parallel(followed, NAMES)))
    trials(len(NAMES) * (len(targets) + 3))


def test_a_login_leads_back_to_this_site_only(browser, trials):
    for target in AWAY[:20]:
        query = f"next={quote(target, safe='')}&_on_complete={quote(target, safe='')}&x=%0d%0aX-Evil:%201"
        entry = browser.get(f"/gated/first/?{query}")
        assert urlsplit(entry.location)[:3] == ("", "", "/gated/first/")
        response = browser.get(entry.location)
        assert (response.status, urlsplit(response.location).path) == (302, "/login/")
        (back,) = parse_qs(urlsplit(response.location).query)["next"]
        assert back.startswith("/gated/first/?")
        assert host_of(back, browser.host) == browser.host
        assert "X-Evil" not in response.headers
    trials(20)


def test_the_end_is_decided_at_the_start(newcomer, setup, trials):
    """Neither a later query nor a field of the form says where to."""
    for number, extra in enumerate(("&_on_complete=//evil.example/", "&_on_complete=/thanks/", "&_on_complete=")):
        browser = newcomer()
        browser.open(f"/journey-{setup.guarantees[0]}/{'?_on_complete=/ping/' if number else ''}")
        for _ in range(2):
            browser.submit(name="x", _on_complete="/thanks/")
        response = browser.send(browser.url + extra, browser.form(name="x", _on_complete="/thanks/"))
        assert response.status == 302
        assert response.location.startswith("/ping/" if number else browser.path)
    trials(3)
