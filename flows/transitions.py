"""What decides where a scaffold goes when a child is done, and which child may be entered now."""

from __future__ import annotations

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
        return following[0] if following else scaffold.first_to_do() or COMPLETE

    def is_complete(self, scaffold: Scaffold) -> bool:
        return scaffold.first_to_do() is None

    def can_enter(self, scaffold: Scaffold, child: type[FlowComponent]) -> bool:
        return child in scaffold.children and scaffold.first_to_do(before=child) is None
