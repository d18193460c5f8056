"""Mixed load, with a process killed every few seconds: ``python -m tests.acceptance.load --minutes 10``.

Visitors walk journeys of each guarantee, as many at once as there are ``--visitors``. They click twice, go back, resend
what they sent before, hang up, and begin other tasks in between; what fails they send again, as a person would. At
the end the books are balanced: for each page of each journey, what was submitted against what was done.

``transaction``
    what is committed in the database, which is where its effects are: exactly one for each submission;
``claim``
    the entries in the ledger: none twice. Journeys that a kill left in the middle are counted; the operator
    releases them, where the ledger says that it was done with ``--done``, and they go on to the end;
``retry``
    the entries of one submission have one key, by which an outside service tells a repetition from another call.

Where something is repeated, the process that did it before must have been killed at that moment. And whoever came to
the end had all that he said seen there.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from .client import Browser, Dropped, at_once
from .page import Response
from .server import Site, serve
from .setups import CLAIM, TRANSACTION, Setup
from tests import servers

PAGES = ("first", "second", "third")
#: Milliseconds that an effect takes, drawn anew for each submission.
DELAYS = (0, 0, 5, 20, 60)
#: Seconds after an effect within which its process has kept the task, if it lives.
AT_WORK = 2
#: How often one sends again what was not answered, or answered with "try again".
PATIENCE = 40


@dataclass
class Books:
    """What the visitors know at the end."""

    #: Run and guarantee of each journey that was walked to the end.
    finished: list[tuple[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    #: The processes that were killed, and when.
    killed: list[tuple[int, float]] = field(default_factory=list)
    #: There is one operator, so that what he releases is what he looked at.
    desk: threading.Lock = field(default_factory=threading.Lock)

    def was_killed(self, entry: dict[str, Any]) -> bool:
        """Return whether the process that made an entry of the ledger was killed before it could keep the task."""
        return any(pid == entry["pid"] and 0 <= at - entry["time"] < AT_WORK for pid, at in self.killed)


class Visitor:
    """Walks one journey to its end, with what happens on the way."""

    def __init__(self, site: Site, books: Books, guarantee: str) -> None:
        self.browser = site.browser()
        self.site, self.books, self.guarantee = site, books, guarantee
        self.sent: list[tuple[str, dict[str, str]]] = []

    def walk(self) -> None:
        entry = f"/journey-{self.guarantee}/"
        self._persist(lambda: self.browser.open(entry))
        for page in PAGES:
            if self.browser.page.form is None or not self.browser.path.endswith(f"/{page}/"):
                self._fail(f"is at {self.browser.path} in place of {page}: {self.browser.response}")
            self._submit(name=f"{page} of {self.browser.run}")
            if page == "second" and random.random() < 0.2:
                self._resend()
        if "Done" not in self.browser.response.text:
            self._fail(f"did not come to the end: {self.browser.response}")
        self._resend()
        self.books.finished.append((self.browser.run, self.guarantee))

    def _submit(self, **data: str) -> None:
        form, url = self.browser.form(**data, delay=random.choice(DELAYS)), self.browser.url
        self.sent.append((url, form))
        chance = random.random()
        if chance < 0.3:
            self.books.counts["double clicks"] += 1
            twins = [self.browser.twin() for _ in range(random.choice((2, 2, 3)))]
            for answer in at_once(*(lambda twin=twin: self._send(twin, url, form) for twin in twins)):
                if isinstance(answer, Response) and answer.status == 302:
                    break
        elif chance < 0.4:
            self.books.counts["hung up"] += 1
            self.browser.abandon(url, form, after=random.uniform(0, 0.05))
        self._persist(lambda: self.browser.follow(self._send(self.browser, url, form)))

    def _send(self, browser: Browser, url: str, form: dict[str, str]) -> Response:
        began = time.monotonic()
        answer = browser.send(url, form)
        self.books.times.append(time.monotonic() - began)
        self.books.counts["submissions sent"] += 1
        return answer

    def _resend(self) -> None:
        """Send again what was sent on some page before, without going anywhere."""
        self.books.counts["resent later"] += 1
        url, form = random.choice(self.sent)
        try:
            self._send(self.browser, url, form)
        except Dropped:
            self.books.counts["answers lost"] += 1

    def _persist(self, attempt) -> None:
        """Try until there is an answer to go on from; let the operator help where a claim was interrupted."""
        for number in range(PATIENCE):
            try:
                answer = attempt()
            except Dropped:
                self.books.counts["answers lost"] += 1
            else:
                if "is being finished" in answer.text:
                    self.books.counts["claims interrupted or at work"] += 1
                    if number > 3:
                        self._release()
                elif answer.status == 503:
                    self.books.counts["busy"] += 1
                elif answer.status == 200:
                    return
                else:
                    self._fail(f"was answered {answer}")
            time.sleep(0.2)
        self._fail("gave up")

    def _release(self) -> None:
        """Look, as an operator would, whether what is claimed was done, and release the task."""
        with self.books.desk:
            claimed = self.site.manage("flowtasks", "--claimed").splitlines()
            line = next(filter(self._is_concerned, claimed), None)
            if line is None:
                return
            place, key = line.partition(" at ")[2].split(", submission ")
            what = "complete" if "/" not in place else place.rpartition("/")[2]
            was_done = self.site.ledger.count(what, run=self.browser.run, key=key)
            self.books.counts["claims released"] += 1
            self.site.manage("flowtasks", "--release", line.split()[0], *(["--done"] if was_done else []))

    def _is_concerned(self, line: str) -> bool:
        """Return whether a line of claimed tasks is of what this visitor waits for."""
        return line.startswith(self.browser.task_id)

    def _fail(self, what: str) -> None:
        raise AssertionError(f"A visitor of {self.guarantee} {what}")


@contextmanager
def killer(site: Site, books: Books, every: float) -> Iterator[None]:
    """Kill one of the site's processes every so many seconds, until the block ends."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(random.uniform(0.5, 1.5) * every):
            if workers := site.workers():
                victim = random.choice(workers)
                os.kill(victim, signal.SIGKILL)
                books.killed.append((victim, time.time()))
                books.counts["processes killed"] += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def press(site: Site, *, seconds: float, visitors: int, kill_every: float) -> Books:
    """Let visitors walk for so many seconds, and return what they know."""
    books, end = Books(), time.monotonic() + seconds

    def walk(number: int) -> None:
        guarantees = site.setup.guarantees
        while time.monotonic() < end:
            number += 1
            books.counts["journeys begun"] += 1
            try:
                Visitor(site, books, guarantees[number % len(guarantees)]).walk()
            except Exception as error:
                books.faults.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=walk, args=[number]) for number in range(visitors)]
    with killer(site, books, kill_every):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return books


def balance(site: Site, books: Books) -> list[str]:
    """Return what does not add up."""
    attempts: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in site.ledger.entries():
        attempts[entry["run"]].append(entry)
    faults = []
    for run, guarantee in books.finished:
        effects = [effect["what"] for effect in site.effects(run)]
        for page in (*PAGES, "complete"):
            tried = [entry for entry in attempts[run] if entry["what"] == page]
            repeated = [entry for entry, later in pairwise(tried) if entry["key"] == later["key"]]
            done = effects.count(page) if guarantee == TRANSACTION else len(tried) - len(repeated)
            books.counts["repeated after a kill"] += len(repeated)
            faults += [
                f"{run} ({guarantee}): {page} was repeated, though process {entry['pid']} lived"
                for entry in repeated
                if not books.was_killed(entry)
            ]
            if done != 1 or (guarantee == CLAIM and len(tried) != 1):
                faults.append(f"{run} ({guarantee}): {page} was done {done} times, tried {len(tried)} times")
        said = [f"{page} of {run}" for page in PAGES]
        for entry in attempts[run]:
            seen = [answers["name"] for answers in entry.get("answers", {}).values()]
            if entry["what"] == "complete" and seen != said:
                faults.append(f"{run} ({guarantee}): was completed with {entry['answers']}")
    return faults


def report(setup: Setup, books: Books, seconds: float, faults: list[str]) -> str:
    times = sorted(books.times)
    share = {f"{percent} % within": f"{times[int(len(times) * percent / 100) - 1]:.2f} s" for percent in (50, 95, 99)}
    figures = {
        "setup": setup,
        "minutes": f"{seconds / 60:.0f}",
        "journeys walked to the end": f"{len(books.finished):,}",
        **{name: f"{number:,}" for name, number in sorted(books.counts.items())},
        **share,
        "done twice, or lost": len(faults),
        "visitors who were stuck": len(books.faults),
    }
    return "\n".join(f"{name:32} {value}" for name, value in figures.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setup", type=Setup.parse, default=Setup("postgres"))
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--visitors", type=int, default=24)
    parser.add_argument("--kill-every", type=float, default=3, metavar="SECONDS")
    parser.add_argument("--log", type=Path, help="where to keep what the server said")
    options = parser.parse_args()
    setup, urls = options.setup, {}
    with ExitStack() as stack:
        if not setup.is_sqlite:
            start = servers.mariadb if setup.kind.startswith("mariadb") else servers.postgres
            urls["database_url"] = stack.enter_context(start())
        if "redis" in (setup.kind, setup.sessions):
            urls["redis_url"] = stack.enter_context(servers.redis())
        # An interrupted claim is to be seen soon, and not after what a page may take on a site.
        site = stack.enter_context(serve(setup, **urls, settings={"FLOWS_LOCK_WAIT": 2}))
        began = time.monotonic()
        books = press(site, seconds=options.minutes * 60, visitors=options.visitors, kill_every=options.kill_every)
        seconds = time.monotonic() - began
        faults = balance(site, books)
        if options.log:
            options.log.write_text(site.log)
    print(report(setup, books, seconds, faults))
    for fault in (*faults, *books.faults):
        print(fault)
    sys.exit(bool(faults or books.faults))


if __name__ == "__main__":
    main()
