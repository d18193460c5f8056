"""``manage.py cleanupflows``"""

import itertools
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from flows.exceptions import StoreUnavailable
from flows.management.commands import cleanupflows
from flows.models import StoredTask
from flows.statestore import django_store
from flows.statestore.base import BaseStateStore, get_store

pytestmark = pytest.mark.django_db


def expired(number):
    for index in range(number):
        django_store.StateStore().create(f"id{index}", "owner", "{}")
    StoredTask.objects.update(touched=django_store.Now() - timedelta(seconds=1201))


def clean_up(**options):
    out = StringIO()
    call_command("cleanupflows", stdout=out, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "Removed 0 expired tasks.\n"), (1, "Removed 1 expired task.\n"), (5, "Removed 5 expired tasks.\n")],
)
def test_it_says_how_many_it_removed_and_leaves_those_that_live(number, said):
    expired(number)
    django_store.StateStore().create("live", "owner", "{}")
    assert clean_up() == said
    assert StoredTask.objects.get().pk == "live"


def test_it_removes_in_batches(monkeypatch):
    expired(5)
    limits, delete = [], django_store.StateStore.delete_expired
    monkeypatch.setattr(
        django_store.StateStore, "delete_expired", lambda self, limit: limits.append(limit) or delete(self, limit)
    )
    assert clean_up(batch_size=2) == "Removed 5 expired tasks.\n"
    assert limits == [2, 2, 2, 2]


def test_a_timeout_that_was_made_longer_counts(settings):
    expired(1)
    settings.FLOWS_TASK_IDLE_TIMEOUT = 2000
    assert clean_up() == "Removed 0 expired tasks.\n"


def test_a_store_that_forgets_by_itself_has_nothing_to_remove():
    assert clean_up(store="flows.statestore.redis_store") == "Removed 0 expired tasks.\n"


def test_a_dry_run_says_how_many_there_are_and_removes_none():
    assert clean_up(dry_run=True) == "Would remove 0 expired tasks.\n"
    expired(5)
    django_store.StateStore().create("live", "owner", "{}")
    assert clean_up(dry_run=True, batch_size=2) == "Would remove 5 expired tasks.\n"
    assert StoredTask.objects.count() == 6


def test_a_dry_run_on_a_store_that_forgets_by_itself_finds_nothing():
    assert clean_up(dry_run=True, store="flows.statestore.redis_store") == "Would remove 0 expired tasks.\n"


class StateStore(BaseStateStore):
    """A store that removes and does not count."""

    def delete_expired(self, limit):
        return 0


def test_a_dry_run_on_a_store_that_cannot_count_says_so():
    message = f"^{__name__} cannot say how many tasks have expired. Implement count_expired[(][)] in it[.]$"
    with pytest.raises(CommandError, match=message):
        clean_up(dry_run=True, store=__name__)


def test_a_store_that_is_away_is_told_by_a_dry_run(monkeypatch):
    def count(self):
        raise StoreUnavailable("The database is busy.")

    monkeypatch.setattr(type(get_store()), "count_expired", count)
    with pytest.raises(CommandError, match=r"^The database is busy\.$"):
        clean_up(dry_run=True)


@pytest.mark.parametrize(("options", "pauses"), [({}, [0.25, 0.25]), ({"pause": 3}, [3, 3]), ({"pause": 0}, [0, 0])])
def test_it_rests_for_as_long_as_it_worked_or_as_it_is_told(monkeypatch, options, pauses):
    expired(3)
    clock, rests = itertools.count(0, 0.25), []
    time = SimpleNamespace(monotonic=lambda: next(clock), sleep=rests.append)
    monkeypatch.setattr(cleanupflows, "time", time)
    assert clean_up(batch_size=2, **options) == "Removed 3 expired tasks.\n"
    assert rests == pauses


@pytest.mark.parametrize("pause", [-1, float("nan"), float("inf")])
def test_a_pause_must_have_an_end(pause):
    with pytest.raises(CommandError, match=r"^--pause must be a number of seconds, 0 or more\.$"):
        clean_up(pause=pause)


def test_a_batch_must_hold_something():
    with pytest.raises(CommandError, match=r"^--batch-size must be at least 1\.$"):
        clean_up(batch_size=0)


def test_a_store_that_goes_away_is_told_with_what_was_done_before(monkeypatch):
    answers = iter([2, StoreUnavailable("The database is busy.")])

    def delete(self, limit):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(type(get_store()), "delete_expired", delete)
    with pytest.raises(CommandError, match=r"^The database is busy\. Removed before that: 2\.$"):
        clean_up()
