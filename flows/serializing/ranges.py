"""Ranges of PostgreSQL. Their classes come with its driver, which a project may not have installed."""

from __future__ import annotations

import sys
from typing import Any

#: psycopg has one class for all, psycopg2 one for each. Django imports both under these names.
NAMES = ("Range", "DateRange", "DateTimeRange", "DateTimeTZRange", "NumericRange")


def is_range(value: Any) -> bool:
    # Do not import it here: if nobody imported it, no value is a range.
    driver = sys.modules.get("django.db.backends.postgresql.psycopg_any")
    return driver is not None and isinstance(value, driver.Range)


def take_apart(value: Any) -> tuple[str, Any, Any, str | None]:
    """Return the name of the class, the bounds, and which of them are included: None for an empty range."""
    name = type(value).__name__
    return name if name in NAMES else NAMES[0], value.lower, value.upper, value._bounds or None


def make(name: str, lower: Any, upper: Any, bounds: str | None) -> Any:
    from django.db.backends.postgresql import psycopg_any

    kind = getattr(psycopg_any, NAMES[NAMES.index(name)])
    return kind(empty=True) if bounds is None else kind(lower, upper, bounds)
