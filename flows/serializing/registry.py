"""Types of a project's own that a task can keep, and how their values are written and read."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from django.db import Error as DatabaseError

from ..exceptions import DefinitionError, NotStorable, StateDamaged


def dotted_path(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


@dataclass(frozen=True)
class RegisteredType:
    name: str
    cls: type
    to_json: Callable[[Any], Any]
    from_json: Callable[[Any], Any]

    def write(self, value: Any, path: str) -> Any:
        """Return what a value is kept as. Raises `NotStorable`."""
        try:
            kept = self.to_json(value)
        except (NotStorable, DatabaseError):
            raise
        except Exception as error:
            raise NotStorable(
                f"{path} is a {dotted_path(type(value))}, and the to_json of '{self.name}' raised {error!r}. "
                f"Correct the function that flows.types.register_type() was given."
            ) from error
        if isinstance(kept, self.cls):
            raise NotStorable(
                f"{path} is a {dotted_path(type(value))}, and the to_json of '{self.name}' returned one again. "
                f"Let it return what the value is made of."
            )
        return kept

    def read(self, kept: Any) -> Any:
        """Return the value. Raises `StateDamaged`."""
        try:
            return self.from_json(kept)
        except (StateDamaged, DatabaseError):
            raise
        except Exception as error:
            raise StateDamaged(
                f"The from_json of '{self.name}' raised {error!r}. "
                f"Let it read what was kept before it was changed, too."
            ) from error


class TypeRegistry:
    """The registered types, by class for writing and by name for reading."""

    def __init__(self, known: Collection[type]) -> None:
        #: The types that the codec can keep without registration.
        self._known = known
        self._by_class: dict[type, RegisteredType] = {}
        self._by_name: dict[str, RegisteredType] = {}

    def register(
        self, cls: Any, *, to_json: Callable[[Any], Any], from_json: Callable[[Any], Any], name: str | None
    ) -> None:
        """Register a type. Raises `DefinitionError`."""
        if not isinstance(cls, type):
            raise DefinitionError(f"register_type() was given {cls!r}, which is not a class. Give it the class.")
        if cls in self._known:
            raise DefinitionError(
                f"{dotted_path(cls)} cannot be registered: tasks keep its values already. Register a class of your own."
            )
        name = name or dotted_path(cls)
        other = self._by_name.get(name)
        # A module that is reloaded makes its classes again.
        if other and dotted_path(other.cls) != dotted_path(cls):
            raise DefinitionError(
                f"{dotted_path(cls)} cannot be registered as '{name}': {dotted_path(other.cls)} is. "
                f"Give it another name=."
            )
        self._by_class[cls] = self._by_name[name] = RegisteredType(name, cls, to_json, from_json)

    def find(self, kind: type) -> RegisteredType | None:
        """Return the registered type of a class: its own, else that of its nearest base."""
        for base in kind.__mro__ if self._by_class else ():
            if base in self._by_class:
                return self._by_class[base]
        return None

    def get(self, name: str) -> RegisteredType:
        """Return the type of a name. Raises `StateDamaged`."""
        if name not in self._by_name:
            raise StateDamaged(
                f"A value is kept as a '{name}', and no type is registered under this name. "
                f"Register it with flows.types.register_type(…, name='{name}')."
            )
        return self._by_name[name]
