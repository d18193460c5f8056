"""What is remembered of a form, and what is shown when the visitor comes back to it."""

import pytest
from django import forms
from django.urls import include, path, reverse

from flows.components import Action, Scaffold
from flows.handler import FlowHandler
from flows.models import StoredTask
from flows.transitions import Linear

from tests.testapp.flows import NameForm
from tests.testapp.models import Item
from tests.visitor import Visitor

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class Price(Action):
    form_class = type("PriceForm", (forms.Form,), {"price": forms.IntegerField()})

    def form_valid(self, form):
        self.state["price"] = form.cleaned_data["price"]
        return super().form_valid(form)


class OfferForm(forms.Form):
    price = forms.IntegerField(disabled=True)
    shown = forms.IntegerField(widget=forms.HiddenInput)
    note = forms.CharField()


class Offer(Action):
    form_class = OfferForm

    def get_initial(self):
        return {"price": self.state["price"], "shown": self.state["price"]}


class Rows(Action):
    form_class = forms.formset_factory(NameForm, extra=2, can_delete=True)


class PasswordInputs(forms.MultiWidget):
    def __init__(self):
        super().__init__({"first": forms.PasswordInput, "second": forms.PasswordInput})

    def decompress(self, value):
        return [None, None]


class Passwords(forms.MultiValueField):
    widget = PasswordInputs

    def __init__(self):
        super().__init__([forms.CharField(), forms.CharField()])

    def compress(self, values):
        return values[0]


class HiddenText(forms.TextInput):
    input_type = "password"


class SecretsForm(forms.Form):
    plain = forms.CharField()
    typed = forms.CharField(widget=forms.TextInput(attrs={"type": "password"}))
    hidden = forms.CharField(widget=HiddenText)
    twice = Passwords()


class Secrets(Action):
    form_class = SecretsForm


class AnyForm(forms.Form):
    item = forms.ModelChoiceField(Item.objects, required=False)
    data = forms.JSONField(required=False)


class Anything(Action):
    form_class = AnyForm


class Last(Action):
    form_class = NameForm


def flow(name, *actions):
    return type(name, (Scaffold,), {"action_set": [*actions, Last], "transition": Linear()})


handler = FlowHandler()
for made in (flow("Sale", Price, Offer), flow("List", Rows), flow("Safe", Secrets), flow("Free", Anything)):
    handler.register_entry_point(made)
urlpatterns = [path("", include(handler.urls))]


def begin(name):
    visitor = Visitor()
    visitor.open(reverse(f"flows:{name}"))
    return visitor


def back(visitor):
    visitor.open(visitor.response.context["flow"].back_url)
    return visitor.response.context["form"]


def test_what_the_visitor_cannot_edit_is_the_actions_to_say_each_time():
    visitor = begin("sale")
    visitor.submit(price=1)
    visitor.submit(shown=1, note="please")
    back(visitor)
    back(visitor)
    visitor.submit(price=999)
    form = visitor.response.context["form"]
    assert (form["price"].value(), form["shown"].value(), form["note"].value()) == (999, 999, "please")
    visitor.submit(shown=999, note="thanks")
    assert visitor.response.context["answers"]["offer"] == {"price": 999, "shown": 999, "note": "thanks"}


def management(total, initial):
    return {"form-TOTAL_FORMS": total, "form-INITIAL_FORMS": initial}


def test_of_a_formset_what_was_filled_in_is_remembered():
    visitor = begin("list")
    visitor.submit(**management(2, 0), **{"form-0-name": "one"})
    assert visitor.response.context["answers"][Rows] == [{"name": "one", "DELETE": False}]
    formset = back(visitor)
    assert (formset.initial_form_count(), formset.total_form_count()) == (1, 3)
    visitor.submit(**management(3, 1), **{"form-0-name": "one", "form-1-name": "two"})
    assert [row["name"] for row in visitor.response.context["answers"][Rows]] == ["one", "two"]
    back(visitor)
    visitor.submit(**management(4, 2), **{"form-0-name": "one", "form-0-DELETE": "on", "form-1-name": "two"})
    assert [row["name"] for row in visitor.response.context["answers"][Rows]] == ["two"]


def test_a_formset_that_is_sent_again_as_first_rendered_keeps_every_row():
    visitor = begin("list")
    url, form = visitor.url, visitor.form(**management(2, 0), **{"form-0-name": "x"})
    visitor.send(url, form)
    back(visitor)
    visitor.send(visitor.url, {**form, "form-1-name": "y"})
    assert [row["name"] for row in visitor.response.context["answers"][Rows]] == ["x", "y"]


def test_no_kind_of_password_field_is_remembered():
    visitor = begin("safe")
    visitor.submit(plain="seen", typed="hunter2", hidden="hunter2", twice_first="hunter2", twice_second="hunter2")
    assert visitor.page == "/safe/last/"
    assert "seen" in StoredTask.objects.get().data
    assert "hunter2" not in StoredTask.objects.get().data


def test_a_choice_that_was_deleted_since_is_not_shown_as_chosen():
    item = Item.objects.create(name="hat")
    visitor = begin("free")
    visitor.submit(item=item.pk)
    item.delete()
    back(visitor)
    assert "<select" in visitor.text


@pytest.mark.parametrize("data", ["NaN", "[1e999]", "[" * 250 + "]" * 250])
def test_what_cannot_be_kept_is_an_error_of_the_form(data):
    visitor = begin("free")
    visitor.submit(data=data)
    assert visitor.response.status_code == 200
    assert "This cannot be kept" in visitor.text
    visitor.submit(data="1")
    assert visitor.page == "/free/last/"
