"""The flows in which to lose one's way: a fork, a route argument, a page that a deploy removes."""

from django.conf import settings
from django.urls import include, path

from flows.handler import FlowHandler

from .flows import First, Flow, Second, Step, Third, flow


class Choose(Step):
    """Asks for the way on: its name is that of the page."""


class Way(Step):
    def should_skip(self):
        return self.answers.get("choose", {}).get("name") != self.name


class Car(Way):
    pass


class Train(Way):
    pass


class Item(Flow):
    """One of many things of which each has URLs of its own."""

    url = "item/<int:number>/"
    action_set = [First, Second, Third]


#: What the pages of ``deploy`` are when ``REMOVED_PAGES`` names some.
LEFT = [page for page in (First, Second, Third) if page.__name__ not in getattr(settings, "REMOVED_PAGES", ())]

handler = FlowHandler(app_name="trips")
handler.register_entry_point(Item)
for guarantee in settings.SETUP.guarantees:
    handler.register_entry_point(flow("fork", (Choose, Car, Train, Third), guarantee))
    handler.register_entry_point(flow("deploy", LEFT, guarantee))

urlpatterns = [path("", include(handler.urls))]
