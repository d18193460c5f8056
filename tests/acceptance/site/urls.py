from django.http import HttpResponse
from django.urls import include, path

from flows.handler import FlowHandler

from . import views
from .flows import FLOWS

handler = FlowHandler()
for flow in FLOWS:
    handler.register_entry_point(flow)

urlpatterns = [
    path("ping/", views.ping),
    path("thanks/", lambda request: HttpResponse("thanks")),
    path("effects/", views.effects),
    path("session/", views.session),
    path("touch-session/", views.touch_session),
    path("login/", views.log_in),
    path("logout/", views.log_out),
    path("age/", views.age),
    path("", include("tests.acceptance.site.changes")),
    path("", include("tests.acceptance.site.clock")),
    path("", include("tests.acceptance.site.crashing")),
    path("", include("tests.acceptance.site.crowd")),
    path("", include("tests.acceptance.site.records")),
    path("", include("tests.acceptance.site.trips")),
    path("", include("tests.acceptance.site.hostile")),
    path("", include(handler.urls)),
]
