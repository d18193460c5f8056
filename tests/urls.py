from django.contrib import admin
from django.http import HttpResponse
from django.urls import include, path

from flows.handler import FlowHandler

from tests.testapp import flows

handler = FlowHandler()
for flow in (
    flows.Journey,
    flows.Checkout,
    flows.Branching,
    flows.Empty,
    flows.Free,
    flows.Single,
    flows.Gate,
    flows.Shelf,
    flows.Walled,
):
    handler.register_entry_point(flow)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("thanks/", lambda request: HttpResponse("thanks")),
    path("", include(handler.urls)),
]
