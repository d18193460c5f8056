"""Journeys of all contenders, interleaved: what each costs, as a multiple of the reference in the same round."""

import random
import statistics
from dataclasses import dataclass

from .contenders.by_hand import REFERENCE
from .counts import add, counting
from .visitor import Urlconf, Visitor

#: Pages that stand for "the second" and "the last", since one request alone tells little.
AT_EACH_END = 3


@dataclass(frozen=True)
class Spread:
    """A median, and between which values the middle half lies."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values):
        low, median, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
        return cls(median, low, high)


@dataclass(frozen=True)
class Walk:
    """Journeys of one round: seconds of CPU for each, and how much more its last pages cost than its second."""

    seconds: float
    get_growth: float
    post_growth: float


@dataclass(frozen=True)
class Cost:
    """What journeys of one length cost with one contender."""

    #: As a multiple of the reference.
    ratio: Spread
    milliseconds: float
    get_growth: Spread
    post_growth: Spread
    #: The walks, by round.
    walks: list


def walk(urlconf, pages, least=0):
    """Walk one journey, or as many as show at least so many pages: of a short one alone the clock tells too little."""
    with urlconf:
        journeys = [Visitor().walk() for _ in range(max(1, least // pages))]
    if any(len(journey) != pages for journey in journeys):
        raise AssertionError(f"{[len(journey) for journey in journeys]} pages were shown in place of {pages}.")
    seconds = sum(exchange.seconds for journey in journeys for page in journey for exchange in page)
    return Walk(seconds / len(journeys), _growth(journeys[-1], "GET"), _growth(journeys[-1], "POST"))


def _growth(exchanges, method):
    """Return what the last pages cost as a multiple of the second and those after it."""
    costs = [sum(exchange.seconds for exchange in page if exchange.method == method) for page in exchanges]
    return statistics.median(costs[-AT_EACH_END:]) / statistics.median(costs[1 : 1 + AT_EACH_END])


def measure(contenders, pages, *, rounds, least, seed):
    """Return the `Cost` of journeys of so many pages by contender: plain ones, and those under conditions."""
    kinds = [(contender, conditional) for conditional in (False, True) for contender in contenders]
    urlconfs = {kind: Urlconf(kind[0].make(pages, kind[1]), kind[0].session_engine) for kind in kinds}
    walks, order = {kind: [] for kind in kinds}, list(kinds)
    for kind in kinds:
        walk(urlconfs[kind], pages)  # what is made once per process is not counted
    shuffler = random.Random(seed)
    for _ in range(rounds):
        shuffler.shuffle(order)
        for kind in order:
            walks[kind].append(walk(urlconfs[kind], pages, least))
    return tuple(
        {contender: _cost(walks[contender, conditional], walks[REFERENCE, conditional]) for contender in contenders}
        for conditional in (False, True)
    )


def _cost(walks, reference):
    return Cost(
        ratio=relate(walks, reference),
        milliseconds=statistics.median(one.seconds for one in walks) * 1000,
        get_growth=Spread.of([one.get_growth for one in walks]),
        post_growth=Spread.of([one.post_growth for one in walks]),
        walks=walks,
    )


def relate(walks, others):
    """Return what walks cost as a multiple of others, within each round."""
    return Spread.of([one.seconds / base.seconds for one, base in zip(walks, others, strict=True)])


def count(contender, pages):
    """Return what is counted of the last GET and the last POST but one of a journey."""
    with Urlconf(contender.make(pages, False), contender.session_engine):
        exchanges = Visitor(observe=counting).walk()
    # The last POST ends the journey; the one before it is as all others.
    page = exchanges[-2]
    return add([exchange.counts for exchange in page if exchange.method == "GET"]), page[-1].counts
