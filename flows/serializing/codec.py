"""Values to ASCII JSON text and back, with their types; data, never code.

A value that JSON has no type for becomes ``{"~": tag, "v": …}``. A dict that looks like this, and a dict whose keys
are not all strings, get the tag ``dict``. Reading imports nothing and calls nothing by name: a tag is looked up in a
closed table, a project's own type among the registered types, a model among the installed models, an enum among the
loaded enums.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.core.files.base import File
from django.db import Error as DatabaseError
from django.db.models import Model, QuerySet
from django.utils.functional import LazyObject, Promise

from ..config import config
from ..exceptions import NotStorable, NotStorableValue, StateDamaged
from . import ranges, references, scalars
from .references import Reference
from .registry import TypeRegistry, dotted_path
from .scalars import TAG, tagged

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


def pack(value: Any, path: str = "state") -> Any:
    """Return ``value`` as a tree that JSON can hold. Raises `NotStorable`."""
    try:
        tree = _pack(value, path)
    except RecursionError:
        tree = None
    else:
        if _is_shallow(tree):
            return tree
    raise NotStorableValue(
        f"{path} is nested deeper than FLOWS_MAX_STATE_DEPTH, or holds itself, and cannot be kept in a task. "
        f"Keep a flatter value, or a reference to it."
    )


def _is_shallow(tree: Any) -> bool:
    level = [tree]
    for _ in range(min(config.MAX_STATE_DEPTH, MAX_DEPTH)):
        level = [
            child
            for node in level
            if isinstance(node, (list, dict))
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return True
    return False


def _pack(value: Any, path: str) -> Any:
    kind = type(value)
    if value is None or kind is bool:
        return value
    packer = _PACKERS.get(kind)
    if packer is not None:
        return packer(value, path)
    if registered := registry.find(kind):
        return tagged("type", [registered.name, _pack(registered.write(value, path), path)])
    for base, packer in _BASES.items():
        if isinstance(value, base):
            return packer(value, path)
    if ranges.is_range(value):
        return tagged("range", [_pack(part, path) for part in ranges.take_apart(value)])
    raise NotStorable(
        f"{path} is a {dotted_path(kind)}, which a task cannot keep. Say how it is kept with "
        f"flows.types.register_type({kind.__name__}, to_json=…, from_json=…), or keep JSON types, tuple, set, date, "
        f"datetime, time, timedelta, Decimal, UUID, bytes, enum members, model instances or querysets in its place."
    )


def _pack_list(value: list[Any], path: str) -> Any:
    return [_pack(item, f"{path}[{index}]") for index, item in enumerate(value)]


def _pack_tuple(value: tuple[Any, ...], path: str) -> Any:
    return tagged("tuple", [_pack(item, f"{path}[{index}]") for index, item in enumerate(value)])


def _pack_set(value: set[Any] | frozenset[Any], path: str) -> Any:
    # Sorted, so that equal sets make equal texts.
    return tagged(type(value).__name__, sorted((_pack(item, f"{path}{{…}}") for item in value), key=write))


def _pack_dict(value: dict[Any, Any], path: str) -> Any:
    if TAG not in value and all(type(key) is str for key in value):
        packed = {}
        for key, item in value.items():
            if not isinstance(name := scalars.pack_str(key, path), str):
                break
            packed[name] = _pack(item, f"{path}[{key!r}]")
        else:
            return packed
    # With the keys as texts, so that equal dicts make equal trees.
    return tagged("dict", {write(_pack_key(key, path)): _pack(item, f"{path}[{key!r}]") for key, item in value.items()})


def _pack_key(key: Any, path: str) -> Any:
    if key is None or isinstance(key, (str, int)):
        return _pack(key, path)
    raise NotStorable(
        f"{path} has the key {key!r}, a {type(key).__name__}, which a task cannot keep. "
        f"Use str, int, bool or None as keys."
    )


def _pack_model(value: Any, path: str) -> Any:
    label, key, using = references.refer_to_instance(value, path)
    return tagged("model", [label, _pack(key, path), using])


def _pack_queryset(value: Any, path: str) -> Any:
    label, keys, using = references.refer_to_queryset(value, path)
    return tagged("queryset", [label, [_pack(key, path) for key in keys], using])


def _pack_file(value: Any, path: str) -> Any:
    label, field, name, instance = references.refer_to_file(value, path)
    return tagged("file", [label, field, _pack(name, path), _pack(instance, path)])


#: Found by the type itself.
_PACKERS: dict[type, Callable[[Any, str], Any]] = {
    **scalars.PACKERS,
    list: _pack_list,
    dict: _pack_dict,
    tuple: _pack_tuple,
    set: _pack_set,
    frozenset: _pack_set,
    Reference: _pack_model,
}

#: Found by the first class that a value is an instance of. A lazy object is kept as the object it stands for.
_BASES: dict[type, Callable[[Any, str], Any]] = {
    Promise: lambda value, path: _pack(value._proxy____cast(), path),
    LazyObject: lambda value, path: _pack(references.unwrap(value), path),
    **scalars.BASES,
    Model: _pack_model,
    QuerySet: _pack_queryset,
    File: _pack_file,
}

_UNPACKERS: dict[str, Callable[[Any], Any]] = {
    **scalars.UNPACKERS,
    "dict": lambda packed: {_unpack(from_json(key)): _unpack(item) for key, item in packed.items()},
    "tuple": lambda packed: tuple(_unpack(item) for item in packed),
    "set": lambda packed: {_unpack(item) for item in packed},
    "frozenset": lambda packed: frozenset(_unpack(item) for item in packed),
    "model": lambda packed: Reference(*_unpack(packed)),
    "queryset": lambda packed: references.get_queryset(*_unpack(packed)),
    "file": lambda packed: references.get_file(*_unpack(packed)),
    "range": lambda packed: ranges.make(*_unpack(packed)),
    "type": lambda packed: _unpack_registered(*packed),
}

#: The types that a project registered, see `flows.types`.
registry = TypeRegistry(known={object, type(None), bool, *_PACKERS, *_BASES})


def _unpack_registered(name: str, kept: Any) -> Any:
    return registry.get(name).read(_unpack(kept))


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
