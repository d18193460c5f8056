"""The contenders: each makes the URL patterns of a journey of so many pages."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from django.conf import global_settings, settings
from django.urls import URLPattern, URLResolver


@dataclass(frozen=True)
class Contender:
    """One way to write a journey."""

    name: str
    #: Given the number of pages, and whether every second one is under a condition on an answer of the first.
    #: The journey begins at ``/`` and ends with a redirect to ``/end/``.
    make: Callable[[int, bool], list[URLPattern | URLResolver]]
    #: What the site that it runs on has as ``SESSION_ENGINE``.
    session_engine: str = global_settings.SESSION_ENGINE

    def on(self, session_engine):
        """Return the same on a site with another engine of sessions."""
        return replace(self, name=f"{self.name}; {session_engine}", session_engine=session_engine)


def all_contenders():
    """Return those that are installed, in the order of the table."""
    from . import by_hand, ours

    found = [*by_hand.CONTENDERS, *ours.CONTENDERS]
    if "formtools" in settings.PEERS:
        from . import formtools

        found += formtools.CONTENDERS
    if "gandalf" in settings.PEERS:
        from . import gandalf

        found += gandalf.CONTENDERS
    return found
