"""What is remembered of a form, and shown in it again."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain, repeat
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist
from django.db.models import Model
from django.forms.formsets import ORDERING_FIELD_NAME as ORDER
from django.forms.models import InlineForeignKeyField
from django.forms.widgets import ChoiceWidget
from django.utils.choices import flatten_choices

logger = logging.getLogger("flows")


def get_answers(form: Any) -> Any:
    """Return the cleaned data of a valid form, or of the rows of a formset, without passwords.

    Rows that were offered are answers as they stand, blank ones only once they are filled in. They are in the order
    that the visitor gave them, where the formset asks for one.
    """
    if hasattr(form, "forms"):
        members = [row for row in form.forms if row.has_changed() or not row.empty_permitted]
        deleted = form.deleted_forms
        rows = [get_answers(row) for row in members if row not in deleted]
        # Behind the others where the visitor named no place.
        return sorted(rows, key=lambda row: (row.get(ORDER) is None, row.get(ORDER) or 0)) if form.can_order else rows
    return {name: value for name, value in form.cleaned_data.items() if _is_answer(form.fields.get(name))}


def _is_answer(field: Any) -> bool:
    """Return whether a field is not for a password, nor what the rows of an inline formset belong to."""
    return field is None or not (is_password(field.widget) or isinstance(field, InlineForeignKeyField))


def add_error(form: Any, message: Any) -> None:
    """Say of a whole form, or formset, what is wrong with it."""
    if hasattr(form, "forms"):
        form.non_form_errors().append(message)
    else:
        form.add_error(None, message)


def get_errors(form: Any) -> dict[str, list[str]]:
    """Return the messages of a form, or formset, by the names that its fields have in the page."""
    errors = {
        member.add_prefix(name): [str(message) for message in messages]
        for member in _get_members(form)
        for name, messages in member.errors.items()
    }
    if hasattr(form, "forms") and form.non_form_errors():
        errors[NON_FIELD_ERRORS] = [str(message) for message in form.non_form_errors()]
    return errors


def add_errors(form: Any, errors: Mapping[str, Sequence[str]]) -> None:
    """Add what `get_errors` returned to a form: to the whole of it where it has not got that field now."""
    left = dict(errors)
    for member in _get_members(form):
        for name in (*member.fields, NON_FIELD_ERRORS):
            if messages := left.pop(member.add_prefix(name), ()):
                member.add_error(name, list(messages))
    for messages in left.values():
        for message in messages:
            add_error(form, message)


def _get_members(form: Any) -> list[Any]:
    """Return the forms that a formset is made of, or the form itself."""
    return list(getattr(form, "forms", [form]))


def is_password(widget: forms.Widget) -> bool:
    """Return whether a browser hides what is typed into a widget, or into a part of it."""
    if isinstance(widget, forms.MultiWidget):
        return any(is_password(part) for part in widget.widgets)
    return "password" in (getattr(widget, "input_type", ""), widget.attrs.get("type"))


def make_form(form_class: Any, kwargs: Mapping[str, Any], answers: Any) -> Any:
    """Return a form that has remembered answers, where they are of its shape, as its initial data.

    Not in fields that the action fills in, nor in those whose widget cannot show them: these are as without answers.
    """
    fresh = form_class(**kwargs)
    rows = _get_rows(fresh, answers)
    if rows is None:
        return fresh
    initial = rows if isinstance(fresh, forms.BaseFormSet) else {**(kwargs.get("initial") or {}), **rows[0]}
    form = form_class(**{**kwargs, "initial": initial})
    for row, member, other in zip(rows, _get_members(form), chain(_get_members(fresh), repeat(None)), strict=False):
        member.initial, offered = dict(member.initial), other.initial if other else {}
        for name in row.keys() & member.fields.keys():
            if name in member.initial:
                member.initial[name] = _get_choice(member.fields[name], member.initial[name])
            if not _shows_answer(member, name, offered):
                member.initial.pop(name, None)
                if name in offered:
                    member.initial[name] = offered[name]
    return form


def _get_rows(form: Any, answers: Any) -> list[dict[str, Any]] | None:
    """Return what the forms of a formset, or the one form, have for answers; None where it is to be left as it is."""
    if not isinstance(form, forms.BaseFormSet):
        return [_existing(answers)] if isinstance(answers, Mapping) else None
    if form.is_bound:
        # In a row that was blank nothing was offered, whatever the action has for one in its place.
        form.initial = (form.initial or [])[: form.initial_form_count()]
        return None
    # One of models shows its rows by itself, also those that were made of what is remembered.
    if isinstance(form, forms.BaseModelFormSet) or not isinstance(answers, list):
        return None
    return [_existing(row) for row in answers if isinstance(row, Mapping)]


def _get_choice(field: Any, value: Any) -> Any:
    """Return the choices that were coerced to a value, as the widget knows them; any other value as it is."""
    if isinstance(field, forms.TypedMultipleChoiceField) and isinstance(value, list):
        return [_find_choice(field, item) for item in value]
    return _find_choice(field, value) if isinstance(field, forms.TypedChoiceField) else value


def _find_choice(field: Any, value: Any) -> Any:
    for choice, _ in flatten_choices(field.choices):
        with suppress(Exception):  # whatever the project's code raises at a choice that the visitor did not take
            if choice not in field.empty_values and field.coerce(str(choice)) == value:
                return choice
    return value


def _shows_answer(form: Any, name: str, offered: Mapping[str, Any]) -> bool:
    """Return whether a field is the visitor's to fill in, and its widget, asked as Django asks it, shows the value."""
    field = form.fields[name]
    widget = field.widget
    # A script may fill in a hidden field for which the action offers nothing.
    is_actions = widget.is_hidden and offered.get(name, field.initial) not in field.empty_values
    if field.disabled or is_actions or is_password(widget):
        return False
    # Not the one that the form keeps, which would keep the value too.
    bound_field = field.get_bound_field(form, name)
    try:
        if isinstance(widget, ChoiceWidget):
            # Without its choices, which may be read from the database.
            widget.format_value(bound_field.value())
        else:
            # First the context: what makes something for each rendering, as a captcha does, gives none before that.
            widget.get_context(bound_field.html_name, bound_field.value(), {})
            bound_field.as_widget().encode()
    except Exception as error:  # whatever the code of a widget raises at a value that it does not know
        logger.info("The answer in '%s' is not shown again: %s raised %s.", name, type(widget), type(error))
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
