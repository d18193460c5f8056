"""Model instances and querysets, kept by what finds them again: the model, the keys, the database."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db.models import QuerySet
from django.db.models.query import ModelIterable
from django.utils.functional import SimpleLazyObject, empty

from ..exceptions import NotStorable


class Reference(SimpleLazyObject):
    """A model instance that is fetched when it is first looked at."""

    def __init__(self, label: str, key: Any, using: str | None) -> None:
        model = apps.get_model(label)
        super().__init__(lambda: model._base_manager.using(using).get(pk=key))
        self.__dict__["_flows_reference"] = (label, key, using)

    def __hash__(self) -> int:
        return hash(self.__dict__["_flows_reference"][1])  # as the instance's own, without fetching it

    @property
    def _flows_unread(self) -> bool:
        return self.__dict__["_wrapped"] is empty


def refer_to_instance(value: Any, path: str) -> tuple[str, Any, str | None]:
    """Return the model's label, the key and the database of an instance. Raises `NotStorable`."""
    if type(value) is Reference and value._flows_unread:
        reference: tuple[str, Any, str | None] = value._flows_reference
        return reference
    if value.pk is None or value._state.adding:
        raise NotStorable(
            f"{path} is a {value._meta.label} that has not been saved, which a task cannot keep. "
            f"Save it first, or keep its values."
        )
    return value._meta.label_lower, value.pk, value._state.db


def refer_to_queryset(value: Any, path: str) -> tuple[str, list[Any], str | None]:
    """Return the model's label, the keys and the database of a queryset. Raises `NotStorable`."""
    if value._iterable_class is not ModelIterable:
        raise NotStorable(
            f"{path} is a queryset of values of {value.model._meta.label}, which a task cannot keep. Make a list of it."
        )
    if reference := value.__dict__.get("_flows_reference"):
        return reference  # type: ignore[no-any-return]  # as it was read: nobody filtered it, which makes another
    return value.model._meta.label_lower, [item.pk for item in value], value._db


def get_queryset(label: str, keys: list[Any], using: str | None) -> QuerySet[Any]:
    """Return the queryset that a reference stands for."""
    rows: QuerySet[Any] = apps.get_model(label)._default_manager.using(using)
    queryset = rows.filter(pk__in=keys)
    queryset.__dict__["_flows_reference"] = (label, keys, using)
    return queryset
