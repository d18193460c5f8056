"""Tasks that a link begins, with state and with answers that are given from the start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from ..engine.visit import Visit
from ..exceptions import InvalidTarget
from ..journey.links import get_safe_redirect
from ..journey.task import Task
from ..serializing import codec
from ..tree.positions import Position
from .ids import new_id


def begin_task(
    request: HttpRequest,
    flow: str,
    root: Position,
    *,
    kwargs: Mapping[str, Any],
    state: Mapping[str, Any] | None,
    answers: Mapping[Any, Mapping[str, Any]] | None,
    on_complete_url: str | None,
) -> Task:
    """Return a new task of a flow, to be stored. Raises `InvalidTarget` for answers of what is no page of it."""
    url = get_safe_redirect(request, on_complete_url)
    task = Task.begin(new_id(flow), flow, codec, kwargs=kwargs, state=state, on_complete_url=url)
    for component, said in (answers or {}).items():
        place = root if root.is_action else root.find(component)
        if not place.is_action:
            raise InvalidTarget(f"'{place}' is no page. Give initial_answers to the actions in it, each by its own.")
        action: Any = place.component()
        action.setup(request, **kwargs)
        Visit(request, place, task, None, action, (), dict(kwargs))
        options = {**action.get_form_kwargs(), "files": None}
        prefix = f"{options['prefix']}-" if options.get("prefix") else ""
        options["data"] = {f"{prefix}{name}": value for name, value in said.items()}
        form = action.get_form_class()(**options)
        if form.is_valid():  # else the page asks for them
            task.remember(place.key, action.get_answers(form))
            task.mark_answered(place.key)
    return task
