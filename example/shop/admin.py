from django.contrib import admin

from .models import Item, Order, PaymentMethod


@admin.register(Item)
class ItemAdmin(admin.ModelAdmin):
    list_display = ["name", "price", "stock"]
    search_fields = ["name"]


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    list_display = ["number", "created", "user", "item", "quantity", "amount", "payment"]
    list_filter = ["created", "item"]
    list_select_related = ["user", "item"]
    readonly_fields = ["number", "created"]
    search_fields = ["number", "user__username", "item__name"]


@admin.register(PaymentMethod)
class PaymentMethodAdmin(admin.ModelAdmin):
    list_display = ["description", "kind", "user"]
    list_filter = ["kind"]
    list_select_related = ["user"]
