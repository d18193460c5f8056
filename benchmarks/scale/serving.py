"""Visitors over HTTP: journeys per second, and how long each waits for his answers.

As many visitors as there are ``CLIENTS`` walk one journey after the other, and go on as soon as they have an answer.
Every site has its turn in each round, in an order that is drawn anew; the others stand still meanwhile.
"""

import random
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from ..contenders import all_contenders
from ..contenders.by_hand import OWNED
from ..contenders.ours import OURS
from ..visitor import Visitor, asking
from . import sites
from .urls import PAGES
from tests import servers

#: Two for each process: one is answered while the next is on its way.
CLIENTS = 2 * sites.WORKERS
POSTGRESQL, REDIS = "PostgreSQL", "Redis"
PERCENTAGES = (50, 95, 99)


@dataclass
class Turn:
    """What one site did in one round."""

    journeys: float = 0
    #: Seconds of CPU that the visitors took, of each second.
    visitors_share: float = 0
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"GET": [], "POST": []})


def measure(rounds, seconds, seed=1):
    """Return the turns of each `Site`, by round."""
    shuffler = random.Random(seed)
    with _sites() as served:
        for site in served:
            _take_turn(site, 1)  # what is made once per process is not counted
        turns, order = {site: [] for site in served}, list(served)
        for _ in range(rounds):
            shuffler.shuffle(order)
            for site in order:
                turns[site].append(_take_turn(site, seconds))
    return turns


@contextmanager
def _sites():
    """Run all sites until the block ends: each contender with each store that it can have."""
    with ExitStack() as stack:
        postgres = stack.enter_context(servers.postgres())
        redis = stack.enter_context(servers.redis())
        found = []
        for number, (contender, store) in enumerate(_entries()):
            name = f"benchmarks_{number}"
            environ = {"BENCHMARKS_DATABASE": sites.create_database(postgres, "postgresql", name)}
            if store == REDIS:
                environ["BENCHMARKS_REDIS"] = f"{redis.rpartition('/')[0]}/{number}"
            sites.manage(environ, "migrate", "--run-syncdb", "--verbosity=0")
            found.append(stack.enter_context(sites.serve(contender, store, environ)))
        yield found


def _entries():
    names = {OWNED.name, OURS.name, "django-formtools", "django-gandalf"}
    for contender in all_contenders():
        if contender.name in names:
            yield contender, POSTGRESQL
            if contender is not OWNED:  # its answers are in the database, wherever the session is
                yield contender, REDIS


def _take_turn(site, seconds):
    """Let the visitors walk at one site for so many seconds."""
    turn, began, cpu = Turn(), time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(CLIENTS) as pool:
        walks = [pool.submit(_walk, site, began + seconds) for _ in range(CLIENTS)]
    for walk in walks:
        for page in walk.result():
            for exchange in page:
                turn.seconds[exchange.method].append(exchange.seconds)
    took = time.perf_counter() - began
    turn.journeys = len(turn.seconds["POST"]) / PAGES / took
    turn.visitors_share = (time.process_time() - cpu) / took
    return turn


def _walk(site, end):
    """Walk until the time is over; return the exchanges of each page."""
    pages = []
    while time.perf_counter() < end:
        walked = Visitor(asking(site.host)).walk()
        if len(walked) != PAGES:
            raise AssertionError(f"{len(walked)} pages were shown in place of {PAGES}.")
        pages += walked
    return pages


def tables(turns):
    """Yield the table of what the visitors got."""
    base = {site.store: each for site, each in turns.items() if site.contender.name == "django-formtools"}
    header = ["", "Tasks and sessions in", "Journeys a second", "Of formtools"]
    header += [f"{method}, {percent} % within" for method in ("GET", "POST") for percent in PERCENTAGES]
    rows = []
    for site, each in turns.items():
        journeys = statistics.median(turn.journeys for turn in each)
        row = [site.contender.name, site.store, f"{journeys:.1f}", _relate(each, base.get(site.store))]
        for method in ("GET", "POST"):
            cuts = statistics.quantiles([second for turn in each for second in turn.seconds[method]], n=100)
            row += [f"{cuts[percent - 1] * 1000:.0f} ms" for percent in PERCENTAGES]
        rows.append(row)
    share = statistics.median(turn.visitors_share for each in turns.values() for turn in each)
    title = (
        f"Journeys of {PAGES} pages, {CLIENTS} visitors at a time, {sites.WORKERS} processes "
        f"(the visitors took {share:.0%} of a processor)"
    )
    yield title, header, rows


def _relate(turns, base):
    if base is None:
        return "–"
    return f"{statistics.median(one.journeys / other.journeys for one, other in zip(turns, base, strict=True)):.2f}"
