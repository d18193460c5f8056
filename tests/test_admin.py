"""What the admin shows of stored tasks: that they are there, and nothing that is in them."""

import pytest
from django.urls import reverse

from flows.models import StoredTask
from flows.statestore import django_store

TASK_ID = "0123456789abcdef" * 2
LIST = "admin:flows_storedtask_changelist"
DETAIL = "admin:flows_storedtask_change"


@pytest.fixture(autouse=True)
def task(db):
    django_store.StateStore().create(TASK_ID, "the owner's hash", '{"state":"what the visitor said"}')


@pytest.mark.parametrize("url", [reverse(LIST), reverse(DETAIL, args=[TASK_ID])], ids=["list", "detail"])
def test_a_task_is_shown_without_what_is_in_it(admin_client, url):
    response = admin_client.get(url)
    assert response.status_code == 200
    text = response.content.decode()
    assert "012345…" in text
    assert "what the visitor said" not in text
    assert "hash" not in text


def test_a_task_can_neither_be_added_nor_changed(admin_client):
    assert admin_client.get(reverse("admin:flows_storedtask_add")).status_code == 403
    assert admin_client.post(reverse(DETAIL, args=[TASK_ID]), {"version": 7}).status_code == 403
    assert StoredTask.objects.get().version == 1


def test_a_task_can_be_removed(admin_client):
    admin_client.post(reverse("admin:flows_storedtask_delete", args=[TASK_ID]), {"post": "yes"})
    assert not StoredTask.objects.exists()


def test_a_task_is_called_by_the_beginning_of_its_id():
    assert str(StoredTask.objects.get()) == "012345…"
