"""Hostile titles, route arguments and answers on every page of ours: they are words, and change nothing else."""

from functools import cache
from urllib.parse import unquote_to_bytes, urlsplit

import pytest
from django.utils.encoding import repercent_broken_unicode

from tests.acceptance.gallery import ANSWERED, PLAIN, STATUSES, gallery, plain_gallery, taken
from tests.acceptance.hostile_texts import CODES, PLAIN_TITLE, TEXTS, WAYS
from tests.acceptance.markup import Markup
from tests.acceptance.setups import PAIRS
from tests.acceptance.wire import in_parallel

#: All that a page of ours says in its head.
HEADERS = {
    *("server", "date", "connection", "content-type", "content-length", "content-language"),
    *("cache-control", "vary", "referrer-policy", "set-cookie", "retry-after"),
}


def decoded(quoted):
    return repercent_broken_unicode(unquote_to_bytes(quoted)).decode()


@pytest.fixture(scope="module")
def shown(site):
    """Return what shows the pages of the flow with one of the texts; they are looked at by several cases."""

    @cache
    def show(number):
        if number in PLAIN:
            return plain_gallery(site.browser(), number)
        return gallery(site.browser(), *arguments(number), TEXTS[number % len(TEXTS)])

    in_parallel(show, [*PLAIN, *range(NUMBER)])
    return show


#: So many that each text is among them, and where there is time each value of a route argument.
NUMBER = max(len(TEXTS), len(CODES), len(WAYS)) if PAIRS >= 50 else len(TEXTS)


def arguments(number):
    return f"text-{number % len(TEXTS)}", CODES[number % len(CODES)], WAYS[number % len(WAYS)]


def test_every_page_is_shown_whatever_its_words_are(shown, trials):
    for number in (*PLAIN, *range(NUMBER)):
        assert {name: page.status for name, page in shown(number).items()} == STATUSES, number
    trials(NUMBER * len(STATUSES))


@pytest.mark.parametrize("name", STATUSES)
def test_words_are_escaped_and_kept_as_they_are(shown, trials, name):
    plain = {answer: Markup.parse(shown(answer)[name].text) for answer in PLAIN}
    said = str(plain[PLAIN[0]].told({}))
    assert (PLAIN_TITLE in said, PLAIN[0] in said) == (name != "busy", name in ANSWERED)
    for number in range(NUMBER):
        text = TEXTS[number % len(TEXTS)]
        answer = PLAIN["\0" in text]
        markup = Markup.parse(shown(number)[name].text)
        assert markup.structure == plain[answer].structure, (number, text[:60])
        assert markup.told({}) == plain[answer].told({PLAIN_TITLE: text, answer: text}), (number, text[:60])
    trials(NUMBER)


def test_answers_and_route_arguments_are_kept_as_they_are(shown, trials):
    for number in range(NUMBER):
        text, (flow, code, way) = TEXTS[number % len(TEXTS)], arguments(number)
        kept = taken(text)
        for name in ("middle", "again", "last"):
            told = shown(number)[name].page.answers
            assert told["kwargs"] == {"code": decoded(code), "way": decoded(way)}, (number, name)
            expected = {"name": "n", "word": kept, "text": kept, "anything": None, "hidden": kept}
            assert told["answers"][f"{flow}/ask"] == expected, (number, name)
    trials(NUMBER * 3)


def test_every_link_stays_on_the_site_and_leads_to_the_same_arguments(shown, site, trials):
    links = []
    for number in range(NUMBER):
        for name, response in shown(number).items():
            for url in Markup.parse(response.text).urls:
                if not url.startswith("#"):
                    assert url.startswith(f"/text-{number % len(TEXTS)}/"), (name, url)
                    links.append((number, url))
    assert len(links) > NUMBER * len(STATUSES) / 2

    def leads_elsewhere(link):
        number, url = link
        _, code, way = arguments(number)
        told = site.browser().open(without_task(url)).page.answers
        return None if told["kwargs"] == {"code": decoded(code), "way": decoded(way)} else (url, told)

    entries = sorted({(number, url) for number, url in links if "/ask/" in url})
    assert len(entries) >= NUMBER
    assert not list(filter(None, in_parallel(leads_elsewhere, entries)))
    trials(len(links))


def without_task(url):
    """Return a URL for a visitor of its own: it is the path that is looked at."""
    return urlsplit(url).path


def test_every_page_is_private_and_its_head_holds_nothing_else(shown, trials):
    for number in (*PLAIN, *range(NUMBER)):
        for name, response in shown(number).items():
            headers = response.headers
            assert {header.lower() for header in headers} <= HEADERS, name
            assert {"no-store", "private"} <= set(headers["Cache-Control"].split(", ")), name
            assert "Cookie" in headers["Vary"].split(", "), name
            assert headers["Referrer-Policy"] == "same-origin", name
            assert all(cookie.startswith(("sessionid=", "csrftoken=")) for cookie in headers.get_all("Set-Cookie", ()))
            assert ("Retry-After" in headers) == (name in ("busy", "not now", "being finished")), name
    trials((NUMBER + 2) * len(STATUSES))


def test_what_is_no_page_is_private_too(browser, setup, trials):
    """Redirects and refusals tell where a visitor is, and whether he is."""
    root = f"/journey-{setup.guarantees[0]}/"
    browser.open(root)
    browser.submit(name="n")
    token = {"X-CSRFToken": browser.cookies["csrftoken"]}
    answers = {
        "led on": browser.get(root),
        "led back": browser.get(f"{root}third/?_t={browser.task_id}"),
        "no page": browser.get(f"{root}no/such/page/"),
        "no page of his": browser.get(f"{root}third/"),
        "no method": browser.send(browser.url, {}, token, method="PATCH"),
        "asked for methods": browser.send(browser.url, {}, method="OPTIONS"),
        "too many fields": browser.get(f"{browser.url}{'&a' * 1500}"),
        "executed": browser.send(browser.url, browser.form(name="n")),
    }
    expected = dict(zip(answers, (302, 302, 404, 404, 405, 200, 400, 302), strict=True))
    assert {name: response.status for name, response in answers.items()} == expected
    # Two are Django's own answers, which say nothing of the visitor.
    for name in answers.keys() - {"no page", "too many fields"}:
        response = answers[name]
        assert {"no-store", "private"} <= set(response.headers["Cache-Control"].split(", ")), name
        assert "Cookie" in response.headers["Vary"].split(", "), name
        assert response.headers["Referrer-Policy"] == "same-origin", name
    trials(len(answers))


def test_titles_may_come_from_the_visitor(newcomer, trials):
    """A flow whose titles are what was answered on its first page."""

    def page(text):
        browser = newcomer()
        browser.open("/spoken/a/b/ask/")
        browser.submit(name="n", word=text)
        assert browser.path == "/spoken/a/b/inner/middle/"
        return Markup.parse(browser.response.text)

    texts = [text for text in TEXTS if "\0" not in text]
    plain, *pages = in_parallel(page, [PLAIN_TITLE, *texts])
    for text, markup in zip(texts, pages, strict=True):
        assert markup.structure == plain.structure, text[:60]
        assert markup.told({}) == plain.told({PLAIN_TITLE: text}), text[:60]
    trials(len(texts))


def test_a_language_that_is_none_changes_no_page(newcomer, trials):
    languages = ('"><script>alert(1)</script>', "../../x", "x" * 3000, "\xff\xfe", "*;q=0", ",,;;q=,", "-")
    plain = newcomer().get("/text-plain/a/b/ask/?_t=0")
    for language in languages:
        for headers in ({"Accept-Language": language}, {"Cookie": f"django_language={language}"}):
            response = newcomer().get("/text-plain/a/b/ask/?_t=0", headers=headers)
            assert response.body == plain.body, language
    trials(len(languages) * 2)
