import re

from django import forms
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.core.validators import RegexValidator
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from . import reset


class ChooseItemForm(forms.Form):
    quantity = forms.IntegerField(label=_("How many?"), initial=1, min_value=1)

    def __init__(self, *args, item, **kwargs):
        super().__init__(*args, **kwargs)
        self.item = item
        self.fields["quantity"].widget.attrs["max"] = item.stock

    def clean_quantity(self):
        quantity = self.cleaned_data["quantity"]
        if quantity > self.item.stock:
            raise forms.ValidationError(
                ngettext_lazy("Only %(stock)d is left.", "Only %(stock)d are left.", self.item.stock),
                params={"stock": self.item.stock},
            )
        return quantity


class RegisterForm(UserCreationForm):
    email = forms.EmailField(
        label=_("E-mail address"),
        help_text=_("For the receipt, and should you forget the password."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    class Meta(UserCreationForm.Meta):
        model = User
        fields = ["username", "email"]


class EmailForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail address"),
        help_text=_("We send you a code to this address."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code"),
        help_text=_("From the e-mail that we have just sent you."),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autocapitalize": "characters"}),
    )

    def __init__(self, *args, digest, **kwargs):
        super().__init__(*args, **kwargs)
        self.digest = digest

    def clean(self):
        # Taken out, so that it does not become an answer that is kept.
        code = self.cleaned_data.pop("code", None)
        if code is not None and not constant_time_compare(reset.digest(code), self.digest):
            self.add_error("code", _("This is not the code."))
        return self.cleaned_data


def get_saved_methods(user):
    """Return the ways to pay that a user asked us to remember, by what `ChooseMethodForm` calls them."""
    return {f"saved-{method.pk}": method for method in user.payment_methods.all()}


class ChooseMethodForm(forms.Form):
    method = forms.ChoiceField(label=_("How would you like to pay?"), widget=forms.RadioSelect)

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        saved = get_saved_methods(user)
        self.fields["method"].choices = [
            *saved.items(),
            ("card", _("Another card") if saved else _("Card")),
            ("bank", _("Bank account")),
            ("paypal", _("PayPal")),
        ]


class CardForm(forms.Form):
    """A card. `cleaned_data` holds its last four digits and neither the number nor the security code."""

    holder = forms.CharField(
        label=_("Name on the card"), max_length=50, widget=forms.TextInput(attrs={"autocomplete": "cc-name"})
    )
    number = forms.CharField(
        label=_("Card number"),
        help_text=_("For example 4242 4242 4242 4242. Never type a real one into an example."),
        max_length=30,
        widget=forms.TextInput(attrs={"autocomplete": "cc-number", "inputmode": "numeric"}),
    )
    expires = forms.CharField(
        label=_("Good until"),
        help_text=_("Month and year, for example 12/39."),
        max_length=7,
        widget=forms.TextInput(attrs={"autocomplete": "cc-exp", "placeholder": _("MM/YY")}),
    )
    security_code = forms.CharField(
        label=_("Security code"),
        help_text=_("Three or four digits, for example 123."),
        validators=[RegexValidator(r"^[0-9]{3,4}\Z", _("Three or four digits, please."))],
        widget=forms.PasswordInput(attrs={"autocomplete": "cc-csc", "inputmode": "numeric"}),
    )
    remember = forms.BooleanField(label=_("Remember this card for my next order"), label_suffix="", required=False)

    def clean_number(self):
        number = re.sub(r"[ -]", "", self.cleaned_data["number"])
        if not re.fullmatch(r"[0-9]{12,19}", number) or not passes_luhn(number):
            raise forms.ValidationError(_("This is not the number of a card. Is there a slip of the finger?"))
        return number

    def clean_expires(self):
        match = re.fullmatch(r"(0?[1-9]|1[0-2]) ?/ ?(?:20)?([0-9]{2})", self.cleaned_data["expires"])
        if not match:
            raise forms.ValidationError(_("Month and year, please, for example 12/39."))
        month, year = int(match[1]), 2000 + int(match[2])
        today = timezone.localdate()
        if (year, month) < (today.year, today.month):
            raise forms.ValidationError(_("This card is no longer good."))
        return f"{month:02}/{year % 100:02}"

    def clean(self):
        # What the form is cleaned to, is what is remembered as the answer of its action. A real shop would
        # hand number and code to its payment provider here, and keep the token that it gets for them.
        number = self.cleaned_data.pop("number", "")
        self.cleaned_data.pop("security_code", None)
        self.cleaned_data["last_digits"] = number[-4:]
        return self.cleaned_data


def passes_luhn(number):
    digits = [int(digit) for digit in reversed(number)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


class BankAccountForm(forms.Form):
    holder = forms.CharField(
        label=_("Account holder"), max_length=50, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    iban = forms.CharField(
        label=_("IBAN"),
        help_text=_("For example DE89 3704 0044 0532 0130 00."),
        max_length=50,
        widget=forms.TextInput(attrs={"autocapitalize": "characters", "spellcheck": "false"}),
    )
    remember = forms.BooleanField(label=_("Remember this account for my next order"), label_suffix="", required=False)

    def clean_iban(self):
        iban = re.sub(r"\s", "", self.cleaned_data["iban"]).upper()
        if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", iban) or not passes_mod_97(iban):
            raise forms.ValidationError(_("This is not an IBAN. Is there a slip of the finger?"))
        return iban


def passes_mod_97(iban):
    return int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97 == 1


class AddressForm(forms.Form):
    street = forms.CharField(
        label=_("Street and number"),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "street-address"}),
    )
    postcode = forms.CharField(
        label=_("Postcode"), max_length=12, widget=forms.TextInput(attrs={"autocomplete": "postal-code"})
    )
    city = forms.CharField(
        label=_("Town"), max_length=50, widget=forms.TextInput(attrs={"autocomplete": "address-level2"})
    )
    country = forms.CharField(
        label=_("Country"), max_length=50, widget=forms.TextInput(attrs={"autocomplete": "country-name"})
    )


class ConfirmForm(forms.Form):
    """The amount that was on the page when the customer said yes to it."""

    amount = forms.DecimalField(widget=forms.HiddenInput)

    def __init__(self, *args, total, **kwargs):
        super().__init__(*args, **kwargs)
        self.total = total

    def clean(self):
        if self.cleaned_data.get("amount") != self.total:
            raise forms.ValidationError(_("The amount has changed. Please have another look."))
        return self.cleaned_data
