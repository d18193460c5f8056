"""The document of a task: a plain dict, whose values are unpacked when they are asked for."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any, Protocol

from ..exceptions import StateDamaged

#: The keys of the document of a task that has ended, and of one that has not.
ENDED = {"flow", "ended"}
LIVE: dict[str, Any] = {
    "answers": {},  # by key
    "reopened": {},  # keys of pages that have answers and are open
    "queries": {},  # by key, what else stood in the URL of a page
    "choices": {},  # by key; under a closing key where the choices of a scaffold begin
    "completed": {},  # keys of scaffolds whose complete() ran
    "passed": {},  # keys of scaffolds that prepare() completed
    "route": None,
    "seen": None,  # the key of the page that was shown last, where several are open
    "submissions": {},
    "renderings": {},
    "submitted": {},
}


class Codec(Protocol):
    """What turns Python values into a tree that JSON can hold, and back."""

    def pack(self, value: Any, path: str) -> Any: ...

    def unpack(self, tree: Any) -> Any: ...

    def write(self, tree: Any) -> str: ...


class Document:
    """A plain dict, with values packed by ``codec``, so that a request costs what it uses."""

    def __init__(self, task_id: str, document: Any, codec: Codec, *, is_stored: bool) -> None:
        if not isinstance(document, dict) or not (document.keys() >= ENDED or document.keys() >= LIVE.keys()):
            raise StateDamaged(f"This is not the document of a task: {document!r:.40}")
        self.id = task_id
        self.is_stored = is_stored
        self._document = document
        self._codec = codec
        self._changed = False
        self._unpacked_answers: dict[str, Any] = {}
        self._length: int = getattr(document, "length", 0)

    @cached_property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._codec.unpack(self._document["state"])
        return state

    @property
    def changed(self) -> bool:
        """Whether the task differs from what was read. Raises `NotStorable`."""
        # As text, since 1, 1.0 and True are equal in Python and three things in JSON.
        return self._changed or (
            "state" in self.__dict__
            and json.dumps(self._codec.pack(self.state, "state")) != json.dumps(self._document["state"])
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the plain dict to keep. Raises `NotStorable`."""
        if "state" in self.__dict__:
            self._document["state"] = self._codec.pack(self.state, "state")
        return self._document

    # What each change is made of

    def _put(self, name: str, value: Any) -> bool:
        is_new = bool(self._document.get(name) != value)
        if is_new:
            self._document[name], self._changed = value, True
        return is_new

    def _put_in(self, name: str, key: str, value: Any) -> None:
        if key not in self._document[name] or self._document[name][key] != value:
            self._document[name][key], self._changed = value, True

    def _remove(self, name: str, key: str) -> bool:
        if self._document[name].pop(key, None) is None:
            return False
        self._changed = True
        return True
