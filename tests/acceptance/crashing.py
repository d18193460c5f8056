"""Submissions that are interrupted at every point there is, and what their visitors find afterwards."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle, product

import pytest

from .aftermath import Traces, claims, flowtasks
from .client import Browser, Dropped, at_once
from .crash_points import Course
from .server import Site
from .setups import CLAIM, CRASHES, RETRY, TRANSACTION

#: Seconds after which a claim counts as left behind, and the lease of a process that was killed is over.
UNTIL_OVER = 1.1
VISITORS = 4


class Visitor(Browser):
    """Somebody who is logged in, and is on the way through another flow while things go wrong."""

    def __init__(self, site: Site) -> None:
        super().__init__(site.host)
        self.log_in("anna")
        self.open(f"/journey-{site.setup.guarantees[0]}/")
        self.submit(name="before")
        self.session = self.get("/session/").json()
        self.forms: dict[str, dict[str, str]] = {}

    def entrance(self, flow: str) -> tuple[str, dict[str, str]]:
        """Return the URL of a flow's first page with an id of its own, and the form, for which it is opened once."""
        url = f"/{flow}/begin/"
        if flow not in self.forms:
            tab = self.another_tab()
            tab.open(url)
            self.forms[flow] = tab.form()
        return self.get(url).location, self.forms[flow]

    def check_unharmed(self) -> None:
        """Assert that it still is the same visitor, whose other task goes on where it was."""
        assert self.get("/session/").json() == self.session
        answers = self.open(self.url).page.answers
        assert [answer["name"] for answer in answers.values()] == ["before"]
        assert self.page.form is not None


@dataclass(frozen=True)
class Way:
    """How it goes on after a crash."""

    #: The page is opened afresh in place of sending the same form again.
    afresh: bool
    #: What was left claimed is said to be done.
    done: bool


WAYS = [Way(afresh, done) for afresh, done in product((False, True), repeat=2)]


class Trial:
    """A submission that is interrupted, and what follows."""

    def __init__(self, visitor: Visitor, course: Course, point: str, how: str, way: Way) -> None:
        self.visitor, self.course, self.how, self.point = visitor, course, how, point
        self.left = course.left_at(point)
        self.way = way
        self.tab = Browser(visitor.host, cookies=visitor.cookies)
        #: What the ledger and the list of claims call the submission; one at most.
        self.keys: set[str] = set()

    def __str__(self) -> str:
        return f"{self.how}@{self.point} of {self.course.page} in {self.course.flow}, then {self.way}"

    @contextmanager
    def named(self) -> Iterator[None]:
        """Say of what goes wrong in here in which trial that was."""
        try:
            yield
        except (AssertionError, Dropped) as error:
            raise AssertionError(f"{self}: {error}") from error

    def crash(self) -> None:
        url, form = self.visitor.entrance(self.course.flow)
        self.tab.url, self.form = url, {**form, "name": f"{self.tab.run} begins"}
        if self.course.page == "last":
            response = self.tab.send(url, self.form)
            assert response.status == 302, response
            # The token of the page before will do, which need not be shown for that.
            self.tab.url, self.form = response.location, {**form, "name": self.tab.run}
        self.url, self.task_id = self.tab.url, self.tab.task_id
        if self.how == "kill":
            with pytest.raises(Dropped):
                self.tab.send(self.url, self.form, fault=f"kill@{self.point}")
        else:
            assert self.tab.send(self.url, self.form, fault=f"raise@{self.point}").status == 500

    def look(self) -> None:
        """See what the visitor sees who tries again."""
        if self.left.claimed:
            again = self.tab.send(self.url, self.form)
            assert (again.status, again.headers["Retry-After"]) == (503, "2"), again
            assert "being finished" in again.page.heading
            assert "being finished" in self.tab.open(self.url).page.heading
            assert self.tab.response.status == 200

    def go_on(self) -> None:
        if self.way.afresh:
            self.tab.open(self.url)
            if self._to_do:
                asked = "name" in self.tab.page.form
                assert asked is (self.course.page in self._to_do), "what is done is not asked for again"
                self.tab.submit(**({"name": "afresh"} if asked else {}))
            elif self.course.page == "begin":
                self.tab.open(self.url.replace("/begin/", "/last/"))
        else:
            again = self.tab.send(self.url, self.form)
            assert again.status == 302, again
            self.tab.follow(again)
        if self.course.page == "begin":
            assert self.tab.path.endswith("/last/"), self.tab.url
            self.tab.submit(name="last")
        assert "Done" in self.tab.response.text, self.tab.response
        assert self.tab.page.form is None
        if not self.way.afresh:
            assert self.tab.send(self.url, self.form).status == 302, "a resend runs nothing any more"

    # What was done in the meantime

    def check_left(self, traces: Traces) -> None:
        """Assert that what stands is what the crash was to leave."""
        names = self.course.names
        assert traces.attempts(self.tab.run, names) == Counter(self.left.attempted)
        assert traces.committed(self.tab.run, names) == Counter(self.left.committed)
        for entry in traces.entries(self.tab.run, names):
            assert entry["task"] == self.task_id
            self.keys.add(entry["key"])

    def check_end(self, traces: Traces) -> None:
        """Assert that what stands in the end is what was promised, and exactly what was to be expected."""
        attempts, committed = traces.attempts(self.tab.run), traces.committed(self.tab.run)
        for part in self.course.parts:
            if part.guarantee == TRANSACTION:
                assert committed[part.name] == 1, "exactly once"
            elif part.guarantee == CLAIM:
                released = self.left.claimed == part.name and not self.way.done
                assert attempts[part.name] <= 1 + released, "at most once, unless somebody says that it was not done"
            elif part.guarantee == RETRY:
                assert committed[part.name] >= 1, "at least once"
        assert attempts == self._others + Counter(self.left.attempted) + Counter(self._to_do)
        assert committed == self._others + Counter(self.left.committed) + Counter(self._to_do)
        if not self.way.afresh:
            keys = {entry["key"] for entry in traces.entries(self.tab.run, self.course.names)}
            assert len(keys | self.keys) <= 1, "all attempts have one key, and it is what was listed"

    @property
    def _to_do(self) -> set[str]:
        """What was still to be done after the crash."""
        settled = {self.left.claimed} if self.way.done else set()
        return self.course.names - self.left.kept - settled

    @property
    def _others(self) -> Counter:
        """What is done by the other submissions of the flow."""
        return Counter(["last", "complete"] if self.course.page == "begin" else ["begin"])


def crash_and_go_on(site: Site, *courses: Course) -> int:
    """Crash each of these at each of its points, and see that each goes on. Returns how many trials that were."""
    before = claims(site)
    visitors = [Visitor(site) for _ in range(VISITORS)]
    trials = [Trial(visitor, *crash) for visitor, crash in zip(cycle(visitors), _crashes(courses), strict=False)]
    _each(trials, Trial.crash)
    time.sleep(UNTIL_OVER)
    _each(trials, Trial.look)
    traces = Traces(site)
    _each(trials, partial(Trial.check_left, traces=traces))
    left = {task_id: claim for task_id, claim in claims(site).items() if task_id not in before}
    _release(site, left, [trial for trial in trials if trial.left.claimed])
    _each(trials, Trial.go_on)
    _each(trials, partial(Trial.check_end, traces=Traces(site)))
    assert claims(site) == before
    for visitor in visitors:
        visitor.check_unharmed()
    return len(trials)


def _crashes(courses: Iterable[Course]) -> list[tuple[Course, str, str, Way]]:
    points = [(course, point) for course in courses for point in course.points]
    return [
        (course, point, how, WAYS[(number + turn) % len(WAYS)])
        for number, (course, point) in enumerate(points)
        for turn, how in enumerate([how for how in ("kill", "raise") for _ in range(_times(course))])
    ]


def _times(course: Course) -> int:
    """Return how often a process is killed, and an exception raised, at each point: of what is much alike, fewer."""
    return CRASHES if course.page == "last" and course.guarantee == course.at_the_end else max(CRASHES // 2, 1)


def _each(trials: Iterable[Trial], step: Callable[[Trial], None]) -> None:
    """Take a step in each trial, all visitors at the same time."""

    def take(mine: list[Trial]) -> None:
        for trial in mine:
            with trial.named():
                step(trial)

    by_visitor: dict[int, list[Trial]] = {}
    for trial in trials:
        by_visitor.setdefault(id(trial.visitor), []).append(trial)
    at_once(*(partial(take, mine) for mine in by_visitor.values()))


def _release(site: Site, listed: dict[str, tuple[str, str]], trials: list[Trial]) -> None:
    """Assert that what is listed as claimed is what these left, and release it."""
    runs = []
    for trial in trials:
        course = trial.course
        expected = course.flow if trial.left.claimed == "complete" else f"{course.flow}/{course.page}"
        with trial.named():
            place, key = listed.pop(trial.task_id)
            assert place == expected
            assert trial.keys in (set(), {key})
        trial.keys = {key}
        runs.append(["--release", trial.task_id, *(["--done"] if trial.way.done else [])])
    assert not listed, "nothing else is claimed"
    assert flowtasks(site, *runs).count("Released") == len(runs)
