"""Keeps what was sent out of error reports until the action's own decorators say what in it is sensitive.

A request is at work before it comes to ``dispatch``, where ``@sensitive_post_parameters`` is heard: with the session,
the store and the hooks of the components above. A failure there would be mailed with all that was typed.
"""

from __future__ import annotations

from django.http import HttpRequest


class _All(str):
    """The text that hides all fields from Django's reports, to be told from the same one of a decorator."""

    __slots__ = ()


ALL = _All("__ALL__")
#: Where ``@sensitive_post_parameters`` says to Django's reports which fields to hide.
NAME = "sensitive_post_parameters"


def hide_fields(request: HttpRequest) -> None:
    """Hide all fields, unless something around the view has said which."""
    vars(request).setdefault(NAME, ALL)


def show_fields(request: HttpRequest) -> None:
    """Leave it to the decorators of ``dispatch``."""
    if isinstance(vars(request).get(NAME), _All):
        del vars(request)[NAME]
