"""Whatever a visitor does in whatever tree: random walks, held against what must always be true.

What the site does is compared with tests/route_model.py, which is the rules of the route written a second time.
FLOWS_TEST_EXAMPLES says how many walks there are, FLOWS_TEST_STEPS of how many steps.
"""

import json
import logging
import os
import re
from collections import Counter
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.contrib.sessions.models import Session
from django.test import Client, override_settings
from django.urls import resolve
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from flows.models import StoredTask

from tests.random_trees import ANSWERS, AWAY, BANK, INNER, INVALID, OUTSIDE, THANKS, Tree, flows
from tests.route_model import COMPLETE, LEAVE, REDIRECT, REFUSED, Journey, steps
from tests.visitor import TOKEN

EXAMPLES = int(os.environ.get("FLOWS_TEST_EXAMPLES", "20"))
STEPS = int(os.environ.get("FLOWS_TEST_STEPS", "25"))
#: Each stands for one of several things in a list.
NUMBERS = st.integers(0, 11)
ITEMS = st.integers(1, 2)
SAYS = st.sampled_from(ANSWERS)
#: What is said, where it leads, whether the form has its CSRF token.
FORMS = st.tuples(SAYS, NUMBERS, st.booleans())
#: The first answer to a submission, where it led nowhere.
SHOWN_AGAIN = None
BUTTON = re.compile(r"<button[^>]*>")
ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
#: The names in a stored task of what a GET may write: what was seen, and how often it was shown.
SEEN = {"seen", "renderings", "submitted"}


class Tab:
    """One tab of one visitor's browser: where it is, and what it shows."""

    def __init__(self, client, url=None, response=None, seen=()):
        self.client, self.url, self.response, self.seen = client, url, response, list(seen)

    @property
    def task(self):
        return argument(self.url, "_t")

    @property
    def token(self):
        match = TOKEN.search(self.response.content.decode())
        return match and match[1]

    @property
    def button(self):
        """What the button of a page with nothing but that sends."""
        attributes = dict(ATTRIBUTE.findall(BUTTON.search(self.response.content.decode())[0]))
        return {attributes["name"]: attributes.get("value", "")} if "name" in attributes else {}

    @property
    def last_in_flow(self):
        """The last URL of the flow that the visitor was led to."""
        return next(url for url in reversed(self.seen) if argument(url, "_t"))


def argument(url, name):
    return parse_qs(urlsplit(url).query).get(name, [None])[0]


def kind(response):
    """Return which of our pages a response is, else its status."""
    names = {template.name for template in response.templates}
    return next((page for page in ("action", "finish", "done") if f"flows/{page}.html" in names), response.status_code)


class Told:
    """One task: what the model knows of it, where it was asked to end, and where it led."""

    def __init__(self, tree, task, item, wanted):
        self.tree, self.task, self.item, self.wanted, self.end = tree, task, item, wanted, None
        self.model = Journey(tree.places[tree.root.name])

    def expect(self, position, item):
        """Return what a GET of a page comes to: "action", "finish", or the URLs of which one is led to."""
        page, found = self.tree.places[position.name], self.model.walk
        if item != self.item or not found.lets_in(page):
            return self.urls(self.model.where())
        return "finish" if found.shows_button and page is found.places[-1] else "action"

    def urls(self, pages):
        return {self.tree.url(page.name, self.item, self.task) for page in pages}

    def lets_in(self, position, item):
        return isinstance(self.expect(position, item), str)

    def __str__(self):
        """Describe the task for a test that fails."""
        found, facts = self.model.walk, self.model.facts
        done = {page: facts.is_done(page) for page in found.places}
        return (
            f"\nOf {self.task[:6]} was said {facts.said}, ended in {facts.ended_in}, open again {facts.reopened}, "
            f"complete {facts.completed}. Route, and whether answered: {done}. May be entered: {found.enterable}. "
            f"Due: {found.due}. Last seen: {self.model.last_seen}. Ended at {self.end}."
        )


class Walks(RuleBasedStateMachine):
    """Two visitors, each with as many tabs and tasks as they like, in one flow."""

    tabs = Bundle("tabs")

    @initialize(target=tabs, node=flows(), forms=st.lists(FORMS, min_size=1, max_size=6))
    def build(self, node, forms):
        self.tree = Tree(node)
        self.site = override_settings(ROOT_URLCONF=self.tree.urlconf)
        self.site.enable()
        self.clients = [Client(enforce_csrf_checks=True) for _ in range(2)]
        self.journeys = {}  # by task, of those that are stored
        self.results = {}  # by submission: its task, and the Location of the first answer
        self.shown = Counter()  # by page of a task or visitor
        self.button_shown = set()  # pages that were shown with a button: whether that counts as shown, no rule says
        self.sent = []
        tab, _ = (self.open_the_entry_point(client, 1, False) for client in (0, 1))
        self.walk_on(tab, forms)
        return tab

    def teardown(self):
        if hasattr(self, "site"):
            self.site.disable()
        StoredTask.objects.all().delete()
        Session.objects.all().delete()

    # What a visitor does

    @rule(target=tabs, client=st.integers(0, 1), item=ITEMS, on_complete=st.booleans())
    def open_the_entry_point(self, client, item, on_complete):
        tab = Tab(self.clients[client])
        self.show(tab, self.tree.url("walk", item) + (f"?_on_complete={THANKS}%3Fasked" if on_complete else ""))
        return tab

    @rule(target=tabs, tab=tabs)
    def open_another_tab(self, tab):
        return Tab(tab.client, tab.url, tab.response, tab.seen)

    @rule(tab=tabs, forms=st.lists(FORMS, min_size=1, max_size=4))
    def walk_on(self, tab, forms):
        for form in forms:
            self.come_back(tab)
            if tab.token is None:  # at the end
                self.show(tab, self.tree.url("walk"))
            self.submit(tab, *form)

    @rule(number=NUMBERS, says=st.none() | SAYS)
    def send_again(self, number, says):
        """Send what was sent before, as it was or with another answer in it."""
        client, url, data = self.sent[number % len(self.sent)]
        data = data if says is None or "says" not in data else {**data, "says": says}
        self.follow(client, url, self.post(client, url, data))

    @rule(tab=tabs, number=NUMBERS)
    def send_to_another_page(self, tab, number):
        own = [data for client, _, data in self.sent if client is tab.client]
        if own and tab.task:
            self.show(tab, tab.url, self.post(tab.client, tab.url, own[number % len(own)]))

    @rule(tab=tabs, number=NUMBERS)
    def open_again(self, tab, number):
        self.show(tab, tab.seen[number % len(tab.seen)])

    @rule(tab=tabs, presses=st.integers(1, 9))
    def go_back(self, tab, presses):
        self.show(tab, tab.url)
        passed = [tab.url]
        while presses and kind(tab.response) == "action" and (url := tab.response.context["flow"].back_url):
            self.show(tab, url)
            assert kind(tab.response) in ("action", "finish")
            check_equal(tab.url, url, "the URL where Back leads", self.journey(url))
            assert url not in passed
            passed.append(url)
            presses -= 1

    @rule(tab=tabs, number=NUMBERS, item=ITEMS, method=st.sampled_from(["get", "head", "post"]))
    def jump(self, tab, number, item, method):
        if tab.task:
            url, data = self.tree.url(self.page(number).name, item, tab.task), {"says": "c", "leads": number}
            is_post = method == "post"
            response = self.post(tab.client, url, data) if is_post else self.get(tab.client, url, method)
            self.follow(tab.client, url, response)

    @rule(tab=tabs, number=NUMBERS, method=st.sampled_from(["get", "head", "post"]))
    def come_from_elsewhere(self, tab, number, method):
        """Another visitor's task is to a visitor what no task is."""
        if tab.task in self.journeys:
            stranger = next(client for client in self.clients if client is not tab.client)
            claims = [(stranger, tab.task), (stranger, "0" * 32), (tab.client, "x"), (tab.client, "")]
            url, before, answers = self.tree.url(self.page(number).name), self.traces(), []
            for client, task in [*claims, (tab.client, f"{tab.task}&_t={tab.task}")]:
                headers = {"X-CSRFToken": client.cookies["csrftoken"].value}
                response = getattr(client, method)(f"{url}?_t={task}", headers=headers)
                answers.append((response.status_code, response.content, dict(response.headers)))
            assert answers == [answers[0]] * len(answers)
            assert (answers[0][0], self.traces()) == (404, before)

    @rule(tab=tabs)
    def walk_to_the_end(self, tab):
        """Say what neither skips a page nor leads astray, until there is nothing left to say."""
        for _ in range(len(self.tree.pages) ** 2 + 6):
            self.come_back(tab)
            if tab.token:
                self.submit(tab, "c", 0, True)
        told = self.journeys[argument(tab.last_in_flow, "_t")]
        assert told.end, f"There is no end to it. {told}"

    # What must hold

    def get(self, client, url, method="get"):
        before, rows = self.traces(), self.rows()
        response = getattr(client, method)(url)
        assert self.traces() == before
        assert method == "get" or self.rows() == rows
        assert self.rows(SEEN) == self.rows(SEEN, rows)
        match = resolve(urlsplit(url).path)
        if hasattr(match.func, "position") and argument(url, "_t") is None:
            location = response["Location"]
            assert (response.status_code, location.rpartition("_t=")[0].rstrip("?&")) == (302, url)
        elif hasattr(match.func, "position"):
            self.check_page(self.journey(url), match, response, method, url)
        return response

    def check_page(self, told, match, response, method, url):
        """A page is shown, or leads, as the model of the route has it."""
        place, page = match.func.position, (told.task, match.route, str(match.kwargs))
        found, model = kind(response), told.model
        if told.end:
            leads_here = argument(told.end, "_t") == told.task
            assert found == "done" if leads_here else response["Location"] == told.end
            return
        expected = told.expect(place, match.kwargs.get("item"))
        if isinstance(expected, str):
            assert found == expected, f"GET {url}: expected {expected}, not {found}, {response.get('Location')}. {told}"
        else:
            check_location(response, expected, f"GET {url}", told)
        if found == "finish":
            self.button_shown.add(page)
        if found == "action":
            here, walk = self.tree.places[place.name], model.walk
            check_equal(dict(response.context["answers"]), walk.answers(here), f"answers at {url}", told)
            back, back_url = walk.back_from(here), response.context["flow"].back_url
            expected = told.tree.url(back.name, told.item, told.task) if back else None
            check_equal(back_url, expected, f"flow.back_url at {url}", told)
            self.check_steps(told, response.context["flow"].steps, steps(walk, here), url)
            self.shown[page] += method == "get"
            if method == "get" and told.task in self.journeys:
                model.see(here)

    def check_steps(self, told, found, expected, url):
        """The steps are those of the model, each with its status, its URL, and the steps in it."""
        names = [step.position.name for step in found]
        missing, strange = expected.must.keys() - set(names), set(names) - (expected.must | expected.may).keys()
        check_equal(
            (missing, strange, len(names)), (set(), set(), len(set(names))), f"flow.steps {names} at {url}", told
        )
        for step in found:
            wanted, name = (expected.must | expected.may)[step.position.name], f"step {step.position} at {url}"
            assert step.status in wanted.statuses, f"{name}: expected {wanted.statuses}, not {step.status}. {told}"
            page = wanted.page and self.tree.url(wanted.page.name, told.item, told.task)
            check_equal(step.url, page, name, told)
            self.check_steps(told, step.children, wanted.children, url)

    def post(self, client, url, data):
        task, match = argument(url, "_t"), resolve(urlsplit(url).path)
        place, item = match.func.position, match.kwargs.get("item")
        body, page = urlencode(data), (task, match.route, str(match.kwargs))
        has_token = "csrfmiddlewaretoken" in data
        submission = (*page, body, not has_token and self.shown[page])
        told = self.journey(url)
        expected, lets_in = told.expect(place, item), told.lets_in(place, item)
        ran_before, completed_before = len(self.tree.ran), len(self.tree.completions)
        headers = {"X-CSRFToken": client.cookies["csrftoken"].value}
        response = client.post(url, body, content_type="application/x-www-form-urlencoded", headers=headers)
        ran, completed = self.tree.ran[ran_before:], self.tree.completions[completed_before:]
        location = response.get("Location")
        assert {found.task for found in (*ran, *completed)} <= {task}
        if ran or completed:
            told.wanted = told.wanted if task in self.journeys else argument(url, "_on_complete")
            self.journeys.setdefault(task, told)
        is_unsure = not has_token and page in self.button_shown and not (ran or completed)
        if submission in self.results and (has_token or is_unsure or page not in self.button_shown):
            check_equal(([*ran], [*completed]), ([], []), f"what the duplicate POST {url} did", told)
            self.check_repeated(*self.results[submission], lets_in, location)
        elif told.end:
            check_equal((location, ran, completed), (told.end, [], []), f"POST {url}", told)
        elif not lets_in:
            check_equal((ran, completed), ([], []), f"what POST {url} did", told)
            check_location(response, expected, f"POST {url}", told)
        elif "says" not in data:
            self.check_button(told, place, expected, ran, completed, response)
        else:
            self.check_form(told, place, data, ran, completed, response)
        if ran or completed:
            self.results.setdefault(submission, (told, location))
            if told.end:
                for there in self.tree.pages:
                    self.get(client, self.tree.url(there.name, told.item, told.task))
        assert len(self.rows()) == len(self.journeys)
        return response

    def check_form(self, told, place, data, ran, completed, response):
        """A form is handled once, and leads where the model of the route has it."""
        action, page, model = f"POST {data} to {place}", self.tree.places[place.name], told.model
        if data["says"] == INVALID:
            check_equal((ran, completed, response.status_code), ([], [], 200), action, told)
            return
        says = {"says": data["says"], "leads": int(data["leads"])}
        seen = {**model.walk.answers(page), page.name: says}
        runs = [(run.position, _plain(run.answers), run.item) for run in ran]
        check_equal(runs, [(place, _plain(seen), told.item)], f"what form_valid() saw after {action}", told)
        before = str(told)
        outcome = model.post(page, says, self.tree.ends_in(page, says["says"], says["leads"]))
        self.check_outcome(told, outcome, completed, response, f"{action}, before which: {before}\n")

    def check_button(self, told, place, expected, ran, completed, response):
        """The button completes what is due. Where the page shows a form by now, it is no valid form."""
        page, action = self.tree.places[place.name], f"the button at {place}"
        check_equal(ran, [], f"what {action} ran", told)
        if expected == "finish":
            self.check_outcome(told, told.model.press(page), completed, response, action)
        else:
            check_equal(completed, [], f"what {action} completed", told)

    def check_outcome(self, told, outcome, completed, response, action):
        """Each complete() ran that was due, in its turn and no more, and the visitor is led to where they go on."""
        root, seen = self.tree.root, told.model.walk
        ran = [(completion.position.name, _plain(completion.answers)) for completion in completed]
        expected = [(scaffold.name, _plain(answers)) for scaffold, answers in outcome.completed]
        ends = bool(ran) and ran[-1][0] == root.name if outcome.ends is None else outcome.ends
        if ends:
            assert not seen.open, f"The model completes what is open. {told}"
            expected.append((root.name, _plain(seen.answers(seen.root))))
        check_equal(ran, expected, f"complete() with its answers after {action}", told)
        location = response.get("Location")
        fixed = {REDIRECT: AWAY, LEAVE: BANK, COMPLETE: INNER, REFUSED: None}
        if ends:
            wanted = THANKS if self.tree.places[root.name].has_redirect else told.wanted
            assert location == wanted if wanted else argument(location, "_t") == told.task, (location, wanted)
            told.end = location
        elif outcome.response:
            check_equal(location, fixed[outcome.response], f"Location after {action}", told)
        else:
            check_location(response, told.urls(outcome.leads), action, told)

    def check_repeated(self, journey, first, is_open, location):
        """What was sent before leads where it led at first, or to the end."""
        if journey.end:
            assert location in (first, journey.end)
        elif first is SHOWN_AGAIN:
            assert (location is None) == is_open
        else:
            assert location == first

    # Helpers

    def journey(self, url):
        """Return what is known of the task of a URL; one in which nothing was said where nothing is stored yet."""
        task, item = argument(url, "_t"), resolve(urlsplit(url).path).kwargs.get("item")
        return self.journeys.get(task) or Told(self.tree, task, item, None)

    def page(self, number):
        return self.tree.pages[number % len(self.tree.pages)]

    def submit(self, tab, says, leads, has_token):
        if kind(tab.response) == "finish":
            data = {**tab.button, "csrfmiddlewaretoken": tab.token}
        else:
            data = {"says": says, "leads": leads} | ({"csrfmiddlewaretoken": tab.token} if has_token else {})
        self.sent.append((tab.client, tab.url, data))
        self.show(tab, tab.url, self.post(tab.client, tab.url, data))

    def come_back(self, tab):
        """Come back from another page of the site, to where the visitor is now."""
        if urlsplit(tab.url).path in OUTSIDE:
            self.show(tab, tab.last_in_flow)

    def show(self, tab, url, response=None):
        tab.url, tab.response = self.follow(tab.client, url, response or self.get(tab.client, url))
        tab.seen.append(tab.url)

    def follow(self, client, url, response):
        """Return where a visitor is led, which takes few steps, and what he sees there."""
        for _ in range(4):
            if response.status_code != 302:
                assert response.status_code == 200
                return url, response
            url = response["Location"]
            response = self.get(client, url)
        raise AssertionError(f"They are still led on, to {url}. {self.journey(url)}")

    def traces(self):
        return len(self.tree.ran), len(self.tree.completions), len(self.rows())

    def rows(self, but=(), rows=None):
        """Return what is stored; without its version and some of its parts, if they are named."""
        rows = rows or list(StoredTask.objects.order_by("pk").values_list("pk", "version", "data"))
        return [(pk, _without(json.loads(data), but)) for pk, _, data in rows] if but else rows


def check_equal(found, expected, what, told):
    assert found == expected, f"{what}: expected {expected}, not {found}. {told}"


def check_location(response, expected, action, told):
    """A visitor is led to one of some pages of the task."""
    location = response.get("Location")
    assert location, f"{action}: expected one of {expected}, not {kind(response)}. {told}"
    url = urlsplit(location)
    found = f"{url.path}?_t={argument(location, '_t')}"
    assert found in expected, f"{action}: expected one of {expected}, not {location}. {told}"


def _plain(answers):
    """Return answers by name, of whatever type the mapping is."""
    return {name: dict(said) for name, said in answers.items()}


def _without(document, names):
    return {name: value for name, value in document.items() if name not in names}


@pytest.mark.slow
@pytest.mark.django_db
def test_whatever_a_visitor_does_in_whatever_tree(caplog):
    caplog.set_level(logging.ERROR, "django.request")  # or it keeps thousands of pages that were not found
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    options = {"max_examples": EXAMPLES, "stateful_step_count": STEPS, "deadline": None}
    run_state_machine_as_test(Walks, settings=settings(suppress_health_check=checks, **options))
