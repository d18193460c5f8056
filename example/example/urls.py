from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from flows.handler import FlowHandler

from shop.flows import Checkout

handler = FlowHandler()
handler.register_entry_point(Checkout)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("", include("shop.urls")),
    path("", include(handler.urls)),
]
