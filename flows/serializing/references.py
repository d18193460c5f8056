"""References to model instances, querysets and stored files: what a task keeps to find them again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.models import Model, QuerySet
from django.db.models.fields.files import FieldFile
from django.db.models.query import ModelIterable
from django.utils.functional import SimpleLazyObject, empty

from ..exceptions import NotStorable, StateDamaged
from .scalars import dotted_path


class Reference(SimpleLazyObject):
    """A model instance that is fetched when it is first used."""

    def __init__(self, label: str, text: str, using: str | None) -> None:
        model = _model(label, using)
        key = _key(model, text)
        super().__init__(lambda: model._base_manager.using(using).get(pk=key))
        self.__dict__.update(_flows_reference=(label, text, using), _flows_key=key)

    def __hash__(self) -> int:
        return hash(self.__dict__["_flows_key"])  # as the instance's own hash, without fetching it

    def __call__(self) -> Any:
        """Return the instance. A template calls what it finds, and shows nothing where the row was deleted."""
        return unwrap(self)


def _model(label: str, using: str | None) -> type[Model]:
    if using is not None and using not in connections.settings:
        raise StateDamaged(f"A {label} is kept in the database '{using}', which DATABASES does not have.")
    return apps.get_model(label)


def _key_field(model: type[Model]) -> Any:
    """Return the field that the values of a primary key belong to. It may be another model's."""
    field: Any = model._meta.pk
    while field.remote_field:
        field = field.target_field
    return field


def _key_text(model: type[Model], key: Any) -> str:
    """Return a primary key as it is serialized: text, whatever its type is."""
    field = _key_field(model)
    # Not every field returns a str: the one in Django's documentation may return a number.
    return str(field.value_to_string(SimpleNamespace(**{field.attname: field.to_python(key)})))


def _key(model: type[Model], text: str) -> Any:
    """Return the primary key. For an invalid text, raise the error of the field now, and not in a later query."""
    field = _key_field(model)
    key = field.to_python(str.__str__(text))
    field.get_prep_value(key)
    return tuple(key) if isinstance(key, list) else key


def refer_to_instance(value: Any, path: str) -> Any:
    """Return the model's label, the key as text and the database of an instance. Raises `NotStorable`."""
    if type(value) is Reference and value._wrapped is empty:
        return value._flows_reference
    if value.pk is None or value._state.adding:
        raise NotStorable(
            f"{path} is a {value._meta.label} that has not been saved, which a task cannot keep. "
            f"Save it first, or keep its values."
        )
    return value._meta.label_lower, _key_text(value._meta.model, value.pk), value._state.db


def refer_to_queryset(value: Any, path: str) -> Any:
    """Return the model's label, the keys as texts and the database of a queryset. Raises `NotStorable`."""
    if value._iterable_class is not ModelIterable:
        raise NotStorable(
            f"{path} is a queryset of values of {value.model._meta.label}, which a task cannot keep. Make a list of it."
        )
    if reference := value.__dict__.get("_flows_reference"):
        return reference  # unchanged since it was read: filtering makes another queryset
    # Sorted, so that equal querysets make equal texts.
    keys = sorted({_key_text(value.model, item.pk) for item in value})
    # A related manager chooses the database by its instance, which is among the hints.
    return value.model._meta.label_lower, keys, value.db if value._hints else value._db


def get_queryset(label: str, keys: list[Any], using: str | None) -> QuerySet[Any]:
    """Return the queryset that a reference stands for. Raises `StateDamaged`."""
    model = _model(label, using)
    # The base manager, as Django uses to follow relations: a default manager may hide rows.
    queryset: QuerySet[Any] = model._base_manager.using(using).filter(pk__in=[_key(model, text) for text in keys])
    # But with the methods of the default manager's class, unless that needs a Query of its own.
    default = model._default_manager.get_queryset()
    if type(default.query) is type(queryset.query):
        queryset = type(default)(model=model, query=queryset.query, using=using)
    queryset.__dict__["_flows_reference"] = (label, keys, using)
    return queryset


def refer_to_file(value: Any, path: str) -> tuple[str, str, str | None, Any]:
    """Return the model's label, the field, the name and the instance, if that is saved, of a stored file.

    Raises `NotStorable` for one that is not stored.
    """
    if not (isinstance(value, FieldFile) and getattr(value, "_committed", True)):
        raise NotStorable(
            f"{path} is a {dotted_path(type(value))} that is not stored, which a task cannot keep. Leave it out of the "
            f"answers in get_answers(form), store it in form_valid(), and keep the name that it is stored under."
        )
    instance: Any = value.instance
    if type(instance) is not Reference and (instance is None or instance.pk is None or instance._state.adding):
        instance = None
    return value.field.model._meta.label_lower, value.field.name, value.name, instance


def get_file(label: str, field_name: str, name: str | None, instance: Any) -> Any:
    """Return the file of a field, as the field itself would."""
    field: Any = apps.get_model(label)._meta.get_field(field_name)
    return field.attr_class(instance, field, name)


def unwrap(value: Any) -> Any:
    """Return what a lazy object stands for."""
    if value._wrapped is empty:
        value._setup()
    return value._wrapped
