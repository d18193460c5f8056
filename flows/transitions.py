"""Which children of a scaffold count, in which order, and what follows one that is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from .tree.component import Component, Group
from .tree.outcomes import COMPLETE, Complete
from .tree.positions import Position


class Transition:
    """How the children of a scaffold follow each other. Holds no state: one object serves every request.

    While a route is walked, it is asked in turn, from the first child on. Of what stands behind nothing is done then.
    """

    #: Whether the children follow in order, each when all before it are done, so that it need not be asked.
    is_linear: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # What overrides a rule of `Linear` has another order, if there is any.
        cls.is_linear = vars(cls).get(
            "is_linear", cls.is_linear and not {"choose_next", "can_enter"} & vars(cls).keys()
        )

    def get_places(self, place: Position) -> Sequence[Position]:
        """Return the places of the children of a scaffold. Asked where they follow in order."""
        return place.children

    def choose_next(self, scaffold: Group, child: type[Component]) -> type[Component] | Complete:
        """Return the child that follows ``child``, which is done or skipped, or ``COMPLETE`` after the last."""
        raise NotImplementedError(f"{type(self).__name__} must implement choose_next(scaffold, child).")

    def can_enter(self, scaffold: Group, child: type[Component]) -> bool:
        """Return whether a visitor may go to a child before it follows. The default lets everyone in."""
        return True


class Linear(Transition):
    """The children follow in order. A child may be entered when all children before it are done or skipped."""

    is_linear = True

    def choose_next(self, scaffold: Group, child: type[Component]) -> type[Component] | Complete:
        following = scaffold.children[scaffold.children.index(child) + 1 :]
        return following[0] if following else scaffold.first_to_do() or COMPLETE

    def can_enter(self, scaffold: Group, child: type[Component]) -> bool:
        return child in scaffold.children and scaffold.first_to_do(before=child) is None
