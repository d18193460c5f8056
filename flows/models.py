"""The table of `flows.statestore.django_store`."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from .statestore.base import CLAIMED, ENDED, OPEN

STATUSES = [(OPEN, _("open")), (CLAIMED, _("being finished")), (ENDED, _("ended"))]


class StoredTask(models.Model):
    """One row for each task. Only the state store writes it."""

    id = models.CharField(_("id"), max_length=64, primary_key=True)
    owner = models.CharField(_("owner"), max_length=64, editable=False)
    version = models.PositiveIntegerField(_("version"), default=0, editable=False)
    status = models.CharField(
        _("status"), max_length=8, default=OPEN, db_default=OPEN, choices=STATUSES, editable=False
    )
    data = models.TextField(_("data"), editable=False)
    # By the database's clock.
    touched = models.DateTimeField(_("last used"), editable=False)

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        # For FLOWS_MAX_TASKS_PER_OWNER. An owner has few tasks: to find which are open and idle needs no index.
        # The other is for what has expired, which depends on the status and on the last use.
        indexes = [
            models.Index(fields=["owner"], name="flows_task_owner"),
            models.Index(fields=["status", "touched"], name="flows_task_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.id[:6]}…"
