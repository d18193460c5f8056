"""One visitor's run through one flow, to and from a plain dict."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any, Protocol

from .config import config
from .exceptions import StateDamaged, TaskTooLarge
from .results import keep_latest, shorten

#: The keys of the document of a task that has ended, and of one that has not.
ENDED = {"flow", "ended"}
LIVE = {
    "flow",
    "state",
    "answers",
    "done",
    "trail",
    "kwargs",
    "on_complete",
    "submissions",
    "renderings",
    "spent",
    "choices",
}

#: Bytes that answers leave for what is noted of their submission: where it led, what is claimed, and the URLs of both.
ROOM = 10_000
#: Of how many bytes a tenth is for what submissions came to, in a task without a limit.
MOST_OF_RESULTS = 1_000_000


class Codec(Protocol):
    """What turns Python values into a tree that JSON can hold, and back."""

    def pack(self, value: Any, path: str) -> Any: ...

    def unpack(self, tree: Any) -> Any: ...

    def write(self, tree: Any) -> str: ...


class Task:
    """What is kept between two requests: the state, the answers, the trail.

    ``document`` is the plain dict, with values packed by ``codec``. They are unpacked when they are asked for,
    so a request costs what it uses.
    """

    def __init__(self, task_id: str, document: Any, codec: Codec, *, born: bool) -> None:
        if not isinstance(document, dict) or not (document.keys() >= ENDED or document.keys() >= LIVE):
            raise StateDamaged(f"This is not the document of a task: {document!r:.40}")
        self.id = task_id
        self.born = born
        self._document = document
        self._codec = codec
        self._changed = False
        self._unpacked_answers: dict[str, Any] = {}
        self._length: int = getattr(document, "length", 0)

    @classmethod
    def begin(
        cls,
        task_id: str,
        flow: str,
        codec: Codec,
        *,
        kwargs: Mapping[str, Any],
        state: Mapping[str, Any] | None = None,
        on_complete_url: str | None = None,
    ) -> Task:
        """Return a task that has not been kept yet."""
        document: dict[str, Any] = {
            "flow": flow,
            "state": codec.pack(dict(state or {}), "state"),
            "answers": {},
            "done": {},
            "trail": [],
            "kwargs": codec.pack(dict(kwargs), "kwargs"),
            "on_complete": on_complete_url,
            "submissions": {},
            "renderings": {},
            "spent": [],
            "choices": {},
        }
        return cls(task_id, document, codec, born=False)

    @property
    def flow(self) -> str:
        """Which flow of which handler this is a run through."""
        return str(self._document["flow"])

    @cached_property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._codec.unpack(self._document["state"])
        return state

    @cached_property
    def kwargs(self) -> dict[str, Any]:
        """The route arguments the task was begun with."""
        kwargs: dict[str, Any] = self._codec.unpack(self._document["kwargs"])
        return kwargs

    @property
    def on_complete_url(self) -> str | None:
        url: str | None = self._document["on_complete"]
        return url

    # Where the visitor has been

    @property
    def done(self) -> Collection[str]:
        """The names of the positions that have completed."""
        done: dict[str, int] = self._document["done"]
        return done.keys()

    @property
    def trail(self) -> tuple[str, ...]:
        """The names of the positions the visitor saw, in order; the last is where he is."""
        return tuple(self._document["trail"])

    def mark_done(self, name: str) -> None:
        if name not in self._document["done"]:
            self._document["done"][name] = 1
            self._changed = True

    def walk_to(self, name: str) -> None:
        """Note that the visitor looks at a position, unless it is on the trail already."""
        if name not in self._document["trail"]:
            self._document["trail"].append(name)
            self._changed = True

    def lead(self, origin: str, target: str) -> None:
        """Note that a submission at ``origin`` led to ``target``: what came after either is no longer ahead."""
        self.walk_to(origin)
        trail = self._document["trail"]
        del trail[trail.index(origin) + 1 :]
        if target in trail:
            del trail[trail.index(target) + 1 :]
        else:
            trail.append(target)
        self._changed = True

    @property
    def choices(self) -> Mapping[str, str]:
        """What followed each child of a scaffold without a transition; under its name and a slash the first of them."""
        choices: Mapping[str, str] = self._document["choices"]
        return choices

    def choose(self, scaffold: str, child: str, chosen: str, *, is_first: bool) -> None:
        """Note what follows a child of a scaffold. ``is_first`` begins a way anew; others are kept."""
        noted = {child: chosen, **({f"{scaffold}/": child} if is_first else {})}
        if not noted.items() <= self.choices.items():
            self._document["choices"].update(noted)
            self._changed = True

    def carry(self, kwargs: Mapping[str, Any]) -> None:
        """Remember route arguments for the links to come."""
        packed = self._codec.pack({**self.kwargs, **kwargs}, "kwargs")
        if packed != self._document["kwargs"]:
            self._document["kwargs"] = packed
            self.__dict__.pop("kwargs", None)
            self._changed = True

    # What the visitor said

    @property
    def answered(self) -> Collection[str]:
        """The names of the positions whose answers are remembered."""
        answers: dict[str, Any] = self._document["answers"]
        return answers.keys()

    def answers_at(self, name: str) -> Any:
        if name not in self._unpacked_answers:
            self._unpacked_answers[name] = self._codec.unpack(self._document["answers"][name])
        return self._unpacked_answers[name]

    def remember(self, name: str, answers: Any) -> None:
        """Keep the answers given at a position. Raises `NotStorable`."""
        path = f"answers[{name!r}]"
        packed = self._codec.pack(answers, path)
        if config.MAX_STATE_BYTES is not None:
            self._make_room(path, packed, self._document["answers"].get(name))
        self._document["answers"][name] = packed
        self._unpacked_answers.pop(name, None)
        self._changed = True

    def _make_room(self, path: str, packed: Any, before: Any) -> None:
        """Measure the task with answers in the place of earlier ones. Raises `TaskTooLarge`.

        What else this request changes is not measured before all is written.
        """
        length = self._length + len(self._codec.write(packed)) - len(self._codec.write(before))
        if length > config.MAX_STATE_BYTES - ROOM:
            raise TaskTooLarge(
                f"With {path} the task would be {length} bytes long, and FLOWS_MAX_STATE_BYTES is "
                f"{config.MAX_STATE_BYTES}. Bound what the form takes, or set a higher limit."
            )
        self._length = length

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

    def rendering(self, name: str) -> int:
        """Return how often a page was shown anew after a submission that carried no token of its rendering."""
        return int(self._document["renderings"].get(name, 0))

    def spend(self, name: str) -> None:
        """Note that the present rendering of a page was submitted without a token."""
        if name not in self._document["spent"]:
            self._document["spent"].append(name)
            self._changed = True

    def show(self, name: str) -> None:
        """Note that a page is shown: what is submitted from now on is another submission."""
        if name in self._document["spent"]:
            self._document["spent"].remove(name)
            self._document["renderings"][name] = self.rendering(name) + 1
            self._changed = True

    # What a submission has begun

    @property
    def claim(self) -> Mapping[str, str] | None:
        """What is being executed outside of the task's transaction: ``submission``, ``position``, ``place``, ``url``.

        ``place`` is what is being run, the action at ``position`` or a scaffold that it completes.
        """
        claim: Mapping[str, str] | None = self._document.get("claim")
        return claim

    def make_claim(self, **claim: str) -> None:
        self._document["claim"] = claim
        self._changed = True

    def drop_claim(self) -> None:
        if self._document.pop("claim", None) is not None:
            self._changed = True

    def resume_at(self, position: str) -> tuple[str, bool] | None:
        """Return where a submission at ``position`` goes on that came half way: a place, and whether that is done."""
        half = self._document.get("half_done", {}).get(position)
        return (half[0], half[1]) if half else None

    def do_half(self, position: str, place: str, submission: str, *, done: bool = False) -> None:
        """Note that a submission at ``position`` is executed up to ``place``, which is done or comes next."""
        self._document.setdefault("half_done", {})[position] = [place, done, submission]
        self._changed = True

    def do_rest(self, position: str, led_to: str) -> None:
        """Note that nothing is left to do of what was submitted at ``position``, and that it led to another one."""
        half = self._document.get("half_done", {}).pop(position, None)
        if half is not None:
            # Whatever did the rest: sent again, it is not executed anew.
            self.record(half[2], {"position": led_to})

    # Keeping and ending

    @property
    def ended(self) -> bool:
        return "ended" in self._document

    @property
    def ended_at(self) -> str:
        """The URL that an ended task led to."""
        return str(self._document["ended"])

    def end(self, url: str) -> None:
        """Forget everything but where the task led."""
        self._document = {"flow": self.flow, "ended": url}
        for name in ("state", "kwargs"):
            self.__dict__.pop(name, None)
        self._changed = True

    @property
    def changed(self) -> bool:
        """Whether the task differs from what was read. Raises `NotStorable`."""
        # As text, since 1, 1.0 and True are equal in Python and three things in JSON.
        return self._changed or (
            "state" in self.__dict__
            and json.dumps(self._codec.pack(self.state, "state")) != json.dumps(self._document["state"])
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the plain dict to keep. Raises `NotStorable`."""
        if "state" in self.__dict__:
            self._document["state"] = self._codec.pack(self.state, "state")
        return self._document
