"""The stored tasks in the admin. They can be counted and removed; what is in them is not shown.

A claimed task is not removed: nothing else says what was interrupted in it.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from .models import StoredTask
from .statestore.base import CLAIMED


@admin.register(StoredTask)
class StoredTaskAdmin(admin.ModelAdmin):
    list_display = ("__str__", "status", "version", "touched")
    list_filter = ("status", "touched")
    ordering = ("-touched",)
    fields = ("status", "version", "touched")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        to_delete, counts, perms_needed, protected = super().get_deleted_objects(objs, request)
        text = _("%(task)s is being finished, or was interrupted. Release it with “manage.py flowtasks” first.")
        claimed = [text % {"task": task} for task in objs if task.status == CLAIMED]
        return to_delete, counts, perms_needed, [*protected, *claimed]

    def delete_model(self, request: HttpRequest, obj: StoredTask) -> None:
        self.delete_queryset(request, StoredTask.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[StoredTask]) -> None:
        # A task may have been claimed since the page was shown.
        queryset.exclude(status=CLAIMED).delete()
