"""What the library asks of a component. ``Any`` stands for what is of a higher floor, or of Django."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol


class Component(Protocol):
    """An action or a scaffold."""

    name: Any
    url: Any
    title: Any
    preconditions: Any
    skip_on_back: Any
    guarantee: Any
    is_scaffold: ClassVar[bool]
    request: Any

    @property
    def state(self) -> Any: ...

    @classmethod
    def get_children(cls) -> Any: ...

    def prepare(self) -> Any: ...

    def should_skip(self) -> bool: ...

    def handle_response(self, outcome: Any) -> Any: ...

    def turn_back(self) -> Any: ...


class Group(Component, Protocol):
    """A scaffold, as its transition sees it."""

    @property
    def children(self) -> Any: ...

    def is_done(self, child: Any) -> bool: ...

    def is_skipped(self, child: Any) -> bool: ...

    def first_to_do(self, before: Any = None) -> Any: ...
