"""A flow with a page that takes its time to be shown, and a session with more tasks than anybody has."""

import time

from django.conf import settings
from django.db import transaction
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.urls import include, path

from flows.handler import FlowHandler

from .effects import effect
from .flows import First, Flow, Second, Third, flow

#: Seconds that a slow page takes to be shown.
SLOW = 0.3


class Looked(Second):
    """Counts in the state how often it was looked at with ``?count``, and takes its time with ``?slow``."""

    name = "second"

    def prepare(self):
        if "count" in self.request.GET:
            self.state["looked"] = self.state.get("looked", 0) + 1
        if "slow" in self.request.GET:
            time.sleep(SLOW)


class Crowd(Flow):
    """Tells at its end which one of many it is."""

    action_set = [First, Looked, Third]

    def complete(self):
        answers = {position: dict(answers) for position, answers in self.answers.items()}
        effect(self, "complete", number=self.state["number"], answers=answers)


handler = FlowHandler(app_name="crowd")
handler.register_entry_point(Crowd)
for guarantee in settings.SETUP.guarantees:
    handler.register_entry_point(flow("looked", (First, Looked, Third), guarantee))


def make_crowd(request):
    """Begin many tasks for the visitor, with the numbers from ``first`` up to ``last``; return where they begin."""
    numbers = range(int(request.GET["first"]), int(request.GET["last"]))
    with transaction.atomic():
        links = [handler.flow_entry_link(request, Crowd, initial_state={"number": number}) for number in numbers]
    return JsonResponse(links, safe=False)


def token(request):
    """Set the cookie of the CSRF token, and no other, as a page of the site with a form does."""
    return HttpResponse(get_token(request))


urlpatterns = [path("make-crowd/", make_crowd), path("token/", token), path("", include(handler.urls))]
