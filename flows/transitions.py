"""Which child of a scaffold follows when one is done, and which children may be entered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .outcomes import COMPLETE, Complete

if TYPE_CHECKING:
    from .components import FlowComponent, Scaffold


class Transition:
    """How the children of a scaffold follow each other. Holds no state: one object serves every request."""

    def choose_next(self, scaffold: Scaffold, child: type[FlowComponent]) -> type[FlowComponent] | Complete:
        """Return the child that follows ``child``, or ``COMPLETE`` after the last.

        It may be a child that is skipped: then this is called again, with that child.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement choose_next(scaffold, child).")

    def can_enter(self, scaffold: Scaffold, child: type[FlowComponent]) -> bool:
        """Return whether a visitor may go to ``child`` now. The default lets everyone in."""
        return True

    def is_complete(self, scaffold: Scaffold) -> bool:
        """Return whether a scaffold that was completed still counts as complete, after edits. The default: yes."""
        return True


class Linear(Transition):
    """The children follow in order. A child may be entered when all children before it are done or skipped.

    After the last child comes the first that is neither done nor skipped: a later answer can open an earlier child.
    """

    def choose_next(self, scaffold: Scaffold, child: type[FlowComponent]) -> type[FlowComponent] | Complete:
        following = scaffold.children[scaffold.children.index(child) + 1 :]
        return following[0] if following else scaffold.first_to_do() or COMPLETE

    def is_complete(self, scaffold: Scaffold) -> bool:
        return scaffold.first_to_do() is None

    def can_enter(self, scaffold: Scaffold, child: type[FlowComponent]) -> bool:
        return child in scaffold.children and scaffold.first_to_do(before=child) is None
