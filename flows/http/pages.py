"""The pages that are no action's: no such task, busy, being finished, done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.template.response import SimpleTemplateResponse
from django.urls import NoReverseMatch
from django.utils.cache import patch_cache_control, patch_vary_headers

from ..exceptions import InvalidTarget, StateDamaged, StoreUnavailable
from ..journey.links import Links
from ..statestore.database import translate_errors
from ..tree.positions import Position

#: The seconds after which a client may try again.
RETRY = {"Retry-After": "2"}


def no_such_task(request: HttpRequest, position: Position) -> HttpResponse:
    """Say that the task has expired or does not exist. The same answer for every reason there is."""
    return _page(request, position, "no_such_task", status=404)


def done(request: HttpRequest, position: Position, page: Mapping[str, Any] | None = None) -> HttpResponse:
    """Show the page after the end, with what ``complete()`` gave it, or say no more than that it is done."""
    page = page or {}
    return _page(request, position, "done", page.get("template_name"), page.get("context"))


def busy(request: HttpRequest, position: Position) -> HttpResponse:
    """Say that the request could not be handled now and that nothing was done."""
    return _page(request, position, "busy", status=503, headers=RETRY)


def being_finished(request: HttpRequest, position: Position) -> HttpResponse:
    """Say that an earlier submission is being executed, and may have been interrupted. Nothing else was done."""
    # A POST that was not handled may be sent again; a GET is shown all that there is.
    status = 503 if request.method == "POST" else 200
    return _page(request, position, "being_finished", status=status, headers=RETRY)


def _page(
    request: HttpRequest,
    position: Position,
    name: str,
    template: str | None = None,
    extra: Mapping[str, Any] | None = None,
    **options: Any,
) -> HttpResponse:
    template = template or f"flows/{name}.html"
    context = {
        "title": position.root.component.title,
        "begin_url": _begin_url(request, position),
        "again_url": request.get_full_path(),
        **(extra or {}),
    }
    try:
        with translate_errors():
            text = render_to_string(template, context, request)
    except StoreUnavailable:
        # What the project shows on each of its pages, such as who is logged in, is in the database that is away.
        text = render_to_string(template, context)
    return HttpResponse(text, **options)


def _begin_url(request: HttpRequest, position: Position) -> str | None:
    """Return where the flow begins, if the URL holds the arguments that takes."""
    with suppress(InvalidTarget, NoReverseMatch):
        return Links(request, position).url(next(position.root.actions()), {})
    return None


def guard(response: HttpResponseBase, answer: Callable[[Exception], HttpResponseBase]) -> HttpResponseBase:
    """Let what ``answer`` returns take the place of a page whose template finds the task unavailable or damaged.

    A template is rendered after its view. A link in it may have to keep a task, and answers are read when they are
    asked for.
    """
    if isinstance(response, SimpleTemplateResponse) and not response.is_rendered:
        render_page = response.render

        def render_guarded() -> HttpResponseBase:
            del response.render
            try:
                with translate_errors():
                    return render_page()
            except (StoreUnavailable, StateDamaged) as error:
                return make_private(answer(error))

        response.render = render_guarded  # type: ignore[method-assign,assignment]
    return response


def lead_by_get(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Let a client follow a redirect with GET. After other methods than POST some would repeat the method there."""
    if request.method not in ("GET", "HEAD", "POST") and response.status_code in (301, 302):
        response.status_code = 303
    return response


def make_private(response: HttpResponseBase) -> HttpResponseBase:
    """Keep a page of a flow out of caches and its URL out of other sites' logs."""
    patch_cache_control(response, no_store=True, private=True)
    patch_vary_headers(response, ["Cookie"])
    if response.headers.get("Referrer-Policy") != "no-referrer":
        stricter = "no-referrer" in (settings.SECURE_REFERRER_POLICY or "")
        response.headers["Referrer-Policy"] = "no-referrer" if stricter else "same-origin"
    return response
