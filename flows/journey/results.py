"""What submissions came to, for their duplicates: bounded, however often a page is sent and whatever it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

#: Characters of an error message that are shown again.
MOST_OF_MESSAGE = 400

Write = Callable[[Any], str]


def shorten(result: dict[str, Any], room: int, write: Write) -> Any:
    """Return a result that takes no more than so many bytes; of errors the first, of a long URL that there was one."""
    if len(write(result)) <= room:
        return result
    return {"errors": _shorten_errors(result["errors"], room, write)} if "errors" in result else ""


def _shorten_errors(errors: Mapping[str, Sequence[str]], room: int, write: Write) -> dict[str, list[str]]:
    short: dict[str, list[str]] = {}
    for name, messages in errors.items():
        for message in messages:
            text = message if len(message) <= MOST_OF_MESSAGE else f"{message[:MOST_OF_MESSAGE]}…"
            room -= len(write([name, text]))
            if room < 0:
                return short
            short.setdefault(name, []).append(text)
    return short


def keep_latest(results: Mapping[str, Any], room: int, write: Write) -> dict[str, Any]:
    """Return the latest results, in so many bytes. Of older ones it is kept that they were executed, no more."""
    kept: dict[str, Any] = {}
    for submission, result in reversed(list(results.items())):
        is_long = not isinstance(result, str) and len(write(result)) > room // 2
        entry = {submission: "" if kept and is_long else result}
        room -= len(write(entry))
        if kept and room < 0:
            break
        kept |= entry
    return dict(reversed(kept.items()))
