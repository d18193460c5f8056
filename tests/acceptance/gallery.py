"""Every page that the library can show of a flow, with the words that are given."""

#: The answers on the pages that the others are compared with. The second is one that a form does not take.
PLAIN = ("PLAINANSWER", "PLAIN\0ANSWER")

#: What each page is shown as, and whether it offers a link to go on with.
STATUSES = {
    "entry": 200,
    "refused": 200,
    "middle": 200,
    "again": 200,
    "busy": 503,
    "last": 200,
    "finish": 200,
    "done": 200,
    "being finished": 200,
    "not now": 503,
    "no such task": 404,
}
#: Those that show what the visitor answered.
ANSWERED = ("refused", "again")


def gallery(browser, flow, code, way, answer):
    """Return each page that the library can show of a flow, by name."""
    root = f"/{flow}/{code}/{way}/"
    pages = {"entry": browser.open(f"{root}ask/")}
    answers = {"word": answer, "text": answer, "hidden": answer}
    pages["refused"] = browser.send(browser.url, browser.form(name="", **answers))
    pages["middle"] = browser.submit(name="n", **dict.fromkeys(answers, taken(answer)))
    task = f"?_t={browser.task_id}"
    pages["again"] = browser.get(f"{root}ask/{task}")
    pages["busy"] = browser.get(f"{root}ask/{task}&busy=1")
    pages["last"] = browser.submit(name="n")
    pages["finish"] = browser.open(f"{browser.url}&finish=1")
    pages["done"] = browser.submit()
    pages["no such task"] = browser.get(f"{root}ask/?_t=0")
    browser.open(f"{root}ask/")
    browser.submit(name="n")
    assert browser.send(browser.url, browser.form(name="n"), fault="raise@after-effect").status == 500
    pages["not now"] = browser.send(browser.url, browser.form(name="n"))
    pages["being finished"] = browser.open(f"{browser.url}&x={code}")
    return pages


def taken(answer):
    """Return what to answer in the place of what no text field of Django's takes."""
    return "" if "\0" in answer else answer


def plain_gallery(browser, answer=PLAIN[0]):
    return gallery(browser, "text-plain", "plain", "plain/way", answer)
