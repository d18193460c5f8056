"""What a page may show of the journey: ``flow`` in a template."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .choices import counts
from .exceptions import InvalidTarget
from .positions import Position

if TYPE_CHECKING:
    from .components import Scaffold
    from .execution import Execution

DONE, CURRENT, UPCOMING = "done", "current", "upcoming"


@dataclass(frozen=True)
class Step:
    """One entry of a progress bar. ``url`` is None where the visitor cannot go now."""

    title: Any
    status: str
    url: str | None
    position: Position
    children: list[Step] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        return self.status == DONE

    @property
    def is_current(self) -> bool:
        return self.status == CURRENT


class Progress:
    """The journey, seen from the position of the page that is shown. Each attribute is worked out when asked for."""

    def __init__(self, execution: Execution, position: Position) -> None:
        self._execution = execution
        self.position = position

    @property
    def title(self) -> Any:
        return self.position.root.component.title

    @cached_property
    def back_url(self) -> str | None:
        """The last page before this one that the visitor saw and that is still open; None on the first."""
        execution = self._execution
        for place in execution.seen_before(self.position):
            if any(level.component.skip_on_back for level in place.path):
                continue
            if execution.is_open(place):
                return execution.url_of(place)
        return None

    @cached_property
    def steps(self) -> list[Step]:
        """The children of the flow that are not skipped, each with its own children where these are in order."""
        root = self.position.root
        if root.is_action:
            return [Step(root.component.title, CURRENT, self._url(root), root)]
        return self._steps(root)

    def _steps(self, place: Position, is_open: bool = True) -> list[Step]:
        scaffold: Scaffold = self._execution.scaffold(place)
        steps = []
        for child in place.children:
            can_enter = scaffold.transition is None or scaffold.transition.can_enter(scaffold, child.component)
            page = self._execution.first_page(child)
            status = self._status(child)
            # The children of a scaffold without transition are choices: those not taken are no steps.
            if page is None or (scaffold.transition is None and not self._is_taken(child, status)):
                continue
            url = self._url(page) if is_open and can_enter else None
            children = self._children(child, is_open and can_enter)
            steps.append(Step(child.component.title, status, url, child, children))
        return steps

    def _is_taken(self, child: Position, status: str) -> bool:
        return status == CURRENT or (status == DONE and counts(child, self._execution.task))

    def _status(self, place: Position) -> str:
        if place in self.position.path:
            return CURRENT
        return DONE if self._execution.is_done(place) else UPCOMING

    def _children(self, place: Position, is_open: bool) -> list[Step]:
        if place.is_action:
            return []
        steps = self._steps(place, is_open)
        if self._execution.scaffold(place).transition is None:
            # A choice is no step, but what it leads through is.
            return [inner for step in steps for inner in step.children]
        return steps

    def _url(self, page: Position) -> str | None:
        """Return where a page is; None if its route has an argument that is not known yet."""
        try:
            return self._execution.url_of(page)
        except InvalidTarget:
            return None
