"""Every setting: its default, and that it is read when it is asked for."""

import pytest
from django.conf import settings
from django.test import override_settings

from flows import binder
from flows.config import FlowsConf, config

DEFAULTS = {
    "STATE_STORE": "flows.statestore.django_store",
    "TASK_IDLE_TIMEOUT": 1200,
    "TASK_ID_PARAM": "_t",
    "TASK_BINDER": "flows.binder.session_binder",
    "LOCK_WAIT": 10,
    "ALLOWED_REDIRECT_HOSTS": (),
    "MAX_TASKS_PER_OWNER": None,
    "MAX_STATE_BYTES": 1_000_000,
    "MAX_STATE_DEPTH": 200,
    "REDIS_STATE_STORE_HOST": "localhost",
    "REDIS_STATE_STORE_PORT": 6379,
    "REDIS_STATE_STORE_DB": 0,
    "REDIS_STATE_STORE_USER": "",
    "REDIS_STATE_STORE_PASSWORD": "",
    "REDIS_STATE_STORE_URL": "",
    "REDIS_STATE_STORE_CLIENT": None,
    "REDIS_STATE_STORE_PREFIX": "flows:",
    "REDIS_STATE_STORE_LEASE": 15,
}


def test_these_are_all_the_settings():
    assert FlowsConf._meta.defaults == {f"FLOWS_{name}": value for name, value in DEFAULTS.items()}


@pytest.mark.parametrize(("name", "default"), DEFAULTS.items())
def test_a_setting_is_its_default_until_it_is_overridden(name, default):
    assert getattr(config, name) == default
    with override_settings(**{f"FLOWS_{name}": "something else"}):
        assert getattr(config, name) == "something else"
    assert getattr(config, name) == default


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_setting_that_was_deleted_is_its_default(name):
    with override_settings():
        if hasattr(settings, f"FLOWS_{name}"):
            delattr(settings, f"FLOWS_{name}")
        assert getattr(config, name) == DEFAULTS[name]


def test_a_setting_that_there_is_not_is_refused_and_those_there_are_are_named():
    with pytest.raises(AttributeError) as caught:
        config.TIMEOUT  # noqa: B018
    names = ", ".join(sorted(f"FLOWS_{name}" for name in DEFAULTS))
    assert str(caught.value) == f"There is no setting FLOWS_TIMEOUT. The settings are: {names}."


def test_a_binder_may_be_named_or_given():
    assert config.get_task_binder() is binder.session_binder
    with override_settings(FLOWS_TASK_BINDER="flows.binder.user_binder"):
        assert config.get_task_binder() is binder.user_binder
    with override_settings(FLOWS_TASK_BINDER=len):
        assert config.get_task_binder() is len
