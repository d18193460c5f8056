"""The flows that are interrupted, and what makes them wait for it."""

import json
import time
from io import StringIO

from django import forms
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.http import HttpResponse, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from flows.handler import FlowHandler

from .. import ledger
from ..setups import CLAIM
from .effects import effect
from .flows import Flush, Login, Logout, Step, Third, flow
from .forms import StepForm
from .middleware import run_of
from .models import Effect

#: Seconds that a page waits at most until its gate is opened.
PATIENCE = 30


class GateForm(StepForm):
    #: The name of a gate before or after the effect, which the test opens.
    before = forms.SlugField(required=False)
    after = forms.SlugField(required=False)


class Gated(Step):
    form_class = GateForm

    def form_valid(self, form):
        self.wait_at(form.cleaned_data["before"])
        outcome = super().form_valid(form)
        self.wait_at(form.cleaned_data["after"])
        return outcome

    def wait_at(self, gate):
        if gate:
            ledger.write("waiting", run=run_of(self.request), gate=gate, connection=connection_id())
            deadline = time.monotonic() + PATIENCE
            while not (settings.FOLDER / f"gate-{gate}").exists() and time.monotonic() < deadline:
                time.sleep(0.005)


class Begin(Gated):
    pass


class Last(Gated):
    pass


class CrossingForm(GateForm):
    #: The keys of the rows to be locked, in this order.
    rows = forms.CharField()


class Crossing(Gated):
    """Locks rows one by one, with a gate before the last."""

    form_class = CrossingForm

    def form_valid(self, form):
        data = form.cleaned_data
        *first, last = data["rows"].split()
        with transaction.atomic():
            effect(self, "crossing", name=data["name"])
            for row in first:
                self.lock(row)
            self.wait_at(data["before"])
            self.lock(last)
        return self.conclude(data)

    def lock(self, key):
        # By its key: on the way along any other index MariaDB would wait for rows that others have just made.
        Effect.objects.select_for_update().get(pk=key)


def connection_id():
    """Return by which id the database's server knows the connection of this process."""
    connection.ensure_connection()
    if connection.vendor == "postgresql":
        return connection.connection.info.backend_pid
    return connection.connection.thread_id() if connection.vendor == "mysql" else None


def all_effects(request):
    """Return what was committed, of whichever run."""
    return JsonResponse(list(Effect.objects.values_list("run", "what")), safe=False)


@csrf_exempt
@require_POST
@transaction.non_atomic_requests
def flowtasks(request):
    """Run ``manage.py flowtasks`` for each of these lists of arguments, and return what it said."""
    said = StringIO()
    for arguments in json.loads(request.POST["runs"]):
        call_command("flowtasks", *arguments, stdout=said)
    return HttpResponse(said.getvalue())


@csrf_exempt
@require_POST
def make_rows(request):
    """Make rows to be locked, and return their keys."""
    rows = [Effect.objects.create(run=run_of(request), what="row") for _ in range(int(request.POST["number"]))]
    return JsonResponse([row.pk for row in rows], safe=False)


#: The guarantee of the pages, and of ``complete()``.
DEFAULT = settings.SETUP.guarantees[0]
PAIRS = [*((same, same) for same in settings.SETUP.guarantees), (CLAIM, DEFAULT), (DEFAULT, CLAIM)]

handler = FlowHandler(app_name="crashing")
for guarantee, at_the_end in PAIRS:
    handler.register_entry_point(
        flow(f"crash-{at_the_end}-after", (Begin, Last), guarantee, at_the_end=at_the_end),
    )
for guarantee in settings.SETUP.guarantees:
    handler.register_entry_point(flow("crossing", (Begin, Crossing), guarantee))
    for change in (Login, Logout, Flush):
        handler.register_entry_point(flow(f"crash-{change.__name__.lower()}", (Begin, change, Third), guarantee))

urlpatterns = [
    path("crashing/effects/", all_effects),
    path("crashing/flowtasks/", flowtasks),
    path("crashing/rows/", make_rows),
    path("", include(handler.urls)),
]
