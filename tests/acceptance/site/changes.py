"""Flows that change the visitor's session, on their first, middle or last page, and one that refuses."""

from django.conf import settings
from django.http import JsonResponse
from django.urls import include, path, reverse

from flows.handler import FlowHandler

from .flows import First, Flush, Login, Logout, Second, Step, Third, flow


class Refusing(Step):
    """Finds fault with some answers, and has had its effect by then."""

    def form_valid(self, form):
        outcome = super().form_valid(form)
        if form.cleaned_data["name"] != "refuse this":
            return outcome
        form.add_error("name", "This was refused.")
        return self.form_invalid(form)


handler = FlowHandler(app_name="changes")
for guarantee in settings.SETUP.guarantees:
    for change in (Login, Logout, Flush):
        what = change.__name__.lower()
        handler.register_entry_point(flow(f"{what}-first", (change, Third), guarantee))
        handler.register_entry_point(flow(f"{what}-middle", (First, change, Third), guarantee))
        handler.register_entry_point(flow(f"{what}-last", (First, change), guarantee))
    pages = [type(page.__name__, (Refusing,), {}) for page in (First, Second, Third)]
    handler.register_entry_point(flow("refusing", pages, guarantee))


def positions(request):
    """Return the URLs of all pages of the flows here and of the handler ``flows``, with the default guarantee."""
    from .urls import handler as main

    ending = f"-{settings.SETUP.guarantees[0]}"
    names = [f"{each.app_name}:{pattern.name}" for each in (main, handler) for pattern in each.urls[0] if pattern.name]
    return JsonResponse(
        sorted({reverse(name) for name in names if name.partition("/")[0].endswith(ending)}), safe=False
    )


urlpatterns = [path("positions/", positions), path("", include(handler.urls))]
