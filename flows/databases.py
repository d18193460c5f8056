"""Whether the tasks and what components write are in one database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.db import router

from .components import Action, Scaffold
from .models import StoredTask
from .statestore.base import BaseStateStore
from .statestore.django_store import StateStore
from .tree.positions import Position


def find_routed_apart(places: Iterable[tuple[Position, BaseStateStore]]) -> Iterator[CheckMessage]:
    """Report promised transactions for which the routers use two databases: one for tasks, one for models."""
    own, apart = router.db_for_write(StoredTask), _labels_by_alias()
    is_shared = apart.pop(own, None)
    others = " and ".join(f"'{alias}' (such as {labels[0]})" for alias, labels in apart.items())
    hint = f"Make it 'claim', or let the router put flows.StoredTask into {' or '.join(map(repr, apart))}."
    doubtful = []
    for component in _promised_a_transaction(places if apart else ()):
        if component.guarantee and not is_shared:
            fault = f"the router puts flows.StoredTask into '{own}' and the project's models into {others}"
            yield Error(
                f"{component.__name__}.guarantee is 'transaction', which cannot be given: {fault}.",
                hint=hint,
                obj=component,
                id="flows.E017",
            )
        else:
            doubtful.append(component.__name__)
    if doubtful:
        yield Warning(
            f"'transaction', the guarantee of {', '.join(doubtful)}, holds within the database '{own}', into which the "
            f"router puts flows.StoredTask. It puts other models into {others}.",
            hint=f"{hint} Silence this warning if those components write nothing there.",
            id="flows.W006",
        )


def _labels_by_alias() -> dict[str, list[str]]:
    """Return the models that are neither Django's nor ours, grouped by the database they are written to."""
    labels = defaultdict(list)
    for model in apps.get_models():
        app = model._meta.app_config.name
        if model._meta.managed and app != "flows" and not app.startswith("django.contrib."):
            labels[router.db_for_write(model)].append(model._meta.label)
    return labels


def _promised_a_transaction(places: Iterable[tuple[Position, BaseStateStore]]) -> Iterator[Any]:
    """Yield each component that asks for a transaction, or has effects and gets one by default."""
    for component, store in dict.fromkeys((place.component, store) for place, store in places):
        guarantee = component.guarantee or (_has_effects(component) and store.guarantees[0])
        if guarantee == "transaction" and isinstance(store, StateStore):
            yield component


def _has_effects(component: Any) -> bool:
    if component.is_scaffold:
        return component.complete is not Scaffold.complete
    return component.form_valid is not Action.form_valid
