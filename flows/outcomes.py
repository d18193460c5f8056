"""What handling a page can end in: ``COMPLETE``, a component class, or a response."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, TypeAlias

from django.http import HttpResponse, HttpResponseRedirect
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


class Leaving(HttpResponseRedirect):
    """A redirect to another site, or a bank, from which the visitor comes back to the page that they left."""


def get_redirect(response: HttpResponseBase) -> str | None:
    """Return where a response leads a browser, or a page of htmx; None for a page of its own."""
    if 300 <= response.status_code < 400:
        return response.headers.get("Location")
    return response.headers.get("HX-Redirect") or response.headers.get("HX-Location")


class OutcomeResponse(HttpResponse):
    """An outcome on its way out of ``dispatch`` or ``post``.

    Decorators on these (``never_cache``, ``vary_on_headers`` …) expect a response to write headers to.
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
