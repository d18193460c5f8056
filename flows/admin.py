"""The stored tasks, to be counted and removed; what is in them is their visitors' own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from .models import StoredTask


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
