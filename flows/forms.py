"""What is remembered of a form, and shown in it again."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model
from django.forms import BaseFormSet, BaseModelFormSet, MultiWidget, Widget


def get_answers(form: Any) -> Any:
    """Return the cleaned data of a valid form, or of the filled forms of a formset, without passwords."""
    if hasattr(form, "forms"):
        deleted = form.deleted_forms if form.can_delete else ()
        return [get_answers(member) for member in form.forms if member.has_changed() and member not in deleted]
    return {
        name: value
        for name, value in form.cleaned_data.items()
        if name not in form.fields or not is_password(form.fields[name].widget)
    }


def add_error(form: Any, message: Any) -> None:
    """Say of a whole form, or formset, what is wrong with it."""
    if hasattr(form, "forms"):
        form.non_form_errors().append(message)
    else:
        form.add_error(None, message)


def is_password(widget: Widget) -> bool:
    """Return whether a browser hides what is typed into a widget, or into a part of it."""
    if isinstance(widget, MultiWidget):
        return any(is_password(part) for part in widget.widgets)
    return "password" in (getattr(widget, "input_type", ""), widget.attrs.get("type"))


def with_remembered(form_class: Any, initial: Any, remembered: Any) -> Any:
    """Return the initial data of a form with remembered answers over it, where they are of its shape."""
    if isinstance(form_class, type) and issubclass(form_class, BaseFormSet):
        # One of models shows its rows by itself, also those that were made of what is remembered.
        if isinstance(remembered, list) and not issubclass(form_class, BaseModelFormSet):
            return [_existing(row) for row in remembered if isinstance(row, Mapping)]
    elif isinstance(remembered, Mapping):
        return {**(initial or {}), **_existing(remembered)}
    return initial


def take_back(form: Any, own: Any) -> None:
    """Let fields of a form, or of the forms of a set, have the ``own`` initial data of the action where they should.

    What the visitor cannot edit is the action's to say, now as at the first time; and some values no page can show.
    """
    if isinstance(form, BaseFormSet):
        for member, row in zip_longest(form.forms, own if isinstance(own, list) else ()):
            if member is not None:
                take_back(member, row or {})
        return
    form.initial = {**(form.initial or {})}  # its own: of a row it is what the action gave
    for name in getattr(form, "fields", {}).keys() & form.initial.keys():
        field = form.fields[name]
        if field.disabled or field.widget.is_hidden or not can_show(field, form.initial.get(name)):
            form.initial.pop(name, None)
            form.initial.update({name: own[name]} if name in own else {})


def can_show(field: Any, value: Any) -> bool:
    """Return whether a page can show a value in its field: no lone surrogate, nor what is out of time elsewhere."""
    try:
        shown = field.widget.decompress(value) if isinstance(field.widget, MultiWidget) else field.prepare_value(value)
        str(shown).encode()
    except (OverflowError, UnicodeError):
        return False
    return True


def _existing(answers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answers.items() if _exists(value)}


def _exists(value: Any) -> bool:
    """Return whether a value is not a model instance that has been deleted since it was remembered."""
    try:
        return not isinstance(value, Model) or value.pk is not None
    except ObjectDoesNotExist:
        return False
