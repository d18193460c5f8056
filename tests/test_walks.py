"""Whatever a visitor does in whatever tree: random walks, held against what must always be true.

FLOWS_TEST_EXAMPLES says how many walks there are, FLOWS_TEST_STEPS of how many steps.
"""

import logging
import os
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

from tests.random_trees import ANSWERS, INVALID, REFUSED, THANKS, Journey, Tree, flows
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


def argument(url, name):
    return parse_qs(urlsplit(url).query).get(name, [None])[0]


def kind(response):
    """Return which of our pages a response is, else its status."""
    names = {template.name for template in response.templates}
    return next((page for page in ("action", "finish", "done") if f"flows/{page}.html" in names), response.status_code)


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
            if tab.token is None:  # at the end
                self.show(tab, self.tree.url("walk"))
            self.submit(tab, *form)

    @rule(number=NUMBERS, says=st.none() | SAYS)
    def send_again(self, number, says):
        """Send what was sent before, as it was or with another answer in it."""
        client, url, data = self.sent[number % len(self.sent)]
        data = data if says is None else {**data, "says": says}
        self.follow(client, url, self.post(client, url, data))

    @rule(tab=tabs, number=NUMBERS)
    def send_to_another_page(self, tab, number):
        own = [data for client, _, data in self.sent if client is tab.client]
        if own and not tab.url.startswith(THANKS):
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
            assert (kind(tab.response), tab.url) == ("action", url)
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
        for _ in range(len(self.tree.pages) ** 2 + 2):
            if tab.token:
                self.submit(tab, "c", 0, True)
        assert tab.token is None

    # What must hold

    def get(self, client, url, method="get"):
        before, rows = self.traces(), self.rows()
        response = getattr(client, method)(url)
        assert self.traces() == before
        assert method == "get" or self.rows() == rows
        match = resolve(urlsplit(url).path)
        if hasattr(match.func, "position") and argument(url, "_t") is None:
            location = response["Location"]
            assert (response.status_code, location.rpartition("_t=")[0].rstrip("?&")) == (302, url)
        elif hasattr(match.func, "position"):
            journey = self.journey(url)
            if journey.end:
                leads_here = argument(journey.end, "_t") == journey.task
                assert kind(response) == "done" if leads_here else response["Location"] == journey.end
            else:
                assert (kind(response) == "action") == journey.is_open(match.func.position, match.kwargs.get("item"))
                has_own_item = match.kwargs.get("item") == journey.item
                assert (kind(response) == "finish") == (journey.is_empty and has_own_item)
                assert kind(response) != 302 or self.leads_on(response["Location"])
            if kind(response) == "action":
                assert dict(response.context["answers"]) == journey.seen(match.func.position)
                self.check_steps(journey, response.context["flow"].steps)
                self.shown[journey.task, match.route, str(match.kwargs)] += method == "get"
        return response

    def check_steps(self, journey, steps):
        """A step has a URL where the visitor may go to its first page now."""
        for step in steps:
            page = journey.first_page(step.position)
            is_open = journey.is_open(page)
            assert step.url == (self.tree.url(page.name, journey.item, journey.task) if is_open else None)
            self.check_steps(journey, step.children)

    def post(self, client, url, data):
        task, match = argument(url, "_t"), resolve(urlsplit(url).path)
        place, item = match.func.position, match.kwargs.get("item")
        body, page = urlencode(data), (task, match.route, str(match.kwargs))
        submission = (*page, body, "csrfmiddlewaretoken" not in data and self.shown[page])
        is_open = self.journey(url).is_open(place, item)
        before, completed = len(self.tree.ran), self.tree.completed.copy()
        headers = {"X-CSRFToken": client.cookies["csrftoken"].value}
        response = client.post(url, body, content_type="application/x-www-form-urlencoded", headers=headers)
        location, ran, completed = response.get("Location"), self.tree.ran[before:], self.tree.completed - completed
        for found in {*(run.task for run in ran), *(task for task, _ in completed)}:
            assert found == task
            journey = self.journeys.setdefault(found, Journey(self.tree, found, item, argument(url, "_on_complete")))
        for run in ran:
            journey.said[place.name] = {"says": data["says"], "leads": data["leads"]}
            journey.done |= {place} if data["says"] != REFUSED else set()
            assert (run.position, run.answers, run.item) == (place, journey.seen(place), journey.item)
            if data["says"] != REFUSED:
                journey.choose(place, int(data["leads"]), {scaffold for _, scaffold in completed})
        for _, scaffold in completed:
            self.check_completion(journey, scaffold, location)
        if submission in self.results:
            assert not ran + list(completed)
            self.check_repeated(*self.results[submission], is_open, location)
        else:
            assert len(ran) == (is_open and data["says"] != INVALID)
            if ran or completed:
                self.results[submission] = journey, location
            elif not is_open:
                end = self.journey(url).end
                assert location == end if end else self.leads_on(location)
        if any(scaffold is self.tree.root for _, scaffold in completed):
            for there in self.tree.pages:
                self.get(client, self.tree.url(there.name, journey.item, journey.task))
        assert len(self.rows()) == len(self.journeys)
        return response

    def check_completion(self, journey, place, location):
        """The flow is completed once, when everything in it is done, and leads where it was asked to."""
        assert not place.component.transition or all(map(journey.is_settled, place.children))
        if place is self.tree.root:
            assert self.tree.completed[journey.task, place] == 1
            wanted = THANKS if place.component.node.has_thanks else journey.wanted
            assert location == wanted if wanted else argument(location, "_t") == journey.task
            journey.end = location

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
        """Return the journey of a URL; one in which nothing was said where nothing is stored yet."""
        task, item = argument(url, "_t"), resolve(urlsplit(url).path).kwargs.get("item")
        return self.journeys.get(task) or Journey(self.tree, task, item, None)

    def is_open(self, url):
        match = resolve(urlsplit(url).path)
        return self.journey(url).is_open(match.func.position, match.kwargs.get("item"))

    def leads_on(self, url):
        """Return whether a URL leads to an open page; where there is none, to one with the task's own arguments."""
        journey = self.journey(url)
        return self.is_open(url) or (
            journey.is_empty and resolve(urlsplit(url).path).kwargs.get("item") == journey.item
        )

    def page(self, number):
        return self.tree.pages[number % len(self.tree.pages)]

    def submit(self, tab, says, leads, has_token):
        data = {"says": says, "leads": leads} | ({"csrfmiddlewaretoken": tab.token} if has_token else {})
        self.sent.append((tab.client, tab.url, data))
        self.show(tab, tab.url, self.post(tab.client, tab.url, data))

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
        raise AssertionError(f"He is still led on, to {url}.")

    def traces(self):
        return len(self.tree.ran), self.tree.completed.copy(), len(self.rows())

    def rows(self):
        return list(StoredTask.objects.order_by("pk").values_list("pk", "version", "data"))


@pytest.mark.slow
@pytest.mark.django_db
def test_whatever_a_visitor_does_in_whatever_tree(caplog):
    caplog.set_level(logging.ERROR, "django.request")  # or it keeps thousands of pages that were not found
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    options = {"max_examples": EXAMPLES, "stateful_step_count": STEPS, "deadline": None}
    run_state_machine_as_test(Walks, settings=settings(suppress_health_check=checks, **options))
