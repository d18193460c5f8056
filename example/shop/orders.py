"""Placing an order. Knows nothing of pages: a management command or an API would call the same function."""

from functools import partial

from django.core.mail import send_mail
from django.db import transaction
from django.db.models import F
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from .models import Item, Order, PaymentMethod


class OutOfStockError(Exception):
    """There are fewer left than were ordered."""


@transaction.atomic
def place_order(user, item, quantity, amount, payment):
    """Take `quantity` of `item` out of the stock and return the `Order`, or raise `OutOfStockError`.

    `payment` is a dict with `kind`, `description`, and where wanted `address` and `remember`.
    """
    # Condition and decrement are one statement: of two customers, only one gets the last piece.
    taken = Item.objects.filter(pk=item.pk, stock__gte=quantity).update(stock=F("stock") - quantity)
    if not taken:
        raise OutOfStockError
    order = Order.objects.create(
        user=user,
        item=item,
        quantity=quantity,
        amount=amount,
        payment=payment["description"],
        address=payment.get("address", ""),
    )
    if payment.get("remember"):
        PaymentMethod.objects.get_or_create(
            user=user,
            kind=payment["kind"],
            description=payment["description"],
            defaults={"address": payment.get("address", "")},
        )
    # robust: the order stands, even where the mail cannot be sent.
    transaction.on_commit(partial(send_order_mail, order), robust=True)
    return order


def send_order_mail(order):
    if order.user.email:
        subject = _("Your order %(number)s") % {"number": order.number}
        body = render_to_string("shop/order_mail.txt", {"order": order})
        send_mail(subject, body, None, [order.user.email])
