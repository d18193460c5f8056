from django.urls import path

from . import paypal, views

app_name = "shop"

urlpatterns = [
    path("", views.Home.as_view(), name="home"),
    path("orders/", views.Orders.as_view(), name="orders"),
    path("orders/<slug:number>/", views.OrderDetail.as_view(), name="order"),
    path("sold-out/<int:pk>/", views.SoldOut.as_view(), name="sold-out"),
    path("paypal/", paypal.provider, name="paypal"),
]
