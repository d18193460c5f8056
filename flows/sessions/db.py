"""Django's sessions in the database, loaded by a query that is compiled once in a process: a ``SESSION_ENGINE``.

The session is read on each request, and to compile Django's query for it takes longer than all else that loading does.
What is written is written by Django, with its signals and its errors.
"""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DjangosStore
from django.db import connections, router
from django.utils import timezone

from ..statestore.database import Parameter, Statement


def _find(alias: str) -> Any:
    rows = DjangosStore.get_model_class()._base_manager.using(alias)
    return rows.filter(pk=Parameter("key"), expire_date__gt=Parameter("now")).query


FIND = Statement(_find)


class SessionStore(DjangosStore):
    """Sessions that are the same rows as those of ``django.contrib.sessions.backends.db``."""

    # Not load(), which a subclass may have in front of this: it may look into a cache first, as cached_db does.
    def _get_session_from_db(self) -> Any:
        if self.model is not DjangosStore.get_model_class():
            # By the project's own manager, which may choose among its rows.
            return super()._get_session_from_db()  # type: ignore[misc]
        alias = router.db_for_read(self.model)
        now = connections[alias].ops.adapt_datetimefield_value(timezone.now())
        query = FIND.fill_in(alias, key=self.session_key, now=now)
        session = next(iter(self.model._base_manager.using(alias).raw(*query)), None)
        if session is None:
            self._session_key = None
        return session
