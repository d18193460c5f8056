"""This library, as its documentation says to write a journey."""

from django.http import HttpResponseRedirect
from django.urls import include, path

from flows.components import Action, Scaffold
from flows.handler import FlowHandler
from flows.transitions import Linear

from ..forms import PageForm, is_asked
from . import Contender


class Page(Action):
    form_class = PageForm
    template_name = "benchmarks/page.html"


class Asked(Page):
    """A page under a condition on what was said on the first."""

    def should_skip(self):
        return not is_asked(self.answers.get("journey/page-1"))


class Journey(Scaffold):
    url = ""
    transition = Linear()

    def complete(self):
        return HttpResponseRedirect("/end/")


def make_flow(pages, base=Page, under_condition=Page):
    """Return a flow of so many pages, of which every second one is of another class."""
    actions = [
        type(f"Page{number}", (under_condition if number % 2 == 0 else base,), {"name": f"page-{number}"})
        for number in range(1, pages + 1)
    ]
    actions[0].url = ""
    return type("Flow", (Journey,), {"name": "journey", "action_set": actions})


def make(pages, conditional):
    handler = FlowHandler()
    handler.register_entry_point(make_flow(pages, under_condition=Asked if conditional else Page))
    return [path("", include(handler.urls))]


OURS = Contender("django-flows", make)
OURS_FAST = OURS.on("flows.sessions.db")
CONTENDERS = [OURS, OURS_FAST]
