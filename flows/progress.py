"""What a page may show of the journey: ``flow`` in a template."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

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

    def _steps(self, place: Position) -> list[Step]:
        scaffold: Scaffold = self._execution.scaffold(place)
        steps = []
        for child in place.children:
            if self._execution.component(child).should_skip():
                continue
            open_now = scaffold.transition is None or scaffold.transition.can_enter(scaffold, child.component)
            if step := self._step(child, open_now=open_now, choice=scaffold.transition is None):
                steps.append(step)
        return steps

    def _step(self, place: Position, *, open_now: bool, choice: bool) -> Step | None:
        if place in self.position.path:
            status = CURRENT
        elif place.name in self._execution.task.done:
            status = DONE
        elif choice:
            # The children of a scaffold without transition are choices: those not taken are no steps.
            return None
        else:
            status = UPCOMING
        page = self._execution.first_page(place) if open_now else None
        if page is None and open_now:
            return None  # all that is in there is skipped
        in_order = not place.is_action and self._execution.scaffold(place).transition is not None
        children = self._steps(place) if in_order else []
        return Step(place.component.title, status, self._url(page), place, children)

    def _url(self, page: Position | None) -> str | None:
        """Return where a page is; None before the task is born, which looking at a page does not do."""
        if page is None or not self._execution.task.born:
            return None
        try:
            return self._execution.url_of(page)
        except InvalidTarget:
            return None  # its route has an argument that is not known yet
