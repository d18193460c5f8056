"""What the visitor said, as an action sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from ..exceptions import InvalidTarget
from ..tree.component import Component
from ..tree.positions import Position
from .task import Task


class Seen(Protocol):
    """A route, or one that is being walked."""

    @property
    def index(self) -> Mapping[str, int]: ...

    @property
    def aside(self) -> Sequence[str]: ...

    def shows(self, key: str, place: Position) -> bool: ...


class Answers(Mapping[Any, Any]):
    """The answers of a task that are on its route, read-only, by action class or by the name of a position.

    A class that stands in several places means the nearest to the component that asks. In a template, where
    hyphens and slashes cannot be written, the last name of a position will do, with underscores for
    hyphens and dots: ``{{ answers.choose_item.quantity }}``.
    """

    def __init__(self, task: Task, position: Position, seen: Seen) -> None:
        self._task = task
        self._position = position
        self._seen = seen

    def __getitem__(self, key: type[Component] | str) -> Any:
        name = key if isinstance(key, str) else self._name_of(key)
        if not self._is_seen(name):
            # A name with a slash is that of one position: no need to look through all of them.
            found = [] if "/" in name else self._find(name)
            if not found:
                raise KeyError(f"No answers of '{name}' are remembered in this task.")
            if len(found) > 1:
                raise KeyError(f"'{name}' may be any of {', '.join(found)}: name the position that is meant.")
            name = found[0]
        return self._task.answers_at(name)

    def _find(self, name: str) -> list[str]:
        """Return the names of the positions that end in a name, else of those that a template would call so."""
        last_names = {full: full.split("/")[-1] for full in self}
        return [full for full, last in last_names.items() if last == name] or [
            full for full, last in last_names.items() if _for_template(last) == _for_template(name)
        ]

    def _name_of(self, component: type[Component]) -> str:
        try:
            return self._position.nearest(component).key
        except InvalidTarget as error:
            raise KeyError(str(error)) from None

    def _is_seen(self, key: str) -> bool:
        """Return whether what was said at a page counts by now. A page sees its own anyway."""
        return key in self._task.answered and (key == self._position.key or self._seen.shows(key, self._position))

    def __iter__(self) -> Iterator[str]:
        # In the order of the route; what a page said itself comes last, where it is not on it yet.
        keys = dict.fromkeys((*self._seen.index, *self._seen.aside, self._position.key))
        return (key for key in keys if self._is_seen(key))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<Answers of {', '.join(self) or 'nothing'}>"


def _for_template(name: str) -> str:
    return re.sub(r"[.-]", "_", name)
