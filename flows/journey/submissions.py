"""What a task knows of the submissions that were executed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..config import config
from .document import Document

#: Bytes that answers leave for what is noted of their submission: where it led, what is claimed, and the URLs of both.
ROOM = 10_000
#: Of how many bytes a tenth is for what submissions came to, in a task without a limit.
MOST_OF_RESULTS = 1_000_000
#: Characters of an error message that are shown again.
MOST_OF_MESSAGE = 400

Write = Callable[[Any], str]


class Submissions(Document):
    """The part of a task's document that is about submissions."""

    # Which submissions were executed

    def result_of(self, submission: str) -> dict[str, Any] | None:
        """Return what a submission ended in: ``position``, ``url`` or ``errors``. None if it was not executed.

        Of one that is long past the position may be empty: it was executed, and no more is known.
        """
        result: Any = self._document["submissions"].get(submission)
        return {"position": result} if isinstance(result, str) else result

    def record(self, submission: str, result: Mapping[str, Any]) -> None:
        # There is one for each page, and most led to another one.
        is_usual = result.keys() == {"position"}
        results = self._document["submissions"]
        results[submission] = result["position"] if is_usual else shorten(dict(result), ROOM // 2, self._codec.write)
        limit = (config.MAX_STATE_BYTES or MOST_OF_RESULTS) // 10
        if getattr(results, "size", 0) > limit:
            self._document["submissions"] = keep_latest(results, limit // 2, self._codec.write)
        self._changed = True

    def render_count(self, key: str) -> int:
        """Return how often a page was shown again after a submission that carried no token of its rendering."""
        return int(self._document["renderings"].get(key, 0))

    def mark_submitted(self, key: str) -> None:
        """Note that the present rendering of a page was submitted without a token."""
        self._put_in("submitted", key, 1)

    def mark_rendered(self, key: str) -> None:
        """Note that a page is shown: what is submitted from now on is another submission."""
        if self._remove("submitted", key):
            self._put_in("renderings", key, self.render_count(key) + 1)


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
