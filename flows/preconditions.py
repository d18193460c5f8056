"""What must hold before a component is run.

A precondition is a callable that takes the component. It returns ``None``, or an outcome that replaces the page.
"""

from __future__ import annotations

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied

from .tree.component import Component
from .tree.outcomes import Outcome


class RequiredState:
    """These names must be in the state. If one is missing, the outcome is ``otherwise``.

    Without ``otherwise`` the visitor is led back to the last page before this one.
    """

    def __init__(self, *names: str, otherwise: Outcome | None = None) -> None:
        self.names = names
        self.otherwise = otherwise

    def __call__(self, component: Component) -> Outcome | None:
        if all(name in component.state for name in self.names):
            return None
        return component.turn_back() if self.otherwise is None else self.otherwise


class LoginRequired:
    """The visitor must be logged in. If they are not, the login page comes first and leads back here."""

    def __call__(self, component: Component) -> Outcome | None:
        if component.request.user.is_authenticated:
            return None
        return redirect_to_login(component.request.get_full_path())


class PermissionRequired(LoginRequired):
    """The visitor must be logged in and have the permission. Without the permission the answer is 403."""

    def __init__(self, permission: str) -> None:
        self.permission = permission

    def __call__(self, component: Component) -> Outcome | None:
        outcome = super().__call__(component)
        if outcome is None and not component.request.user.has_perm(self.permission):
            raise PermissionDenied(
                f"{component.request.user} lacks the permission {self.permission}, "
                f"which {type(component).__name__} requires."
            )
        return outcome
