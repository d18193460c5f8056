"""What running a request comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.http.response import HttpResponseBase

from ..tree.positions import Position


@dataclass(frozen=True)
class Shown:
    """A response of the project's is the answer; the task goes on."""

    response: HttpResponseBase


@dataclass(frozen=True)
class LedOn:
    """The visitor is led to a page."""

    page: Position
    query: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Closed:
    """The page is not open to the visitor, who is led to where they are."""

    page: Position


@dataclass(frozen=True)
class Ended:
    """The task is at its end, with a response of the project's or without one."""

    response: HttpResponseBase | None = None


Result: TypeAlias = Shown | LedOn | Closed | Ended
