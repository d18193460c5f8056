"""Values that contain no other values: to JSON and back."""

from __future__ import annotations

import base64
import datetime
import enum
import math
import sys
import uuid
import zoneinfo
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ..exceptions import NotStorable, NotStorableValue, StateDamaged
from .registry import dotted_path

TAG = "~"

#: Integers of more bits are written in hexadecimal: Python limits the decimal digits it converts.
PLAIN_INTEGER_BITS = 1024


def tagged(tag: str, value: Any) -> dict[str, Any]:
    return {TAG: tag, "v": value}


def pack_str(value: str, path: str) -> Any:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:  # lone surrogates: JSON would join a pair of them
            return tagged("str", _to_base64(value.encode("utf-8", "surrogatepass")))
    return value


def _pack_int(value: int, path: str) -> Any:
    return value if value.bit_length() <= PLAIN_INTEGER_BITS else tagged("int", hex(value))


def _pack_float(value: float, path: str) -> float:
    if math.isfinite(value):
        return value
    raise _not_finite(value, path)


def _pack_decimal(value: Decimal, path: str) -> Any:
    if value.is_finite():
        return tagged("decimal", str(value))
    raise _not_finite(value, path)


def _not_finite(value: Any, path: str) -> NotStorableValue:
    return NotStorableValue(
        f"{path} is the {type(value).__name__} {value}, which a task cannot keep. Keep None or a text in its place."
    )


def _zone(value: datetime.datetime | datetime.time) -> str | None:
    """Return the name of the time zone: an ISO text holds only its offset."""
    return value.tzinfo.key if isinstance(value.tzinfo, zoneinfo.ZoneInfo) else None


def _pack_moment(tag: str) -> Callable[[Any, str], Any]:
    def packer(value: Any, path: str) -> Any:
        zone = _zone(value)
        text = (value.replace(tzinfo=None) if zone else value).isoformat()
        return tagged(tag, [text, zone, value.fold])

    return packer


def _unpack_moment(kind: Any) -> Callable[[Any], Any]:
    def unpacker(packed: Any) -> Any:
        text, zone, fold = packed
        moment = kind.fromisoformat(text).replace(fold=fold)
        return moment.replace(tzinfo=zoneinfo.ZoneInfo(zone)) if zone else moment

    return unpacker


def _to_base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _from_base64(packed: str) -> bytes:
    return base64.b64decode(packed, validate=True)


def _pack_memoryview(value: memoryview, path: str) -> Any:
    if value.format == "B" and value.ndim == 1:
        return tagged("memoryview", _to_base64(value.tobytes()))
    raise NotStorableValue(
        f"{path} is a memoryview of other than bytes, which a task cannot keep. Keep a list or bytes in its place."
    )


def pack_enum(value: enum.Enum, path: str) -> Any:
    """Return a member by the path of its class and its name; flags, which can be combined, by their number."""
    kind = type(value)
    if _find_enum(kind.__module__, kind.__qualname__) is not kind:
        raise NotStorable(
            f"{path} is a member of {dotted_path(kind)}, which is no class of a module, so a task cannot keep it. "
            f"Define it there, or register it with flows.types.register_type({kind.__name__}, to_json=…, from_json=…)."
        )
    key = value.value if isinstance(value, enum.Flag) else value.name
    return tagged("enum", [kind.__module__, kind.__qualname__, key])


def _unpack_enum(packed: Any) -> enum.Enum:
    module, qualname, key = packed
    kind = _find_enum(module, qualname)
    if kind is None:
        raise StateDamaged(
            f"A value is kept as a member of {module}.{qualname}, and no enum of this name is loaded. "
            f"Register an enum that may move with flows.types.register_type(…, name=…)."
        )
    member: enum.Enum = kind(key) if issubclass(kind, enum.Flag) else kind[key]
    return member


def _find_enum(module: str, qualname: str) -> Any:
    """Return an enum by its name, if its module is loaded. Imports no module and runs no code of one."""
    found: Any = sys.modules.get(module)
    for name in qualname.split("."):
        found = getattr(found, "__dict__", {}).get(name)
    return found if isinstance(found, enum.EnumMeta) else None


#: Found by the type itself.
PACKERS: dict[type, Callable[[Any, str], Any]] = {
    str: pack_str,
    int: _pack_int,
    float: _pack_float,
    bytes: lambda value, path: tagged("bytes", _to_base64(value)),
    memoryview: _pack_memoryview,
    Decimal: _pack_decimal,
    uuid.UUID: lambda value, path: tagged("uuid", value.hex),
    datetime.datetime: _pack_moment("datetime"),
    datetime.date: lambda value, path: tagged("date", value.isoformat()),
    datetime.time: _pack_moment("time"),
    datetime.timedelta: lambda value, path: tagged("timedelta", [value.days, value.seconds, value.microseconds]),
}

#: Makes a plain value of an instance of a subclass, without the subclass's own methods.
_PLAIN: dict[type, Callable[[Any], Any]] = {
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    Decimal: Decimal,
}


def _pack_as(kind: type) -> Callable[[Any, str], Any]:
    packer, make_plain = PACKERS[kind], _PLAIN.get(kind)
    return (lambda value, path: packer(make_plain(value), path)) if make_plain else packer


#: Found by the first class that a value is an instance of. Members of an enum of texts or dates are texts or dates.
BASES = {**{kind: _pack_as(kind) for kind in PACKERS}, enum.Enum: pack_enum}

UNPACKERS: dict[str, Callable[[Any], Any]] = {
    "str": lambda packed: _from_base64(packed).decode("utf-8", "surrogatepass"),
    "int": lambda packed: int(packed, 16),
    "bytes": _from_base64,
    "memoryview": lambda packed: memoryview(_from_base64(packed)),
    "enum": _unpack_enum,
    "decimal": Decimal,
    "uuid": lambda packed: uuid.UUID(hex=packed),
    "date": datetime.date.fromisoformat,
    "datetime": _unpack_moment(datetime.datetime),
    "time": _unpack_moment(datetime.time),
    "timedelta": lambda packed: datetime.timedelta(*packed),
}
