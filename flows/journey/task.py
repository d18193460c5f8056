"""One visitor's run through one flow, to and from a plain dict."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

from ..config import config
from ..exceptions import TaskTooLarge
from ..tree.positions import Position
from .document import LIVE, Codec
from .route import ANY, CHOSEN, Route, get_way
from .submissions import ROOM, Submissions

#: Characters of a query that is kept with a page.
MOST_OF_QUERY = 1_000


class Task(Submissions):
    """What is kept between two requests: the state, the answers, the route."""

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
        """Begin the way of choices of a scaffold again with a child, or let it follow one that let any follow."""
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

    def mark_done(self, place: Position) -> None:
        """Note that a page is answered, or that ``prepare()`` completed a scaffold."""
        if place.is_action:
            self.mark_answered(place.key)
        else:
            self._put_in("passed", place.key, 1)

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
        """Note that nothing is left to do of what is pending, whatever did the rest: it is not done again."""
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
