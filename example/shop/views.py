"""The pages of the shop that are one page each. What takes more than one is in flows.py."""

from django.contrib.auth.mixins import LoginRequiredMixin
from django.views.generic import DetailView, ListView

from .models import Item, Order


class Home(ListView):
    model = Item
    template_name = "shop/home.html"


class SoldOut(DetailView):
    model = Item
    template_name = "shop/sold_out.html"


class Orders(LoginRequiredMixin, ListView):
    template_name = "shop/orders.html"

    def get_queryset(self):
        return Order.objects.filter(user=self.request.user).select_related("item")


class OrderDetail(LoginRequiredMixin, DetailView):
    template_name = "shop/order.html"
    slug_field = slug_url_kwarg = "number"

    def get_queryset(self):
        return Order.objects.filter(user=self.request.user).select_related("item")
