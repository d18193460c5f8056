"""The document of a task as JSON text. Only what is used is decoded, and only what changed is encoded again.

The two parts that grow with each page have a line each: the answers, and the results of submissions. For most of
their entries, a request only needs to know whether they are there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from django.views.decorators.debug import sensitive_variables

from ..config import config
from ..exceptions import StateDamaged, TaskTooLarge
from .codec import from_json, write
from .scalars import TAG

#: The parts that have a line of their own, in this order, after all others.
SECTIONS = ("answers", "submissions")
LAYOUT = re.compile(r'(.*),\n"answers":(\{.*\}),\n"submissions":(\{.*\})\}')


class Section(MutableMapping[str, Any]):
    """A JSON object as text. It is decoded only if it may have the entry that is needed."""

    def __init__(self, text: str) -> None:
        #: None if it must be encoded again.
        self._text: str | None = text
        self._tree: dict[str, Any] | None = None

    def __getitem__(self, key: str) -> Any:
        if not self._may_have(key):
            raise KeyError(key)
        return self._decoded()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if self._text is None or self._may_have(key):
            self._decoded()[key] = value
            self._text = None
            return
        entry = f"{write(key)}:{write(value)}"
        self._text = f"{self._text[:-1]},{entry}}}" if self._text != "{}" else f"{{{entry}}}"
        if self._tree is not None:
            self._tree[key] = value

    def __delitem__(self, key: str) -> None:
        del self._decoded()[key]
        self._text = None

    def __iter__(self) -> Iterator[str]:
        return iter(self._decoded())

    def __len__(self) -> int:
        return len(self._decoded())

    @property
    def size(self) -> int:
        """The bytes of the text that was read, and of what was added to it."""
        return len(self._text or "")

    def to_text(self) -> str:
        return write(self._tree) if self._text is None else self._text

    def _may_have(self, key: str) -> bool:
        """Return whether a key may be there: each key of a JSON object can be found in its text."""
        return self._text is None or f"{write(key)}:" in self._text

    def _decoded(self) -> dict[str, Any]:
        if self._tree is None:
            self._tree = from_json(self._text or "")
        return self._tree


class Document(dict[str, Any]):
    """A JSON object from `from_text`. It knows the length of its text, so that no one needs to encode it again."""

    length = 0


@sensitive_variables()  # what was said is not to be in a report of what cannot be kept
def to_text(document: Any) -> str:
    """Return the text of the document of a task. Raises `TaskTooLarge`, naming the largest part."""
    text, limit = _write(document), config.MAX_STATE_BYTES
    if limit is None or len(text) <= limit:
        return text
    path, size = _find_largest(document)
    raise TaskTooLarge(
        f"The task would be {len(text)} bytes long, {size} of them for {path}, and FLOWS_MAX_STATE_BYTES is {limit}. "
        f"Keep a reference to it, such as a model instance, or set a higher limit."
    )


def from_text(text: str) -> Any:
    """Return the document. Raises `StateDamaged`; damage within a section is found when the section is decoded."""
    if found := LAYOUT.fullmatch(text):
        tree = {**from_json(found[1] + "}"), **dict(zip(SECTIONS, map(Section, found.groups()[1:]), strict=True))}
    elif text.count("\n") == len(SECTIONS):
        raise StateDamaged(f"This is not the JSON of a task: {text!r:.40}.")
    else:
        tree = from_json(text)
    if isinstance(tree, dict):
        tree = Document(tree)
        tree.length = len(text)
    return tree


def _write(document: Any) -> str:
    if not (isinstance(document, dict) and document.keys() >= set(SECTIONS)):
        return write(document)
    head = write({name: part for name, part in document.items() if name not in SECTIONS})
    return ",\n".join([head[:-1], *(f'"{name}":{_write_part(document[name])}' for name in SECTIONS)]) + "}"


def _write_part(part: Any) -> str:
    return part.to_text() if isinstance(part, Section) else write(part)


def _find_largest(tree: Any) -> tuple[str, int]:
    """Return the path and the size of the innermost part of a tree that makes up most of it."""
    path, size = "", len(_write(tree))
    while isinstance(tree, (dict, Section)) and tree and TAG not in tree:
        sizes = {name: len(_write_part(part)) for name, part in tree.items()}
        name = max(sizes, key=sizes.__getitem__)
        if path and sizes[name] < size / 2:
            break
        path, size, tree = f"{path}[{name!r}]" if path else name, sizes[name], tree[name]
    return path, size
