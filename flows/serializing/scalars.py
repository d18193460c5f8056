"""Values that contain no other values, but for the bounds of ranges: to JSON and back."""

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
from functools import partial
from typing import Any

from ..exceptions import NotStorable, NotStorableValue, StateDamaged

TAG = "~"

#: Integers of more bits are written in hexadecimal: Python limits the decimal digits it converts.
PLAIN_INTEGER_BITS = 1024

#: The classes of ranges of PostgreSQL. psycopg has one for all, psycopg2 one for each. Django imports both under these
#: names.
RANGES = ("Range", "DateRange", "DateTimeRange", "DateTimeTZRange", "NumericRange")


def tagged(tag: str, value: Any) -> dict[str, Any]:
    return {TAG: tag, "v": value}


def dotted_path(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


# Values may be of a subclass, whose own methods are not to be asked.


def _pack_str(value: str, path: str) -> Any:
    value = str.__str__(value)
    try:
        value.encode()
    except UnicodeEncodeError:  # lone surrogates: JSON would join a pair of them
        return tagged("str", _to_base64(value.encode("utf-8", "surrogatepass")))
    return value


def _pack_int(value: int, path: str) -> Any:
    value = int.__int__(value)
    return value if value.bit_length() <= PLAIN_INTEGER_BITS else tagged("int", hex(value))


def _finite(value: Any, path: str, is_finite: Callable[[Any], bool]) -> Any:
    if is_finite(value):
        return value
    raise NotStorableValue(
        f"{path} is the {type(value).__name__} {value}, which a task cannot keep. Keep None or a text in its place."
    )


def _take_moment_apart(value: datetime.datetime | datetime.time) -> list[Any]:
    # With the name of the time zone: an ISO text holds only its offset.
    zone = value.tzinfo.key if isinstance(value.tzinfo, zoneinfo.ZoneInfo) else None
    return [(value.replace(tzinfo=None) if zone else value).isoformat(), zone, value.fold]


def _make_moment(kind: Any, packed: Any) -> Any:
    text, zone, fold = packed
    moment = kind.fromisoformat(text).replace(fold=fold)
    return moment.replace(tzinfo=zoneinfo.ZoneInfo(zone)) if zone else moment


def _to_base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


_from_base64 = partial(base64.b64decode, validate=True)


def _pack_memoryview(value: memoryview, path: str) -> Any:
    if value.format == "B" and value.ndim == 1:
        return tagged("memoryview", _to_base64(value.tobytes()))
    raise NotStorableValue(
        f"{path} is a memoryview of other than bytes, which a task cannot keep. Keep a list or bytes in its place."
    )


def _pack_enum(value: enum.Enum, path: str) -> Any:
    """Return a member by the path of its class and its name; flags, which can be combined, by their number."""
    kind = type(value)
    if _find_enum(kind.__module__, kind.__qualname__) is not kind:
        raise NotStorable(
            f"{path} is a member of {dotted_path(kind)}, which is no class of a module, so a task cannot keep it. "
            f"Define it there, or register it with flows.types.register_type({kind.__name__}, to_json=…, from_json=…)."
        )
    key = value.value if isinstance(value, enum.Flag) else value.name
    return tagged("enum", [kind.__module__, kind.__qualname__, key])


def _unpack_enum(packed: Any) -> Any:
    module, qualname, key = packed
    kind = _find_enum(module, qualname)
    if kind is None:
        raise StateDamaged(
            f"A value is kept as a member of {module}.{qualname}, and no enum of this name is loaded. "
            f"Register an enum that may move with flows.types.register_type(…, name=…)."
        )
    return kind(key) if issubclass(kind, enum.Flag) else kind[key]


def _find_enum(module: str, qualname: str) -> Any:
    """Return an enum by its name, if its module is loaded. Imports no module and runs no code of one."""
    found: Any = sys.modules.get(module)
    for name in qualname.split("."):
        found = getattr(found, "__dict__", {}).get(name)
    return found if isinstance(found, enum.EnumMeta) else None


def is_range(value: Any) -> bool:
    # Do not import it here: if nobody imported it, no value is a range.
    driver = sys.modules.get("django.db.backends.postgresql.psycopg_any")
    return driver is not None and isinstance(value, driver.Range)


def take_range_apart(value: Any, path: str) -> tuple[str, Any, Any, str | None]:
    """Return the name of the class, the bounds, and which of them are included: None for an empty range."""
    name = type(value).__name__
    return name if name in RANGES else RANGES[0], value.lower, value.upper, value._bounds or None


def make_range(name: str, lower: Any, upper: Any, bounds: str | None) -> Any:
    from django.db.backends.postgresql import psycopg_any

    kind = getattr(psycopg_any, RANGES[RANGES.index(name)])
    return kind(empty=True) if bounds is None else kind(lower, upper, bounds)


PACKERS: dict[type, Callable[[Any, str], Any]] = {
    str: _pack_str,
    int: _pack_int,
    float: lambda value, path: float.__float__(_finite(value, path, math.isfinite)),
    bytes: lambda value, path: tagged("bytes", _to_base64(value)),
    memoryview: _pack_memoryview,
    Decimal: lambda value, path: tagged("decimal", str(Decimal(_finite(value, path, Decimal.is_finite)))),
    uuid.UUID: lambda value, path: tagged("uuid", value.hex),
    datetime.datetime: lambda value, path: tagged("datetime", _take_moment_apart(value)),
    datetime.date: lambda value, path: tagged("date", value.isoformat()),
    datetime.time: lambda value, path: tagged("time", _take_moment_apart(value)),
    datetime.timedelta: lambda value, path: tagged("timedelta", [value.days, value.seconds, value.microseconds]),
    enum.Enum: _pack_enum,
}

UNPACKERS: dict[str, Callable[[Any], Any]] = {
    "str": lambda packed: _from_base64(packed).decode("utf-8", "surrogatepass"),
    "int": lambda packed: int(packed, 16),
    "bytes": _from_base64,
    "memoryview": lambda packed: memoryview(_from_base64(packed)),
    "enum": _unpack_enum,
    "decimal": Decimal,
    "uuid": lambda packed: uuid.UUID(hex=packed),
    "date": datetime.date.fromisoformat,
    "datetime": partial(_make_moment, datetime.datetime),
    "time": partial(_make_moment, datetime.time),
    "timedelta": lambda packed: datetime.timedelta(*packed),
}
