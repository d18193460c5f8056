"""Where the views that are written by hand keep what was said."""

import uuid

from django.db import models


class Journey(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    owner = models.CharField(max_length=64, blank=True)
    answers = models.JSONField(default=dict)
    done = models.BooleanField(default=False)
