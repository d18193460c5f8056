"""Types of a project's own whose values state and answers may hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .serializing.codec import registry


def register_type(
    cls: type, *, to_json: Callable[[Any], Any], from_json: Callable[[Any], Any], name: str | None = None
) -> None:
    """Let tasks keep the values of a class, and of its subclasses that are not registered themselves.

    ``to_json`` is given a value and returns anything that a task can keep. ``from_json`` is given that and returns
    the value. ``name`` is what the type is called where it is kept, by default the dotted path of the class.
    Raises `DefinitionError`.
    """
    registry.register(cls, to_json=to_json, from_json=from_json, name=name)
