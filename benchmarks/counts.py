"""What is counted of one request: SQL by kind, bytes written, forms validated, memory."""

import tracemalloc
from collections import Counter
from contextlib import contextmanager

from django.db import connection

from .forms import PageForm


@contextmanager
def counting():
    """Yield a counter of SQL statements by their first word, and of ``bytes`` written and ``validated`` forms.

    When the block ends, ``peak`` is the most bytes of memory that were taken at a time.
    """
    counts, before = Counter(), PageForm.validated

    def count(execute, sql, params, many, context):
        kind = sql.split(None, 1)[0]
        counts[kind] += 1
        if kind in ("INSERT", "UPDATE"):
            counts["bytes"] += sum(len(str(value)) for value in params)
        return execute(sql, params, many, context)

    tracemalloc.start()
    try:
        with connection.execute_wrapper(count):
            yield counts
        counts["peak"] = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    counts["validated"] = PageForm.validated - before


def add(several):
    """Return what is counted of several requests, one after the other."""
    total = sum(several, start=Counter())
    total["peak"] = max(counts["peak"] for counts in several)
    return total


def say(counts):
    """Return how many statements of which kind there were, as in ``2 SELECT, 1 UPDATE``."""
    kinds = [name for name in counts if name.isupper()]
    return ", ".join(f"{counts[name]} {name}" for name in sorted(kinds)) or "none"
