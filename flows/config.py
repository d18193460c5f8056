"""Every ``FLOWS_`` setting and its default, read when it is used."""

from __future__ import annotations

from typing import Any

from appconf import AppConf
from django.conf import settings
from django.utils.module_loading import import_string


class FlowsConf(AppConf):
    STATE_STORE = "flows.statestore.django_store"
    TASK_IDLE_TIMEOUT = 1200
    TASK_ID_PARAM = "_t"
    TASK_BINDER = "flows.binder.session_binder"
    LOCK_WAIT = 10
    ALLOWED_REDIRECT_HOSTS = ()
    MAX_TASKS_PER_OWNER = None
    MAX_STATE_BYTES = 1_000_000
    MAX_STATE_DEPTH = 200

    REDIS_STATE_STORE_HOST = "localhost"
    REDIS_STATE_STORE_PORT = 6379
    REDIS_STATE_STORE_DB = 0
    REDIS_STATE_STORE_USER = ""
    REDIS_STATE_STORE_PASSWORD = ""
    REDIS_STATE_STORE_URL = ""
    REDIS_STATE_STORE_CLIENT = None
    REDIS_STATE_STORE_PREFIX = "flows:"
    REDIS_STATE_STORE_LEASE = 15

    class Meta:
        prefix = "flows"


class Config:
    """The settings by their names without ``FLOWS_``, as they are now.

    django-appconf reads the values once, when its class is made. Tests change them later, with ``override_settings``.
    So the defaults are declared there, and the values are read here.
    """

    def __getattr__(self, name: str) -> Any:
        prefixed = f"FLOWS_{name}"
        defaults = FlowsConf._meta.defaults
        if prefixed not in defaults:
            known = ", ".join(sorted(defaults))
            raise AttributeError(f"There is no setting {prefixed}. The settings are: {known}.")
        return getattr(settings, prefixed, defaults[prefixed])

    def get_task_binder(self) -> Any:
        """Return the callable that ``FLOWS_TASK_BINDER`` is or names."""
        return load(self.TASK_BINDER)


def load(value: Any) -> Any:
    """Return what a setting is or names by its dotted path. Raises `ImportError`."""
    return import_string(value) if isinstance(value, str) else value


config = Config()
