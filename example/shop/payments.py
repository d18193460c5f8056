"""How an order is paid, from what the customer said: dicts as `place_order()` takes them."""

from decimal import Decimal

from django.utils.translation import gettext as _

from .models import PaymentMethod

Kind = PaymentMethod.Kind


def by_saved_method(saved):
    return {"kind": saved.kind, "description": saved.description, "address": saved.address}


def by_card(card):
    description = _("Card ending in %(digits)s, good until %(expires)s") % {
        "digits": card["last_digits"],
        "expires": card["expires"],
    }
    return {"kind": Kind.CARD.value, "description": description, "remember": card["remember"]}


def by_bank(account, address):
    lines = [account["holder"], address["street"], f"{address['postcode']} {address['city']}", address["country"]]
    return {
        "kind": Kind.BANK.value,
        "description": _("Bank account ending in %(digits)s") % {"digits": account["iban"][-4:]},
        "address": "\n".join(lines),
        "remember": account["remember"],
    }


def by_paypal(result):
    return {
        "kind": Kind.PAYPAL.value,
        "description": _("PayPal, reference %(reference)s") % {"reference": result["reference"]},
        "approved_amount": Decimal(result["amount"]),
    }
