"""One visitor's run through one flow, to and from a plain dict."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any, Protocol

from ..config import config
from ..exceptions import StateDamaged, TaskTooLarge
from .results import keep_latest, shorten
from .route import ANY, CHOSEN, Route, get_way

#: The keys of the document of a task that has ended, and of one that has not.
ENDED = {"flow", "ended"}
LIVE: dict[str, Any] = {
    "answers": {},  # by key
    "reopened": {},  # keys of pages that have answers and are open
    "queries": {},  # by key, what else stood in the URL of a page
    "choices": {},  # by key; under a closing key where the choices of a scaffold begin
    "completed": {},  # keys of scaffolds whose complete() ran
    "passed": {},  # keys of scaffolds that prepare() completed
    "route": None,
    "seen": None,  # the key of the page that was shown last, where several are open
    "submissions": {},
    "renderings": {},
    "submitted": {},
}

#: Bytes that answers leave for what is noted of their submission: where it led, what is claimed, and the URLs of both.
ROOM = 10_000
#: Of how many bytes a tenth is for what submissions came to, in a task without a limit.
MOST_OF_RESULTS = 1_000_000
#: Characters of a query that is kept with a page.
MOST_OF_QUERY = 1_000


class Codec(Protocol):
    """What turns Python values into a tree that JSON can hold, and back."""

    def pack(self, value: Any, path: str) -> Any: ...

    def unpack(self, tree: Any) -> Any: ...

    def write(self, tree: Any) -> str: ...


class Task:
    """What is kept between two requests: the state, the answers, the route.

    ``document`` is the plain dict, with values packed by ``codec``. They are unpacked when they are asked for,
    so a request costs what it uses.
    """

    def __init__(self, task_id: str, document: Any, codec: Codec, *, is_stored: bool) -> None:
        if not isinstance(document, dict) or not (document.keys() >= ENDED or document.keys() >= LIVE.keys()):
            raise StateDamaged(f"This is not the document of a task: {document!r:.40}")
        self.id = task_id
        self.is_stored = is_stored
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
            "kwargs": codec.pack(dict(kwargs), "kwargs"),
            "on_complete": on_complete_url,
            **{name: dict(value) if value == {} else value for name, value in LIVE.items()},
        }
        return cls(task_id, document, codec, is_stored=False)

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

    def merge_kwargs(self, kwargs: Mapping[str, Any]) -> None:
        """Remember route arguments for the links to come."""
        if self._put("kwargs", self._codec.pack({**self.kwargs, **kwargs}, "kwargs")):
            self.__dict__.pop("kwargs", None)

    @property
    def on_complete_url(self) -> str | None:
        url: str | None = self._document["on_complete"]
        return url

    # Where the visitor is

    @cached_property
    def route(self) -> Route | None:
        """The route as it was walked last; None where nothing was said yet."""
        kept = self._document["route"]
        return Route.from_list(kept) if kept else None

    def keep_route(self, route: Route | None) -> None:
        self._put("route", route.to_list() if route else None)
        self.__dict__["route"] = route

    @property
    def last_seen(self) -> str | None:
        """The key of the page that was shown or sent last, where that tells where the visitor is."""
        key: str | None = self._document["seen"]
        return key

    def mark_seen(self, key: str) -> None:
        self._put("seen", key)

    @property
    def choices(self) -> Mapping[str, str]:
        """What followed each child of a scaffold in which the actions decide, by key; see `route.Walk`."""
        choices: Mapping[str, str] = self._document["choices"]
        return choices

    def choose(self, key: str, chosen: str) -> None:
        """Note what follows a child of a scaffold. What others chose is kept."""
        self._put_in("choices", key, chosen)

    def put_on_way(self, closing_key: str, key: str, *, after: str | None) -> None:
        """Begin the way of choices of a scaffold anew with a child, or let it follow one that let any follow."""
        self._put_in("choices", closing_key if after is None else after + ANY, key)

    def note_end(self, key: str, end: str) -> None:
        """Note that a page in a scaffold with a transition ended in a redirect of its own, or does so no longer."""
        if end == ANY or key in self.choices:
            self._put_in("choices", key, end)

    def begin_way(self, closing_key: str, key: str) -> None:
        """Note that a child of a scaffold was chosen from outside."""
        if key not in get_way(self.choices, closing_key):
            self._put_in("choices", closing_key, CHOSEN + key)

    # What is done

    def is_answered(self, key: str) -> bool:
        return key in self._document["answers"] and key not in self._document["reopened"]

    def mark_answered(self, key: str) -> None:
        if key not in self._document["answers"]:
            self._put_in("answers", key, self._codec.pack({}, key))
        self._remove("reopened", key)

    def reopen(self, key: str) -> None:
        """Open a page again. Its answers are kept; what it is part of is no longer complete."""
        if key in self._document["answers"]:
            self._put_in("reopened", key, 1)
        self.undo_completion(key)

    def is_completed(self, key: str) -> bool:
        return key in self._document["completed"]

    def mark_completed(self, key: str) -> None:
        self._put_in("completed", key, 1)

    def undo_completion(self, key: str) -> None:
        """Note that something was said, or is to be said again, in all scaffolds which hold a page."""
        for name in ("completed", "passed"):
            for other in list(self._document[name]):
                if key.startswith(f"{other}/"):
                    self._remove(name, other)

    def is_passed(self, key: str) -> bool:
        return key in self._document["passed"]

    def mark_passed(self, key: str) -> None:
        self._put_in("passed", key, 1)

    # What the visitor said

    @property
    def answered(self) -> Collection[str]:
        """The keys under which answers are kept, on the route or not."""
        answers: dict[str, Any] = self._document["answers"]
        return answers.keys()

    def answers_at(self, key: str) -> Any:
        if key not in self._unpacked_answers:
            self._unpacked_answers[key] = self._codec.unpack(self._document["answers"][key])
        return self._unpacked_answers[key]

    def remember(self, key: str, answers: Any) -> None:
        """Keep the answers given at a page, which is open until it is marked as answered. Raises `NotStorable`."""
        path = f"answers[{key!r}]"
        packed, earlier = self._codec.pack(answers, path), self._document["answers"].get(key)
        is_same = earlier is not None and json.dumps(packed) == json.dumps(earlier)
        if not is_same:
            self._check_room(path, packed, earlier)
            self._put_in("answers", key, packed)
            self._unpacked_answers.pop(key, None)
        if not is_same or not self.is_answered(key):
            self.reopen(key)
        else:
            self._put_in("reopened", key, 1)

    def _check_room(self, path: str, packed: Any, earlier: Any) -> None:
        """Measure the task with answers in the place of earlier ones. Raises `TaskTooLarge`.

        What else this request changes is not measured before all is written.
        """
        if config.MAX_STATE_BYTES is None:
            return
        length = self._length + len(self._codec.write(packed)) - len(self._codec.write(earlier))
        if length > config.MAX_STATE_BYTES - ROOM:
            raise TaskTooLarge(
                f"With {path} the task would be {length} bytes long, and FLOWS_MAX_STATE_BYTES is "
                f"{config.MAX_STATE_BYTES}. Bound what the form takes, or set a higher limit."
            )
        self._length = length

    def get_query(self, key: str) -> str:
        """Return what else stood in the URL when a page was sent."""
        return str(self._document["queries"].get(key, ""))

    def keep_query(self, key: str, query: str) -> None:
        if query and len(query) <= MOST_OF_QUERY:
            self._put_in("queries", key, query)
        else:
            self._remove("queries", key)

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
        """Return how often a page was shown anew after a submission that carried no token of its rendering."""
        return int(self._document["renderings"].get(key, 0))

    def mark_submitted(self, key: str) -> None:
        """Note that the present rendering of a page was submitted without a token."""
        self._put_in("submitted", key, 1)

    def mark_rendered(self, key: str) -> None:
        """Note that a page is shown: what is submitted from now on is another submission."""
        if self._remove("submitted", key):
            self._put_in("renderings", key, self.render_count(key) + 1)

    # What a submission has begun

    @property
    def pending(self) -> Mapping[str, Any] | None:
        """What is being executed, and is not recorded as executed yet.

        ``submission`` at ``position``, with its ``url``; ``place`` is what is run next, or being run where the task
        ``is_claimed``: the page itself, or a scaffold that it completes. The page itself ``is_done`` where somebody has
        looked it up after an interruption.
        """
        pending: Mapping[str, Any] | None = self._document.get("pending")
        return pending

    @property
    def is_claimed(self) -> bool:
        """Whether something is being executed outside of the task's transaction, or was interrupted there."""
        return bool(self.pending and self.pending["is_claimed"])

    def set_pending(self, **pending: Any) -> None:
        if self.pending and self.pending["submission"] != pending["submission"]:
            self.drop_pending("")
        self._put("pending", pending)

    def release(self, *, is_done: bool = False) -> None:
        """Note that what was claimed is over. What comes after a page's own effects is still pending."""
        pending = self.pending
        if pending and pending["is_claimed"]:
            self._document.pop("pending")
            if is_done and pending["place"] != pending["position"]:
                self.mark_completed(pending["place"])
                self.keep_route(None)
            if is_done or pending["place"] != pending["position"]:
                self._document["pending"] = {**pending, "is_claimed": False, "is_done": is_done}
            self._changed = True

    def drop_pending(self, led_to: str) -> None:
        """Note that nothing is left to do of what is pending, whatever did the rest: it is not done anew."""
        if pending := self.pending:
            if pending.get("is_done"):
                self.mark_answered(pending["position"])
            self.record(pending["submission"], {"position": led_to})
            self._document.pop("pending")
            self._changed = True

    # Keeping and ending

    @property
    def ended(self) -> bool:
        return "ended" in self._document

    @property
    def ended_at(self) -> str:
        """The URL that an ended task led to."""
        return str(self._document["ended"])

    @property
    def end_page(self) -> dict[str, Any] | None:
        """What the page after the end shows: ``template_name`` and ``context``."""
        return self._codec.unpack(self._document["page"]) if "page" in self._document else None

    def end(self, url: str, page: Mapping[str, Any] | None = None) -> None:
        """Forget everything but where the task led, and what is shown there. Raises `NotStorable`."""
        packed = {"page": self._codec.pack(dict(page), "done()")} if page else {}
        self._document = {"flow": self.flow, "ended": url, **packed}
        for name in ("state", "kwargs", "route"):
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

    # What each change is made of

    def _put(self, name: str, value: Any) -> bool:
        is_new = bool(self._document.get(name) != value)
        if is_new:
            self._document[name], self._changed = value, True
        return is_new

    def _put_in(self, name: str, key: str, value: Any) -> None:
        if key not in self._document[name] or self._document[name][key] != value:
            self._document[name][key], self._changed = value, True

    def _remove(self, name: str, key: str) -> bool:
        if self._document[name].pop(key, None) is None:
            return False
        self._changed = True
        return True
