"""Codes by which a visitor proves to read the mail of an address."""

from datetime import timedelta
from functools import partial

from django.contrib.auth.models import User
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.crypto import get_random_string, salted_hmac
from django.utils.translation import gettext as _

from .models import UNMISTAKABLE

LIFETIME = timedelta(minutes=15)
MAX_TRIES = 5


def digest(code):
    return salted_hmac("shop.reset", code.strip().upper(), algorithm="sha256").hexdigest()


def send_code(email):
    """Mail a code to `email` and return what has to be kept to check it: a dict, the code itself not in it.

    An address without an account gets a mail too, which says so. Neither the answer nor the time it takes
    tells the visitor which it was.
    """
    user = User.objects.filter(email__iexact=email, is_active=True).order_by("pk").first()
    code = get_random_string(8, UNMISTAKABLE)
    context = {"email": email, "user": user, "code": code, "minutes": LIFETIME // timedelta(minutes=1)}
    body = render_to_string("shop/reset_mail.txt", context)
    transaction.on_commit(partial(send_mail, _("Your code"), body, None, [email]), robust=True)
    return {
        "user": user.pk if user else None,
        "digest": digest(code),
        "sent": timezone.now(),
        "tries": 0,
        "proved": False,
    }


def is_over(reset):
    """Whether it is too late, or too often tried."""
    return reset["tries"] >= MAX_TRIES or timezone.now() - reset["sent"] > LIFETIME
