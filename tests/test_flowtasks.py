"""``manage.py flowtasks``: what it refuses, and claims that cannot be read. Its use is in test_guarantees.py."""

import pytest
from django.core.management import CommandError, call_command

from flows.exceptions import StoreUnavailable
from flows.statestore.base import BaseStateStore, get_store

pytestmark = pytest.mark.django_db(transaction=True)


class StateStore(BaseStateStore):
    """A store that is given nothing to keep."""


def claim(task_id, data):
    with get_store().lock_new(task_id) as hold:
        hold.claim("owner", data)


def test_a_claim_that_cannot_be_read_is_listed_and_not_released(each_store, capsys):
    claim("1" * 32, '{"flow":"flows:x","ended":"/"}')
    claim("2" * 32, '"This is not a task."')
    call_command("flowtasks", claimed=True)
    lines = sorted(capsys.readouterr().out.splitlines())
    assert lines == [
        f"{'1' * 32}  0:00:00  cannot be read: It has no claim.",
        "2 claimed tasks.",
        f"{'2' * 32}  0:00:00  cannot be read: This is not the document of a task: 'This is not a task.'",
    ]
    with pytest.raises(CommandError, match=r"^The task 2{32} cannot be read: "):
        call_command("flowtasks", release="2" * 32)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"release": "unknown"}, "There is no task unknown."),
        ({"release": "\x00"}, "There is no task \x00."),
        ({"claimed": True, "done": True}, "--done says how to release a task. Give its id with --release."),
    ],
)
def test_what_cannot_be_done_is_told(options, message, each_store):
    with pytest.raises(CommandError) as caught:
        call_command("flowtasks", **options)
    assert str(caught.value) == message


def test_a_task_that_is_not_claimed_is_left_as_it_is(each_store):
    document = (
        '{"flow":"f","state":{},"answers":{},"done":{},"trail":[],"kwargs":{},"on_complete":null,'
        '"submissions":{},"renderings":{},"spent":[]}'
    )
    get_store().create("3" * 32, "owner", document)
    with pytest.raises(CommandError) as caught:
        call_command("flowtasks", release="3" * 32)
    assert str(caught.value) == f"The task {'3' * 32} is not claimed."
    assert get_store().read("3" * 32).data == document


def test_one_of_the_two_must_be_asked_for():
    with pytest.raises(CommandError, match="one of the arguments --claimed --release is required"):
        call_command("flowtasks")


def test_a_store_without_claims_says_so():
    with pytest.raises(CommandError) as caught:
        call_command("flowtasks", claimed=True, store="tests.test_flowtasks")
    assert str(caught.value) == "tests.test_flowtasks does not give the guarantee 'claim', so it has no claims."


def test_a_store_that_cannot_be_reached_is_told(monkeypatch):
    def claimed(self):
        raise StoreUnavailable("The database is away.")

    monkeypatch.setattr(type(get_store()), "claimed", claimed)
    with pytest.raises(CommandError, match=r"^The database is away\.$"):
        call_command("flowtasks", claimed=True)
