"""What handling a page can end in: ``COMPLETE``, a component class, or a response."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, TypeAlias

from django.http import HttpResponse
from django.http.response import HttpResponseBase

if TYPE_CHECKING:
    from .components import FlowComponent


class Complete(enum.Enum):
    """The type of ``COMPLETE``."""

    COMPLETE = "COMPLETE"

    def __repr__(self) -> str:
        return "COMPLETE"


#: This component is done: its scaffold decides what follows.
COMPLETE = Complete.COMPLETE

Outcome: TypeAlias = "Complete | type[FlowComponent] | HttpResponseBase"


class OutcomeResponse(HttpResponse):
    """An outcome on its way out of ``dispatch``.

    Decorators on ``dispatch`` (``never_cache``, ``vary_on_headers`` …) expect a response to write headers to.
    """

    def __init__(self, outcome: Any) -> None:
        super().__init__()
        self.outcome = outcome

    def hand_on(self, response: HttpResponseBase) -> None:
        """Give ``response`` the headers and cookies that were set on this one."""
        for name, value in self.headers.items():
            if name.lower() not in ("content-type", "content-length"):
                response.headers.setdefault(name, value)
        response.cookies.update(self.cookies)
