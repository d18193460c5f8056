from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils.crypto import get_random_string
from django.utils.translation import gettext_lazy as _

# Without letters and digits that are mistaken for one another when read aloud or typed.
UNMISTAKABLE = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


class Item(models.Model):
    name = models.CharField(_("name"), max_length=100)
    description = models.TextField(_("description"), blank=True)
    symbol = models.CharField(_("symbol"), max_length=8, blank=True, help_text=_("Shown where a photo would be."))
    price = models.DecimalField(_("price"), max_digits=8, decimal_places=2, validators=[MinValueValidator(0)])
    stock = models.PositiveIntegerField(_("stock"), default=0)

    class Meta:
        ordering = ["name"]
        verbose_name = _("item")
        verbose_name_plural = _("items")

    def __str__(self):
        return self.name


class PaymentMethod(models.Model):
    """A way to pay that a user asked us to remember: words to know it by, never the number of a card."""

    class Kind(models.TextChoices):
        CARD = "card", _("Card")
        BANK = "bank", _("Bank account")
        PAYPAL = "paypal", _("PayPal")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="payment_methods")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    description = models.CharField(_("description"), max_length=100)
    address = models.TextField(_("billing address"), blank=True)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("payment method")
        verbose_name_plural = _("payment methods")

    def __str__(self):
        return self.description


def make_order_number():
    return get_random_string(10, UNMISTAKABLE)


class Order(models.Model):
    number = models.CharField(_("number"), max_length=10, unique=True, editable=False, default=make_order_number)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="orders")
    item = models.ForeignKey(Item, models.PROTECT, related_name="orders")
    quantity = models.PositiveIntegerField(_("quantity"))
    amount = models.DecimalField(_("amount"), max_digits=10, decimal_places=2)
    payment = models.CharField(_("paid with"), max_length=100)
    address = models.TextField(_("billing address"), blank=True)
    created = models.DateTimeField(_("ordered at"), auto_now_add=True)

    class Meta:
        ordering = ["-created", "-pk"]
        verbose_name = _("order")
        verbose_name_plural = _("orders")

    def __str__(self):
        return self.number

    def get_absolute_url(self):
        return reverse("shop:order", kwargs={"number": self.number})
