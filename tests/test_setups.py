"""On which set-ups a run of the acceptance tests goes through its cases."""

from tests.acceptance.setups import FAST, Setup, chosen_for

ONCE = {"FLOWS_ACCEPTANCE": "once"}


def test_once_a_case_runs_on_the_first_set_up_that_it_is_for():
    assert chosen_for(None, ONCE) == [Setup("postgres", "db", atomic=True)]
    assert chosen_for(lambda setup: setup.is_sqlite, ONCE) == [Setup("sqlite")]
    assert chosen_for(lambda setup: setup.kind == "redis", ONCE) == [Setup("redis", "redis")]


def test_otherwise_a_case_runs_on_each_of_the_chosen_that_it_is_for():
    assert chosen_for(None, {}) == list(FAST)
    assert chosen_for(lambda setup: not setup.is_sqlite, {}) == [FAST[0], FAST[2]]
    assert chosen_for(lambda setup: setup.is_sqlite, {"FLOWS_ACCEPTANCE": "postgres,sqlite-wal"}) == [
        Setup("sqlite-wal")
    ]
