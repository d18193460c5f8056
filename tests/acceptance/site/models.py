from django.db import models


class Effect(models.Model):
    """What an action did in the site's database: kept only if the transaction it was done in was committed."""

    run = models.CharField(max_length=64, db_index=True)
    what = models.CharField(max_length=100)
    key = models.CharField(max_length=64)
