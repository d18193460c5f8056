"""What is remembered of a form, and shown in it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model
from django.forms import MultiWidget, Widget


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


def with_remembered(initial: Any, remembered: Any) -> Any:
    """Return the initial data of a form with remembered answers over it."""
    if isinstance(remembered, Mapping):
        return {**(initial or {}), **{name: value for name, value in remembered.items() if exists(value)}}
    return initial if remembered is None else remembered


def can_show(field: Any, value: Any) -> bool:
    """Return whether a page can show a value in its field: no lone surrogate, nor what is out of time elsewhere."""
    try:
        shown = field.widget.decompress(value) if isinstance(field.widget, MultiWidget) else field.prepare_value(value)
        str(shown).encode()
    except (OverflowError, UnicodeError):
        return False
    return True


def exists(value: Any) -> bool:
    """Return whether a value is not a model instance that has been deleted since it was remembered."""
    try:
        return not isinstance(value, Model) or value.pk is not None
    except ObjectDoesNotExist:
        return False
