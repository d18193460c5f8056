"""Values of the wrong type for fields of every type: the form is shown again, or what was taken can be shown."""

from tests.acceptance.hostile_bodies import MULTIPART, part, parts
from tests.acceptance.hostile_values import COUNTS, ODD, WRONG, rounds
from tests.acceptance.kept import kept
from tests.acceptance.wire import in_parallel

NAMES = (
    *("", ".", "..", "/", "../../etc/passwd", "\0", "a" * 300, "<script>.html", "\u202egpj.exe", 'a"b', "C:\\x", ";"),
    *("a\r\nSet-Cookie: x=1", "con", "\ufffd" * 99, "%00"),
)
CONTENTS = (b"", b"x", bytes(range(256)), b"--x0123456789x--", b"\r\n" * 99)


def typed(newcomer, field="all"):
    """Return a new visitor at the page that asks for this field."""
    browser = newcomer()
    browser.open(f"/typed/types/{field}/")
    return browser


def back_to(browser, page):
    return browser.open(f"{page}?_t={browser.task_id}")


def test_what_is_no_value_is_told_at_its_field(newcomer, ledger, trials):
    browser = typed(newcomer)
    page = browser.path
    browser.submit()
    back_to(browser, page)
    # Of a field with two ids the summary links to the first.
    document, fields = kept(browser), WRONG.keys() - {"split"} | {"split_0"}
    for values in rounds():
        browser.submit(**values)
        assert browser.response.status == 200, values
        assert {link.removeprefix("#id_") for link in browser.page.links if "#" in link} == fields, values
    assert kept(browser) == document
    browser.submit(**{name: [] for name in values})
    assert browser.path == "/typed/after/"
    assert ledger.count("types", run=browser.run) == 2
    trials(len(list(rounds())) * len(WRONG))


def test_an_odd_value_does_not_shut_the_visitor_out(newcomer, trials):
    """Refused, it can be mended; taken, the page can be opened again, and another answer be given."""

    def trial(values):
        (field,) = values
        browser = typed(newcomer, field)
        page = browser.path
        answers = [browser.send(browser.url, browser.form(**values))]
        if answers[0].location:
            browser.url = answers[0].location
            answers.append(back_to(browser, page))
        answers.append(browser.send(browser.url, browser.form(**{field: []})))
        statuses = [answer.status for answer in answers]
        return None if statuses in ([302, 200, 302], [200, 302]) else (values, statuses)

    assert not list(filter(None, in_parallel(trial, ODD)))
    trials(len(ODD))


def test_a_count_of_forms_that_is_none_is_no_error(newcomer, trials):
    def trial(values):
        browser = newcomer()
        browser.open("/several/rows/")
        filled = {"form-0-name": "x", "form-0-anything": "{"}
        statuses = [browser.submit(**filled, **values).status]
        if browser.path == "/several/first/":
            statuses.append(back_to(browser, "/several/rows/").status)
        return None if set(statuses) == {200} else (values, statuses)

    assert not list(filter(None, in_parallel(trial, COUNTS)))
    trials(len(COUNTS))


def test_a_file_may_be_called_and_hold_anything(newcomer, trials):
    def trial(number):
        browser = typed(newcomer, "file")
        disposition, content = f'form-data; name="file"; filename="{NAMES[number]}"', CONTENTS[number % len(CONTENTS)]
        file = part(disposition, content, b"Content-Type: \xff/;x")
        response = browser.send(browser.url, parts(browser.form(), file), {"Content-Type": MULTIPART})
        return None if browser.follow(response).status == 200 else (NAMES[number], response)

    assert not list(filter(None, in_parallel(trial, range(len(NAMES)))))
    trials(len(NAMES))
