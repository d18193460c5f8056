"""Buying an item, from "this one?" to the order.

Checkout                      one after the other
├── ChooseItem
├── Identify                  skipped by those who are logged in
│   ├── Login
│   ├── Register
│   └── ForgotPassword        one after the other
│       ├── AskEmail
│       ├── EnterCode
│       └── NewPassword
├── HowToPay                  the answers decide
│   ├── ChooseMethod
│   ├── CardDetails
│   ├── BankAccount
│   ├── BankAddress
│   ├── PayPalStart           leads to another site
│   └── PayPalReturn          and back
└── Confirm
"""

from decimal import Decimal

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.forms import AuthenticationForm, SetPasswordForm
from django.contrib.auth.models import User
from django.shortcuts import get_object_or_404, redirect
from django.utils.crypto import get_random_string
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from flows.components import COMPLETE, Action, Scaffold
from flows.preconditions import LoginRequired, RequiredState
from flows.transitions import Linear

from . import paypal, reset
from .forms import (
    AddressForm,
    BankAccountForm,
    CardForm,
    ChooseItemForm,
    ChooseMethodForm,
    CodeForm,
    ConfirmForm,
    EmailForm,
    RegisterForm,
)
from .models import Item, PaymentMethod
from .orders import OutOfStockError, place_order


class Purchase:
    """What is bought, for the components that want to know."""

    @cached_property
    def item(self):
        return get_object_or_404(Item, pk=self.kwargs["item"])

    @property
    def quantity(self):
        return self.answers[ChooseItem]["quantity"]

    @property
    def amount(self):
        return self.quantity * self.item.price


class ChooseItem(Purchase, Action):
    title = gettext_lazy("Buy this item?")
    form_class = ChooseItemForm
    template_name = "shop/choose_item.html"

    def get_form_kwargs(self):
        return {**super().get_form_kwargs(), "item": self.item}


# Who are you?


class Login(Action):
    title = gettext_lazy("Log in")
    form_class = AuthenticationForm
    template_name = "shop/login.html"

    def register_url(self):
        return self.link_to(Register)

    def forgot_password_url(self):
        return self.link_to(ForgotPassword)

    def get_form_kwargs(self):
        return {**super().get_form_kwargs(), "request": self.request}

    def form_valid(self, form):
        login(self.request, form.get_user())
        return COMPLETE


class Register(Action):
    title = gettext_lazy("Register")
    form_class = RegisterForm
    template_name = "shop/register.html"

    def login_url(self):
        return self.link_to(Login)

    def form_valid(self, form):
        login(self.request, form.save())
        return COMPLETE


class AskEmail(Action):
    title = gettext_lazy("Forgot your password?")
    form_class = EmailForm

    def form_valid(self, form):
        # Also forgets what was proved for another address before.
        self.state["reset"] = reset.send_code(form.cleaned_data["email"])
        return COMPLETE


class EnterCode(Action):
    title = gettext_lazy("Enter the code")
    form_class = CodeForm
    preconditions = [RequiredState("reset", otherwise=AskEmail)]

    def prepare(self):
        if reset.is_over(self.state["reset"]):
            return self.start_again()
        return None

    def start_again(self):
        messages.warning(self.request, _("That code can no longer be used. Please ask for a new one."))
        return self.send_to(AskEmail)

    def get_form_kwargs(self):
        return {**super().get_form_kwargs(), "digest": self.state["reset"]["digest"]}

    def form_valid(self, form):
        self.state["reset"]["proved"] = True
        return COMPLETE

    def form_invalid(self, form):
        # One task handles one POST at a time, so nobody gets more tries by being quick.
        self.state["reset"]["tries"] += 1
        if reset.is_over(self.state["reset"]):
            return self.start_again()
        return super().form_invalid(form)


class NewPassword(Action):
    title = gettext_lazy("Choose a new password")
    form_class = SetPasswordForm
    preconditions = [RequiredState("reset", otherwise=AskEmail)]

    def prepare(self):
        if not self.state["reset"]["proved"]:
            return EnterCode
        return None

    def get_form_kwargs(self):
        user = get_object_or_404(User, pk=self.state["reset"]["user"], is_active=True)
        return {**super().get_form_kwargs(), "user": user}

    def form_valid(self, form):
        user = form.save()
        del self.state["reset"]
        login(self.request, user)
        return COMPLETE


class ForgotPassword(Scaffold):
    title = gettext_lazy("Forgot your password?")
    action_set = [AskEmail, EnterCode, NewPassword]
    transition = Linear()


class Identify(Scaffold):
    title = gettext_lazy("Who are you?")
    action_set = [Login, Register, ForgotPassword]
    transition = None

    def should_skip(self):
        return self.request.user.is_authenticated


# How to pay? Whatever the way, it ends with a description of it in state["payment"].


class ChooseMethod(Action):
    title = gettext_lazy("How to pay")
    form_class = ChooseMethodForm

    def get_form_kwargs(self):
        return {**super().get_form_kwargs(), "user": self.request.user}

    def form_valid(self, form):
        # Somebody who came back to pay in another way has not done so yet.
        self.state.pop("payment", None)
        method = form.cleaned_data["method"]
        if method in form.saved:
            saved = form.saved[method]
            self.state["payment"] = {
                "kind": saved.kind,
                "description": saved.description,
                "address": saved.address,
            }
            return COMPLETE
        return {"card": CardDetails, "bank": BankAccount, "paypal": PayPalStart}[method]


class CardDetails(Action):
    title = gettext_lazy("Your card")
    form_class = CardForm

    def form_valid(self, form):
        card = form.cleaned_data
        self.state["payment"] = {
            "kind": PaymentMethod.Kind.CARD.value,
            "description": _("Card ending in %(digits)s, good until %(expires)s")
            % {"digits": card["last_digits"], "expires": card["expires"]},
            "remember": card["remember"],
        }
        return COMPLETE


class BankAccount(Action):
    title = gettext_lazy("Your bank account")
    form_class = BankAccountForm

    def form_valid(self, form):
        self.state["bank_account"] = form.cleaned_data
        return BankAddress


class BankAddress(Action):
    title = gettext_lazy("Address of the account holder")
    form_class = AddressForm
    preconditions = [RequiredState("bank_account", otherwise=BankAccount)]

    def form_valid(self, form):
        account, address = self.state["bank_account"], form.cleaned_data
        self.state["payment"] = {
            "kind": PaymentMethod.Kind.BANK.value,
            "description": _("Bank account ending in %(digits)s") % {"digits": account["iban"][-4:]},
            "address": "\n".join(
                [
                    account["holder"],
                    address["street"],
                    f"{address['postcode']} {address['city']}",
                    address["country"],
                ]
            ),
            "remember": account["remember"],
        }
        return COMPLETE


class PayPalStart(Purchase, Action):
    name = "paypal-start"
    title = gettext_lazy("On to PayPal")
    template_name = "shop/paypal_start.html"
    skip_on_back = True

    def form_valid(self, form):
        self.state["paypal_reference"] = reference = get_random_string(20)
        # The link carries the task, so whoever comes back with it goes on where they left.
        return_url = self.request.build_absolute_uri(self.link_to(PayPalReturn))
        return redirect(paypal.payment_url(reference=reference, amount=self.amount, return_url=return_url))


class PayPalReturn(Action):
    name = "paypal-return"
    title = gettext_lazy("Back from PayPal")
    template_name = "shop/paypal_return.html"
    preconditions = [RequiredState("paypal_reference", otherwise=ChooseMethod)]
    skip_on_back = True

    def prepare(self):
        self.result = paypal.read_result(self.request.GET.get("result", ""))
        # A result for another purchase is as good as none.
        if not self.result or self.result["reference"] != self.state["paypal_reference"]:
            return ChooseMethod
        if not self.result["approved"]:
            messages.info(self.request, _("You did not pay with PayPal. Please choose how to pay."))
            return ChooseMethod
        return None

    def form_valid(self, form):
        self.state["payment"] = {
            "kind": PaymentMethod.Kind.PAYPAL.value,
            "description": _("PayPal, reference %(reference)s") % {"reference": self.result["reference"]},
            "approved_amount": Decimal(self.result["amount"]),
        }
        return COMPLETE


class HowToPay(Scaffold):
    title = gettext_lazy("How to pay")
    action_set = [ChooseMethod, CardDetails, BankAccount, BankAddress, PayPalStart, PayPalReturn]
    transition = None
    preconditions = [LoginRequired()]


class Confirm(Purchase, Action):
    title = gettext_lazy("Confirm and pay")
    form_class = ConfirmForm
    template_name = "shop/confirm.html"
    preconditions = [LoginRequired(), RequiredState("payment", otherwise=HowToPay)]

    def prepare(self):
        if self.quantity > self.item.stock:
            messages.warning(self.request, _("So many are no longer in stock. Please choose again."))
            return ChooseItem
        if self.state["payment"].get("approved_amount", self.amount) != self.amount:
            messages.warning(self.request, _("You agreed to another amount with PayPal. Please choose how to pay."))
            return HowToPay
        return None

    def get_form_kwargs(self):
        return {**super().get_form_kwargs(), "total": self.amount}


class Checkout(Purchase, Scaffold):
    title = gettext_lazy("Checkout")
    url = "buy/<int:item>/"
    action_set = [ChooseItem, Identify, HowToPay, Confirm]
    transition = Linear()

    def prepare(self):
        if not self.item.stock:
            return redirect("shop:sold-out", pk=self.item.pk)
        return None

    def complete(self):
        try:
            order = place_order(self.request.user, self.item, self.quantity, self.amount, self.state["payment"])
        except OutOfStockError:
            # Somebody else was quicker, by less than the time it takes to press the button.
            return redirect("shop:sold-out", pk=self.item.pk)
        return redirect(order)
