"""What components ask of the request that they are part of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from .component import Component
from .positions import Position


class Visit(Protocol):
    """One request of one visitor, for one page of a task."""

    request: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    task: Any
    submission_key: str | None
    earlier_errors: Mapping[str, list[str]] | None

    def get_answers(self, place: Position) -> Any: ...

    def get_progress(self, place: Position) -> Any: ...

    def has_page(self, place: Position) -> bool: ...

    def is_done(self, place: Position) -> bool: ...

    def first_to_do(self, place: Position, before: Position | None) -> Position | None: ...

    def remember_answers(self, place: Position, answers: Any) -> None:
        """Keep the answers of a valid form, and what the guarantee of its action needs before it has effects."""

    def add_errors(self, errors: dict[str, list[str]]) -> None:
        """Note the errors that an action added to a valid form."""

    def get_url(self, place: Position, component: type[Component] | str, query: Mapping[str, Any] | None) -> str: ...

    def get_open_page_before(self, place: Position) -> str: ...
