"""A thousand flows in one process, beside as many journeys written by hand: what they take to start and to resolve.

``python -m benchmarks.scale.many_flows CONTENDER FLOWS`` measures one of them in a process of its own.
"""

import json
import os
import subprocess
import sys
import time
import tracemalloc

PAGES = 10
FEW = 10
#: URLs that are resolved, of the last flow.
TIMES = 200


def measure(many, rounds):
    """Return the figures of each contender with few flows and with many, by name and number of flows."""
    found = {}
    for _ in range(rounds):
        for name in MAKERS:
            for flows in (FEW, many):
                command = [sys.executable, "-m", "benchmarks.scale.many_flows", name, str(flows)]
                figures = json.loads(subprocess.check_output(command))
                best = found.setdefault((name, flows), figures)
                best.update({what: min(value, best[what]) for what, value in figures.items()})
    return found


def make_ours(flows):
    from django.urls import include, path

    from flows.handler import FlowHandler

    from ..contenders.ours import make_flow

    handler = FlowHandler()
    for number in range(1, flows + 1):
        flow = make_flow(PAGES)
        flow.name, flow.url = f"journey-{number}", f"journey-{number}/"
        handler.register_entry_point(flow)
    return [path("", include(handler.urls))]


def make_by_hand(flows):
    from django.urls import include, path

    from ..contenders.by_hand import OWNED

    return [path(f"journey-{number}/", include(OWNED.make(PAGES, False))) for number in range(1, flows + 1)]


#: What is made of a number of flows.
MAKERS = {"django-flows": make_ours, "by hand, the owner checked": make_by_hand}


def _measure(name, flows):
    import django

    django.setup()
    from django.core.checks import run_checks
    from django.urls import get_resolver

    from ..visitor import Urlconf

    make = MAKERS[name]
    make(1)  # its modules are imported
    tracemalloc.start()
    with Urlconf(make(flows)):
        get_resolver().resolve("/journey-1/")
        memory = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
    began = time.process_time()
    with Urlconf(make(flows)):
        resolver = get_resolver()
        resolver.resolve(f"/journey-{flows}/page-{PAGES}/")
        started = time.process_time() - began
        began = time.process_time()
        problems = run_checks()
        checked = time.process_time() - began
        if problems:
            raise AssertionError(problems)
        return {
            "start": started * 1000,
            "check": checked * 1000,
            "first": _resolve(resolver, 1) * 1_000_000,
            "last": _resolve(resolver, flows) * 1_000_000,
            "memory": memory / 1024 / 1024,
        }


def _resolve(resolver, number):
    """Return the seconds that it takes to resolve a URL of a flow."""
    path = f"/journey-{number}/page-{PAGES}/"
    before = time.process_time()
    for _ in range(TIMES):
        resolver.resolve(path)
    return (time.process_time() - before) / TIMES


def tables(found):
    """Yield the table of what it takes."""
    header = ["", "Flows", "Start", "``manage.py check``", "Resolve a URL of the first", "Of the last", "Memory"]
    rows = [
        [
            name,
            f"{flows:,} of {PAGES} pages",
            f"{figures['start']:.0f} ms",
            f"{figures['check']:.0f} ms",
            f"{figures['first']:.0f} µs",
            f"{figures['last']:.0f} µs",
            f"{figures['memory']:.1f} MB",
        ]
        for (name, flows), figures in found.items()
    ]
    yield "Flows of one process", header, rows


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    print(json.dumps(_measure(sys.argv[1], int(sys.argv[2]))))
