"""Values to ASCII JSON text and back with their types; data, never code.

What JSON has no type for becomes ``{"~": tag, "v": …}``. A dict that could be taken for one, and a dict whose
keys are not all strings, are written as the tag ``dict``. Nothing is imported or called by name when reading:
a tag is looked up in a closed table, a model among the installed ones.
"""

from __future__ import annotations

import base64
import datetime
import json
import math
import uuid
import zoneinfo
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.db.models import Model, QuerySet
from django.utils.functional import Promise

from ..config import config
from ..exceptions import NotStorable, NotStorableValue, StateDamaged
from .references import Reference, get_queryset, refer_to_instance, refer_to_queryset

TAG = "~"

#: The most that ``FLOWS_MAX_STATE_DEPTH`` may be. Python can read as many levels from wherever in a project that is
#: done.
MAX_DEPTH = 200

#: Integers of more bits are written in hexadecimal: Python limits the decimal digits it converts.
PLAIN_INTEGER_BITS = 1024


def dumps(value: Any, path: str = "state") -> str:
    """Return ``value`` as ASCII JSON. Raises `NotStorable`, naming where in it what is in the way."""
    return write(pack(value, path))


def loads(text: str) -> Any:
    """Return what `dumps` was given. Raises `StateDamaged`."""
    return unpack(from_json(text))


def from_json(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise StateDamaged(f"This is not the JSON of a task: {error}.") from error


#: Returns the text of a tree that JSON can hold.
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
    # Subclasses of text and numbers (choices, enums, safe strings) are kept as what they are made of.
    if issubclass(kind, str):
        return _pack_str(str.__str__(value), path)
    if issubclass(kind, int):
        return _pack_int(int(value), path)
    if isinstance(value, Promise):
        return _pack_str(str(value), path)
    if isinstance(value, Model):
        return _pack_model(value, path)
    if isinstance(value, QuerySet):
        return _pack_queryset(value, path)
    raise _refusal(value, path)


def _refusal(value: Any, path: str) -> NotStorable:
    kind = type(value)
    return NotStorable(
        f"{path} is a {kind.__module__}.{kind.__qualname__}, which a task cannot keep. Keep JSON types, tuple, set, "
        f"date, datetime, time, timedelta, Decimal, UUID, bytes, model instances or querysets in its place."
    )


def _tagged(tag: str, value: Any) -> dict[str, Any]:
    return {TAG: tag, "v": value}


def _pack_str(value: str, path: str) -> Any:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:  # lone surrogates: JSON would join a pair of them
            return _tagged("str", base64.b64encode(value.encode("utf-8", "surrogatepass")).decode())
    return value


def _pack_int(value: int, path: str) -> Any:
    return value if value.bit_length() <= PLAIN_INTEGER_BITS else _tagged("int", hex(value))


def _pack_float(value: float, path: str) -> float:
    if math.isfinite(value):
        return value
    raise _not_finite(value, path)


def _pack_decimal(value: Decimal, path: str) -> Any:
    if value.is_finite():
        return _tagged("decimal", str(value))
    raise _not_finite(value, path)


def _not_finite(value: Any, path: str) -> NotStorableValue:
    return NotStorableValue(
        f"{path} is the {type(value).__name__} {value}, which a task cannot keep. Keep None or a text in its place."
    )


def _pack_list(value: list[Any], path: str) -> Any:
    return [_pack(item, f"{path}[{index}]") for index, item in enumerate(value)]


def _pack_tuple(value: tuple[Any, ...], path: str) -> Any:
    return _tagged("tuple", [_pack(item, f"{path}[{index}]") for index, item in enumerate(value)])


def _pack_set(value: set[Any] | frozenset[Any], path: str) -> Any:
    # Sorted, so that equal sets are equal texts.
    return _tagged(type(value).__name__, sorted((_pack(item, f"{path}{{…}}") for item in value), key=write))


def _pack_dict(value: dict[Any, Any], path: str) -> Any:
    if TAG not in value and all(type(key) is str for key in value):
        packed = {}
        for key, item in value.items():
            if not isinstance(name := _pack_str(key, path), str):
                break
            packed[name] = _pack(item, f"{path}[{key!r}]")
        else:
            return packed
    return _tagged("dict", [[_pack_key(key, path), _pack(item, f"{path}[{key!r}]")] for key, item in value.items()])


def _pack_key(key: Any, path: str) -> Any:
    if key is None or isinstance(key, (str, int)):
        return _pack(key, path)
    raise NotStorable(
        f"{path} has the key {key!r}, a {type(key).__name__}, which a task cannot keep. "
        f"Use str, int, bool or None as keys."
    )


def _zone(value: datetime.datetime | datetime.time) -> str | None:
    """Return the name of the time zone: an ISO text holds only its offset."""
    return value.tzinfo.key if isinstance(value.tzinfo, zoneinfo.ZoneInfo) else None


def _pack_moment(tag: str) -> Callable[[Any, str], Any]:
    def packer(value: Any, path: str) -> Any:
        zone = _zone(value)
        text = (value.replace(tzinfo=None) if zone else value).isoformat()
        return _tagged(tag, [text, zone, value.fold])

    return packer


def _unpack_moment(kind: Any) -> Callable[[Any], Any]:
    def unpacker(packed: Any) -> Any:
        text, zone, fold = packed
        moment = kind.fromisoformat(text).replace(fold=fold)
        return moment.replace(tzinfo=zoneinfo.ZoneInfo(zone)) if zone else moment

    return unpacker


def _pack_model(value: Any, path: str) -> Any:
    label, key, using = refer_to_instance(value, path)
    return _tagged("model", [label, _pack(key, f"{path}.pk"), using])


def _pack_queryset(value: Any, path: str) -> Any:
    label, keys, using = refer_to_queryset(value, path)
    return _tagged("queryset", [label, [_pack(key, path) for key in keys], using])


def _unpack_model(packed: Any) -> Any:
    label, key, using = packed
    return Reference(label, _unpack(key), using)


def _unpack_queryset(packed: Any) -> Any:
    label, keys, using = packed
    return get_queryset(label, [_unpack(key) for key in keys], using)


_PACKERS: dict[type, Callable[[Any, str], Any]] = {
    str: _pack_str,
    int: _pack_int,
    float: _pack_float,
    list: _pack_list,
    dict: _pack_dict,
    tuple: _pack_tuple,
    set: _pack_set,
    frozenset: _pack_set,
    bytes: lambda value, path: _tagged("bytes", base64.b64encode(value).decode()),
    Decimal: _pack_decimal,
    uuid.UUID: lambda value, path: _tagged("uuid", value.hex),
    datetime.date: lambda value, path: _tagged("date", value.isoformat()),
    datetime.datetime: _pack_moment("datetime"),
    datetime.time: _pack_moment("time"),
    datetime.timedelta: lambda value, path: _tagged("timedelta", [value.days, value.seconds, value.microseconds]),
    Reference: _pack_model,
}

_UNPACKERS: dict[str, Callable[[Any], Any]] = {
    "str": lambda packed: base64.b64decode(packed, validate=True).decode("utf-8", "surrogatepass"),
    "int": lambda packed: int(packed, 16),
    "dict": lambda packed: {_unpack(key): _unpack(item) for key, item in packed},
    "tuple": lambda packed: tuple(_unpack(item) for item in packed),
    "set": lambda packed: {_unpack(item) for item in packed},
    "frozenset": lambda packed: frozenset(_unpack(item) for item in packed),
    "bytes": lambda packed: base64.b64decode(packed, validate=True),
    "decimal": Decimal,
    "uuid": lambda packed: uuid.UUID(hex=packed),
    "date": datetime.date.fromisoformat,
    "datetime": _unpack_moment(datetime.datetime),
    "time": _unpack_moment(datetime.time),
    "timedelta": lambda packed: datetime.timedelta(*packed),
    "model": _unpack_model,
    "queryset": _unpack_queryset,
}


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
    except (StateDamaged, RecursionError):
        raise
    except Exception as error:  # whatever a reader makes of a value that no writer wrote
        raise StateDamaged(f"A value tagged {tree.get(TAG)!r} cannot be read: {error!r}.") from error
