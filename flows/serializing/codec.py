"""Values to ASCII JSON text and back, with their types; data, never code.

A value that JSON has no type for becomes ``{"~": tag, "v": …}``. A dict that looks like this, and a dict whose keys
are not all strings, get the tag ``dict``. Reading imports nothing and calls nothing by name: a tag is looked up in a
closed table, a project's own type among the registered types, a model among the installed models, an enum among the
loaded enums.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.core.files.base import File
from django.db import Error as DatabaseError
from django.db.models import Model, QuerySet
from django.utils.functional import LazyObject, Promise

from ..config import config
from ..exceptions import DefinitionError, NotStorable, NotStorableValue, StateDamaged
from . import references, scalars
from .scalars import TAG, dotted_path, tagged

#: The highest value of ``FLOWS_MAX_STATE_DEPTH``. Python can read this many levels, even if the calls of the project
#: are nested deeply already.
MAX_DEPTH = 200


def dumps(value: Any, path: str = "state") -> str:
    """Return ``value`` as ASCII JSON. Raises `NotStorable`, naming the part that cannot be kept."""
    return write(pack(value, path))


def loads(text: str) -> Any:
    """Return what `dumps` was given. Raises `StateDamaged`."""
    return unpack(from_json(text))


def from_json(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise StateDamaged(f"This is not the JSON of a task: {error}.") from error


#: Return the text of a tree that JSON can hold.
write: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode

# To JSON


def pack(value: Any, path: str = "state") -> Any:
    """Return ``value`` as a tree that JSON can hold. Raises `NotStorable`."""
    try:
        tree = _pack(value, path)
        if _is_shallow(tree):
            return tree
    except RecursionError:
        pass
    raise NotStorableValue(
        f"{path} is nested deeper than FLOWS_MAX_STATE_DEPTH, or holds itself, and cannot be kept in a task. "
        f"Keep a flatter value, or a reference to it."
    )


def _is_shallow(tree: Any) -> bool:
    level = [tree]
    for _ in range(min(config.MAX_STATE_DEPTH, MAX_DEPTH)):
        nodes = [node.values() if isinstance(node, dict) else node for node in level if isinstance(node, (dict, list))]
        level = [child for node in nodes for child in node]
        if not level:
            return True
    return False


def _pack(value: Any, path: str) -> Any:
    kind = type(value)
    if value is None or kind is bool or (kind is str and value.isascii()):
        return value
    if packer := _PACKERS.get(kind):
        return packer(value, path)
    for base in kind.__mro__ if _own_packers else ():
        if packer := _own_packers.get(base):
            return packer(value, path)
    for base, packer in _BASES.items():
        if isinstance(value, base):
            return packer(value, path)
    if scalars.is_range(value):
        return _pack_range(value, path)
    raise NotStorable(
        f"{path} is a {dotted_path(kind)}, which a task cannot keep. Say how it is kept with "
        f"flows.types.register_type({kind.__name__}, to_json=…, from_json=…), or keep JSON types, tuple, set, date, "
        f"datetime, time, timedelta, Decimal, UUID, bytes, enum members, model instances or querysets in its place."
    )


def _pack_list(value: Iterable[Any], path: str) -> Any:
    return [_pack(item, f"{path}[{index}]") for index, item in enumerate(value)]


def _pack_set(value: set[Any] | frozenset[Any], path: str) -> Any:
    # Sorted, so that equal sets make equal texts.
    return tagged(type(value).__name__, sorted((_pack(item, f"{path}{{…}}") for item in value), key=write))


def _pack_dict(value: dict[Any, Any], path: str) -> Any:
    packed = {key: _pack(item, f"{path}[{key!r}]") for key, item in value.items()}
    others = [key for key in value if type(key) is not str or _pack(key, path) is not key]
    if TAG not in value and not others:
        return packed
    # With the keys as texts, so that equal dicts make equal trees.
    return tagged("dict", {write(_pack_key(key, path)): item for key, item in packed.items()})


def _pack_key(key: Any, path: str) -> Any:
    if key is None or isinstance(key, (str, int)):
        return _pack(key, path)
    raise NotStorable(
        f"{path} has the key {key!r}, a {type(key).__name__}, which a task cannot keep. "
        f"Use str, int, bool or None as keys."
    )


def _pack_parts(tag: str, take_apart: Callable[[Any, str], Iterable[Any]]) -> Callable[[Any, str], Any]:
    return lambda value, path: tagged(tag, [_pack(part, path) for part in take_apart(value, path)])


_pack_range = _pack_parts("range", scalars.take_range_apart)

#: Found by the type itself.
_PACKERS: dict[type, Callable[[Any, str], Any]] = {
    **scalars.PACKERS,
    list: _pack_list,
    dict: _pack_dict,
    tuple: lambda value, path: tagged("tuple", _pack_list(value, path)),
    set: _pack_set,
    frozenset: _pack_set,
    references.Reference: _pack_parts("model", references.refer_to_instance),
}

#: Found by the first class that a value is an instance of. A lazy object is kept as the object it stands for. Members
#: of an enum of texts or dates are texts or dates.
_BASES: dict[type, Callable[[Any, str], Any]] = {
    Promise: lambda value, path: _pack(value._proxy____cast(), path),
    LazyObject: lambda value, path: _pack(references.unwrap(value), path),
    **scalars.PACKERS,
    Model: _pack_parts("model", references.refer_to_instance),
    QuerySet: _pack_parts("queryset", references.refer_to_queryset),
    File: _pack_parts("file", references.refer_to_file),
}

# From JSON


def unpack(tree: Any) -> Any:
    """Return what `pack` was given. Raises `StateDamaged`."""
    try:
        return _unpack(tree)
    except RecursionError as error:
        raise StateDamaged("What is kept is nested too deeply to be read.") from error


def _unpack(tree: Any) -> Any:
    if isinstance(tree, list):
        return [_unpack(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if TAG not in tree:
        return {key: _unpack(item) for key, item in tree.items()}
    try:
        return _UNPACKERS[tree[TAG]](tree["v"])
    except (StateDamaged, RecursionError, DatabaseError):
        raise
    except Exception as error:  # a reader may raise anything for a value that no writer wrote
        raise StateDamaged(f"A value tagged {tree.get(TAG)!r} cannot be read: {error!r}.") from error


_UNPACKERS: dict[str, Callable[[Any], Any]] = {
    **scalars.UNPACKERS,
    "dict": lambda packed: {_unpack(from_json(key)): _unpack(item) for key, item in packed.items()},
    "tuple": lambda packed: tuple(_unpack(packed)),
    "set": lambda packed: set(_unpack(packed)),
    "frozenset": lambda packed: frozenset(_unpack(packed)),
    "model": lambda packed: references.Reference(*_unpack(packed)),
    "queryset": lambda packed: references.get_queryset(*_unpack(packed)),
    "file": lambda packed: references.get_file(*_unpack(packed)),
    "range": lambda packed: scalars.make_range(*_unpack(packed)),
    "type": lambda packed: _unpack_own(*packed),
}

# Types of a project's own


_own_packers: dict[type, Callable[[Any, str], Any]] = {}
#: By name: the class, and what makes a value of it again.
_own_types: dict[str, tuple[type, Callable[[Any], Any]]] = {}


def register_type(
    cls: type, *, to_json: Callable[[Any], Any], from_json: Callable[[Any], Any], name: str | None = None
) -> None:
    """Let tasks keep the values of a class, and of its subclasses that are not registered themselves.

    ``to_json`` is given a value and returns anything that a task can keep. ``from_json`` is given that and returns
    the value. ``name`` is what the type is called where it is kept, by default the dotted path of the class.
    Raises `DefinitionError`.
    """
    if not isinstance(cls, type):
        raise DefinitionError(f"register_type() was given {cls!r}, which is not a class. Give it the class.")
    if cls in {object, type(None), bool, *_PACKERS, *_BASES}:
        raise DefinitionError(
            f"{dotted_path(cls)} cannot be registered: tasks keep its values already. Register a class of your own."
        )
    name = name or dotted_path(cls)
    other, _ = _own_types.get(name, (cls, None))
    # A module that is reloaded makes its classes again.
    if dotted_path(other) != dotted_path(cls):
        raise DefinitionError(
            f"{dotted_path(cls)} cannot be registered as '{name}': {dotted_path(other)} is. Give it another name=."
        )
    _own_packers[cls] = partial(_pack_own, name, cls, to_json)
    _own_types[name] = cls, from_json


def _pack_own(name: str, cls: type, to_json: Callable[[Any], Any], value: Any, path: str) -> Any:
    try:
        kept = to_json(value)
    except (NotStorable, DatabaseError):
        raise
    except Exception as error:
        raise NotStorable(
            f"{path} is a {dotted_path(type(value))}, and the to_json of '{name}' raised {error!r}. "
            f"Correct the function that flows.types.register_type() was given."
        ) from error
    if isinstance(kept, cls):
        raise NotStorable(
            f"{path} is a {dotted_path(type(value))}, and the to_json of '{name}' returned one again. "
            f"Let it return what the value is made of."
        )
    return tagged("type", [name, _pack(kept, path)])


def _unpack_own(name: str, packed: Any) -> Any:
    if name not in _own_types:
        raise StateDamaged(
            f"A value is kept as a '{name}', and no type is registered under this name. "
            f"Register it with flows.types.register_type(…, name='{name}')."
        )
    (_, from_json), kept = _own_types[name], _unpack(packed)
    try:
        return from_json(kept)
    except (StateDamaged, DatabaseError):
        raise
    except Exception as error:
        raise StateDamaged(
            f"The from_json of '{name}' raised {error!r}. Let it read what was kept before it was changed, too."
        ) from error
