"""What the admin shows of stored tasks: that they are there, and nothing that is in them."""

import pytest
from django.contrib import admin
from django.urls import reverse

from flows.admin import StoredTaskAdmin
from flows.models import StoredTask
from flows.statestore import django_store
from flows.statestore.base import CLAIMED

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


DELETE = "admin:flows_storedtask_delete"
IS_CLAIMED = "012345… is being finished, or was interrupted. Release it with “manage.py flowtasks” first."


@pytest.fixture
def claimed():
    StoredTask.objects.update(status=CLAIMED)
    django_store.StateStore().create("free", "owner", "{}")


@pytest.mark.parametrize("confirmation", [{}, {"post": "yes"}], ids=["asked", "confirmed"])
def test_a_task_that_is_claimed_is_not_removed_and_the_page_says_what_to_do(admin_client, claimed, confirmation):
    response = admin_client.post(reverse(DELETE, args=[TASK_ID]), {"is": "sent", **confirmation})
    assert IS_CLAIMED in response.content.decode()
    assert StoredTask.objects.filter(pk=TASK_ID).exists()


@pytest.mark.parametrize("confirmation", [{}, {"post": "yes"}], ids=["asked", "confirmed"])
def test_tasks_of_which_one_is_claimed_are_not_removed_together(admin_client, claimed, confirmation):
    chosen = {"action": "delete_selected", "_selected_action": [TASK_ID, "free"]}
    response = admin_client.post(reverse(LIST), {**chosen, **confirmation})
    assert IS_CLAIMED in response.content.decode()
    assert StoredTask.objects.count() == 2
    admin_client.post(reverse(LIST), {**chosen, "_selected_action": ["free"], "post": "yes"})
    assert StoredTask.objects.get().pk == TASK_ID


def test_a_task_that_is_claimed_while_its_removal_is_confirmed_stays(claimed):
    shown = StoredTaskAdmin(StoredTask, admin.site)
    shown.delete_model(None, StoredTask(pk=TASK_ID))
    shown.delete_queryset(None, StoredTask.objects.all())
    assert StoredTask.objects.get().pk == TASK_ID


def test_the_tasks_that_are_claimed_are_found_in_the_list(admin_client, claimed):
    text = admin_client.get(reverse(LIST), {"status__exact": CLAIMED}).content.decode()
    assert "012345…" in text
    assert "free" not in text


def test_a_task_is_called_by_the_beginning_of_its_id():
    assert str(StoredTask.objects.get()) == "012345…"
