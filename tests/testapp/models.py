from django.db import models


class Effect(models.Model):
    """One row for each time that something was done."""

    what = models.CharField(max_length=100)
    detail = models.CharField(max_length=200, blank=True)


class Item(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self):
        return self.name
