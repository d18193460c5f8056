"""What an action finds fault with after it had its effect is refused again, and not tried again."""

from tests.acceptance.setups import PAIRS
from tests.acceptance.walks import PAGES, double, side_by_side

#: The answer that the pages of this flow find fault with, and what they say then.
REFUSED, WORDS = "refuse this", "This was refused."


def refuse_each_page(flow, browser, *, times):
    """Go through a flow of which each page refuses the first answer, several times over, and takes the second."""
    browser.open(f"/{flow}/")
    for page in PAGES:
        form = browser.form(name=REFUSED, delay=20)
        answers, _ = double(browser, times=times, name=REFUSED, delay=20)
        answers.append(browser.send(browser.url, form))
        assert {answer.status for answer in answers} == {200}
        assert all(WORDS in answer.text for answer in answers)
        browser.follow(answers[-1])
        browser.submit(name=page)
        again = browser.send(answers[-1].url, form)
        assert again.status == 302 if page == PAGES[-1] else WORDS in again.text
    assert browser.page.form is None


def test_what_was_refused_is_shown_to_every_twin_and_not_tried_again(newcomer, ledger, trials, guarantee):
    visitors = [newcomer() for _ in range(max(2, PAIRS // 10))]
    side_by_side(lambda visitor: refuse_each_page(f"refusing-{guarantee}", visitor, times=2), visitors)
    entries = ledger.entries()
    for visitor in visitors:
        done = [(entry["what"], entry.get("name")) for entry in entries if entry["run"] == visitor.run]
        pages = [(page, name) for page in PAGES for name in (REFUSED, page)]
        assert done == [*pages, ("complete", None)]
    trials(len(visitors) * len(PAGES) * 3)
