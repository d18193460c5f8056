"""What handling a page can end in: ``COMPLETE``, a component class, or a response."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, TypeAlias

from django.http import HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase

from ..exceptions import InvalidOutcome
from .component import Component


class Complete(enum.Enum):
    """The type of ``COMPLETE``."""

    COMPLETE = "COMPLETE"

    def __repr__(self) -> str:
        return "COMPLETE"


#: This component is done: its scaffold decides what follows.
COMPLETE = Complete.COMPLETE

Outcome: TypeAlias = "Complete | type[Component] | HttpResponseBase"


class Leaving(HttpResponseRedirect):
    """A redirect to another site, or a bank, from which the visitor comes back to the page that they left."""


class Done(HttpResponseRedirect):
    """The end of a flow, with what the page after it shows. Where that is, is known when the task ends."""

    def __init__(self, template_name: str | None, context: Mapping[str, Any]) -> None:
        super().__init__("")
        self._page = {"template_name": template_name, "context": dict(context)}

    def to_dict(self) -> dict[str, Any]:
        return self._page


class OutcomeResponse(HttpResponse):
    """An outcome on its way out of ``dispatch`` or ``post``.

    Decorators on these (``never_cache``, ``vary_on_headers`` …) expect a response to write headers to.
    """

    def __init__(self, outcome: Any, query: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.outcome = outcome
        self.query = query

    def copy_headers_to(self, response: HttpResponseBase) -> None:
        """Give ``response`` the headers and cookies that were set on this one."""
        for name, value in self.headers.items():
            if name.lower() not in ("content-type", "content-length", "location"):
                response.headers.setdefault(name, value)
        response.cookies.update(self.cookies)


class SentTo(OutcomeResponse):
    """A component as an outcome, with a query; as a response it is a redirect to its URL."""

    status_code = 302

    def __init__(self, component: type[Component], query: Mapping[str, Any] | None, url: str) -> None:
        super().__init__(component, query, headers={"Location": url})
        self.url = url


def check_outcome(outcome: Any, component: Any) -> Any:
    """Return an outcome that a component at its position ended in. Raises `InvalidOutcome` for anything else."""
    if isinstance(outcome, (Complete, HttpResponseBase)) or is_component(outcome):
        return outcome
    raise InvalidOutcome(
        f"{type(component).__name__} at '{component.position.name}' ended in {outcome!r}, which is not an outcome. "
        f"Return COMPLETE, a component class or an HttpResponse."
    )


def is_component(value: Any) -> bool:
    return isinstance(value, type) and hasattr(value, "is_scaffold")


def get_redirect(response: HttpResponseBase) -> str | None:
    """Return where a response leads a browser, or a page of htmx; None for a page of its own."""
    if 300 <= response.status_code < 400:
        return response.headers.get("Location")
    return response.headers.get("HX-Redirect") or response.headers.get("HX-Location")
