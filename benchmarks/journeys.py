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
    """One journey: seconds of CPU for all of it, and how much more its last pages cost than its second."""

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


def walk(urlconf, pages):
    with urlconf:
        exchanges = Visitor().walk()
    if len(exchanges) != pages:
        raise AssertionError(f"{len(exchanges)} pages were shown in place of {pages}.")
    seconds = sum(exchange.seconds for page in exchanges for exchange in page)
    return Walk(seconds, _growth(exchanges, "GET"), _growth(exchanges, "POST"))


def _growth(exchanges, method):
    """Return what the last pages cost as a multiple of the second and those after it."""
    costs = [sum(exchange.seconds for exchange in page if exchange.method == method) for page in exchanges]
    return statistics.median(costs[-AT_EACH_END:]) / statistics.median(costs[1 : 1 + AT_EACH_END])


def measure(contenders, pages, *, conditional, rounds, seed):
    """Return the `Cost` of journeys of so many pages, by contender."""
    urlconfs = {contender: Urlconf(contender.make(pages, conditional)) for contender in contenders}
    walks = {contender: [] for contender in contenders}
    order = list(contenders)
    for contender in contenders:
        walk(urlconfs[contender], pages)  # what is made once per process is not counted
    shuffler = random.Random(seed)
    for _ in range(rounds):
        shuffler.shuffle(order)
        for contender in order:
            walks[contender].append(walk(urlconfs[contender], pages))
    return {contender: _cost(walks[contender], walks[REFERENCE]) for contender in contenders}


def _cost(walks, reference):
    return Cost(
        ratio=Spread.of([one.seconds / base.seconds for one, base in zip(walks, reference, strict=True)]),
        milliseconds=statistics.median(one.seconds for one in walks) * 1000,
        get_growth=Spread.of([one.get_growth for one in walks]),
        post_growth=Spread.of([one.post_growth for one in walks]),
        walks=walks,
    )


def relate(costs, contender, other):
    """Return what a contender costs as a multiple of another, within each round."""
    pairs = zip(costs[contender].walks, costs[other].walks, strict=True)
    return Spread.of([one.seconds / base.seconds for one, base in pairs])


def count(contender, pages):
    """Return what is counted of the last GET and the last POST but one of a journey."""
    with Urlconf(contender.make(pages, False)):
        exchanges = Visitor(observe=counting).walk()
    # The last POST ends the journey; the one before it is as all others.
    page = exchanges[-2]
    return add([exchange.counts for exchange in page if exchange.method == "GET"]), page[-1].counts
