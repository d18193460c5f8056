"""What decides where a scaffold goes when a child is done, and which child may be entered now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .outcomes import COMPLETE, Complete

if TYPE_CHECKING:
    from .components import FlowComponent, Scaffold


class Transition:
    """How the children of a scaffold follow each other. Holds no state: one object serves every request."""

    def choose_next(self, scaffold: Scaffold, child: type[FlowComponent]) -> type[FlowComponent] | Complete:
        """Return the child that follows ``child``, or ``COMPLETE`` after the last.

        Whether that child is skipped need not be asked here: where it is, this is called with it in turn.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement choose_next(scaffold, child).")

    def can_enter(self, scaffold: Scaffold, child: type[FlowComponent]) -> bool:
        """Return whether a visitor may go to ``child`` now. The default lets everyone in."""
        return True

    def is_complete(self, scaffold: Scaffold) -> bool:
        """Return whether a scaffold that was completed still counts as complete, after edits. The default: yes."""
        return True


class Linear(Transition):
    """The children follow in order; one may be entered when all before it are done or skipped.

    After the last comes what is then neither: an answer may open a child before it.
    """

    def choose_next(self, scaffold: Scaffold, child: type[FlowComponent]) -> type[FlowComponent] | Complete:
        following = scaffold.children[scaffold.children.index(child) + 1 :]
        return following[0] if following else self._to_do(scaffold, scaffold.children) or COMPLETE

    def is_complete(self, scaffold: Scaffold) -> bool:
        return self._to_do(scaffold, scaffold.children) is None

    def can_enter(self, scaffold: Scaffold, child: type[FlowComponent]) -> bool:
        if child not in scaffold.children:
            return False
        return self._to_do(scaffold, scaffold.children[: scaffold.children.index(child)]) is None

    def _to_do(self, scaffold: Scaffold, children: Sequence[type[FlowComponent]]) -> type[FlowComponent] | None:
        """Return the first that is neither done nor skipped."""
        return next((child for child in children if not (scaffold.is_done(child) or scaffold.is_skipped(child))), None)
