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
│   ├── Bank                  one after the other
│   │   ├── BankAccount
│   │   └── BankAddress
│   └── PayPal                leads to another site, and back here
└── Confirm
"""

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

from . import payments, paypal, reset
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
    get_saved_methods,
)
from .models import Item
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
    template_name = "shop/ask_email.html"

    def login_url(self):
        return self.link_to(Login)

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


# How to pay?


class ChooseMethod(Action):
    title = gettext_lazy("How to pay")
    form_class = ChooseMethodForm

    def get_form_kwargs(self):
        return {**super().get_form_kwargs(), "user": self.request.user}

    def form_valid(self, form):
        return {"card": CardDetails, "bank": Bank, "paypal": PayPal}.get(form.cleaned_data["method"], COMPLETE)


class CardDetails(Action):
    title = gettext_lazy("Your card")
    form_class = CardForm


class BankAccount(Action):
    title = gettext_lazy("Your bank account")
    form_class = BankAccountForm


class BankAddress(Action):
    title = gettext_lazy("Address of the account holder")
    form_class = AddressForm


class Bank(Scaffold):
    title = gettext_lazy("Your bank account")
    action_set = [BankAccount, BankAddress]
    transition = Linear()


class PayPal(Purchase, Action):
    name = "paypal"
    title = gettext_lazy("Pay with PayPal")
    template_name = "shop/paypal.html"
    skip_on_back = True

    def prepare(self):
        self.result = paypal.read_result(self.request.GET.get("result", ""))
        # A result for another purchase is as good as none.
        if self.result and self.result["reference"] != self.state.get("paypal_reference"):
            self.result = None
        if self.result and not self.result["approved"]:
            messages.info(self.request, _("You did not pay with PayPal. Please choose how to pay."))
            return ChooseMethod
        return None

    def form_valid(self, form):
        if self.result:
            self.state["paypal_result"] = self.result
            return COMPLETE
        self.state["paypal_reference"] = reference = get_random_string(20)
        # The link carries the task, so whoever comes back with it goes on where they left.
        return_url = self.request.build_absolute_uri(self.link_to(PayPal))
        return self.leave(paypal.payment_url(reference=reference, amount=self.amount, return_url=return_url))


class HowToPay(Scaffold):
    title = gettext_lazy("How to pay")
    action_set = [ChooseMethod, CardDetails, Bank, PayPal]
    transition = None
    preconditions = [LoginRequired()]

    def complete(self):
        # Of the ways to pay only the one that was taken is on the route, and so in the answers.
        if CardDetails in self.answers:
            payment = payments.by_card(self.answers[CardDetails])
        elif BankAddress in self.answers:
            payment = payments.by_bank(self.answers[BankAccount], self.answers[BankAddress])
        elif PayPal in self.answers:
            payment = payments.by_paypal(self.state["paypal_result"])
        else:
            method = self.answers[ChooseMethod]["method"]
            payment = payments.by_saved_method(get_saved_methods(self.request.user)[method])
        self.state["payment"] = payment


class Confirm(Purchase, Action):
    title = gettext_lazy("Confirm and pay")
    form_class = ConfirmForm
    template_name = "shop/confirm.html"
    preconditions = [LoginRequired()]

    def prepare(self):
        if self.quantity > self.item.stock:
            messages.warning(self.request, _("So many are no longer in stock. Please choose again."))
            return ChooseItem
        if self.state["payment"].get("approved_amount", self.amount) != self.amount:
            messages.warning(self.request, _("You agreed to another amount with PayPal. Please agree to this one."))
            return PayPal
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
