"""A server whose clock is wrong, by the seconds of ``CLOCK_AHEAD``.

What Python tells the time by is changed, ``time.time`` and Django's ``now``, and not the process as a whole, as
``libfaketime`` would: the clock of SQLite is that of its process, and is the store's clock, which is not to be changed.
"""

import sys
import time
from datetime import timedelta

from django.conf import settings
from django.http import JsonResponse
from django.urls import path
from django.utils import timezone


def put_ahead(seconds):
    """Have ``time.time`` and ``timezone.now`` tell another time, also where they were imported from there."""
    time_then, now_then = time.time, timezone.now

    def time_there():
        return time_then() + seconds

    def now_there():
        return now_then() + timedelta(seconds=seconds)

    for module in (time, timezone, *(module for name, module in sys.modules.items() if name.startswith("flows."))):
        for name, value in list(vars(module).items()):
            if value is time_then or value is now_then:
                setattr(module, name, time_there if value is time_then else now_there)


def clock(request):
    """Return what time it is here."""
    return JsonResponse({"time": time.time(), "now": timezone.now().timestamp()})


if ahead := getattr(settings, "CLOCK_AHEAD", 0):
    put_ahead(ahead)

urlpatterns = [path("clock/", clock)]
