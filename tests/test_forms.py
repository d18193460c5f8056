"""What is remembered of a form, and what is shown when the visitor comes back to it."""

import pytest
from django import forms
from django.urls import include, path, reverse

from flows.components import Action, Scaffold
from flows.handler import FlowHandler
from flows.models import StoredTask
from flows.transitions import Linear

from tests.testapp.flows import NameForm
from tests.testapp.models import Effect, Item
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


class Shelf(Action):
    form_class = forms.modelformset_factory(Item, fields=["name"], extra=1)

    def form_valid(self, form):
        form.save()
        return super().form_valid(form)


class LineForm(forms.Form):
    item = forms.ModelChoiceField(Item.objects, required=False)
    price = forms.IntegerField(disabled=True)


class Lines(Action):
    form_class = forms.formset_factory(LineForm, extra=1)
    initial = [{"price": 5}]


class Summed(Action):
    form_class = NameForm

    def get_answers(self, form):
        return f"the name {form.cleaned_data['name']}"


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


class Note(Action):
    form_class = type("NoteForm", (forms.Form,), {"text": forms.CharField()})

    def form_valid(self, form):
        Effect.objects.create(what=self.position.name)
        return super().form_valid(form)


class First(Note):
    pass


class Second(Note):
    pass


class Last(Action):
    form_class = NameForm


def flow(name, *actions):
    return type(name, (Scaffold,), {"action_set": [*actions, Last], "transition": Linear()})


handler = FlowHandler()
for made in (
    flow("Sale", Price, Offer),
    flow("List", Rows),
    flow("Safe", Secrets),
    flow("Free", Anything),
    flow("Notes", First, Second),
    flow("Shop", Shelf, Lines, Summed),
):
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


def test_a_model_formset_that_is_sent_again_as_it_is_shown_doubles_no_row():
    visitor = begin("shop")
    visitor.submit(**management(1, 0), **{"form-0-name": "one"})
    formset = back(visitor)
    assert [form["name"].value() for form in formset] == ["one", None]
    visitor.submit(**management(2, 1), **{"form-0-id": Item.objects.get().pk, "form-0-name": "one"})
    assert list(Item.objects.values_list("name", flat=True)) == ["one"]


def test_rows_of_a_formset_are_shown_as_forms_are():
    item = Item.objects.create(name="one")
    visitor = begin("shop")
    visitor.submit(**management(1, 1), **{"form-0-id": item.pk, "form-0-name": "one"})
    visitor.submit(**management(2, 1), **{"form-0-item": item.pk})
    url = visitor.url
    formset = back(visitor)
    assert [(form["item"].value(), form["price"].value()) for form in formset] == [(item.pk, 5), (None, None)]
    visitor.open(url)
    visitor.submit(name="x")
    item.delete()
    back(visitor)
    formset = back(visitor)
    assert [(form["item"].value(), form["price"].value()) for form in formset] == [(None, 5), (None, None)]
    assert visitor.text.count("<select") == 2


def test_what_is_remembered_instead_of_a_forms_answers_is_not_shown_in_it():
    visitor = begin("shop")
    visitor.submit(**management(1, 0))
    visitor.submit(**management(1, 0))
    visitor.submit(name="Anna")
    assert visitor.response.context["answers"][Summed] == "the name Anna"
    assert back(visitor)["name"].value() is None


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
def test_what_cannot_be_kept_is_an_error_of_the_form_however_often_it_is_sent(data):
    visitor = begin("free")
    url, form = visitor.url, visitor.form(data=data)
    for _ in range(2):
        visitor.send(url, form)
        assert visitor.response.status_code == 200
        assert "This cannot be kept" in visitor.text
        assert not StoredTask.objects.exists()
    visitor.submit(data="1")
    assert visitor.page == "/free/last/"


# What is too large


@pytest.fixture
def small(settings):
    settings.FLOWS_MAX_STATE_BYTES = 20_000


TOO_LONG = "This is too long to be kept. Please shorten it."


def test_an_answer_that_is_too_large_is_an_error_of_the_form_before_there_are_effects(small):
    visitor = begin("notes")
    url, form = visitor.url, visitor.form(text="x" * 10_500)
    for _ in range(2):
        visitor.send(url, form)
        assert visitor.response.context["form"].errors == {"__all__": [TOO_LONG]}
        assert TOO_LONG in visitor.text
        assert not StoredTask.objects.exists()
    assert not Effect.objects.exists()
    visitor.submit(text="x" * 8_000)
    assert visitor.page == "/notes/second/"


def test_answers_that_are_too_large_together_are_an_error_of_the_form(small):
    visitor = begin("notes")
    visitor.submit(text="x" * 5_000)
    before = StoredTask.objects.get().data
    visitor.submit(text="y" * 5_000)
    assert visitor.response.context["form"].errors == {"__all__": [TOO_LONG]}
    assert StoredTask.objects.get().data == before
    assert Effect.objects.count() == 1
    visitor.submit(text="y" * 3_000)
    assert visitor.page == "/notes/last/"


def test_answers_that_take_the_place_of_earlier_ones_are_not_counted_twice(small):
    visitor = begin("notes")
    for letter in "abc":
        visitor.submit(text=letter * 6_000)
        assert visitor.page == "/notes/second/"
        back(visitor)


def test_what_an_answer_that_just_fits_leaves_is_enough_for_what_is_noted_of_it(small):
    for length in range(9_700, 10_100, 20):
        visitor = begin("notes")
        visitor.submit(text="x" * length)
        if visitor.page == "/notes/first/":
            break
        assert len(StoredTask.objects.latest("touched").data) <= 20_000
        visitor.submit(text="x")
    assert TOO_LONG in visitor.text


def test_a_letter_counts_as_the_bytes_that_it_is_kept_as(small):
    visitor = begin("notes")
    visitor.submit(text="ä" * 2_000)  # "\u00e4" each
    assert TOO_LONG in visitor.text


def test_rows_that_are_too_large_are_an_error_of_the_formset(small):
    visitor = begin("list")
    url, form = visitor.url, visitor.form(**management(2, 0), **{"form-0-name": "x" * 10_500})
    for _ in range(2):
        visitor.send(url, form)
        assert visitor.response.context["form"].non_form_errors() == [TOO_LONG]
        assert visitor.text.count(TOO_LONG) == 1
    visitor.submit(**management(2, 0), **{"form-0-name": "x"})
    assert visitor.page == "/list/last/"


def test_what_is_too_large_is_said_in_the_visitors_language(small):
    visitor = begin("notes")
    visitor.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    visitor.submit(text="x" * 10_500)
    assert "Das ist zu lang, um aufbewahrt zu werden. Bitte kürzen Sie es." in visitor.text


def test_without_a_limit_nothing_is_too_large(settings):
    settings.FLOWS_MAX_STATE_BYTES = None
    visitor = begin("notes")
    visitor.submit(text="x" * 2_000_000)
    assert visitor.page == "/notes/second/"


def test_a_depth_of_less_than_the_most_counts(settings):
    settings.FLOWS_MAX_STATE_DEPTH = 10
    visitor = begin("free")
    visitor.submit(data="[" * 10 + "]" * 10)
    assert "This cannot be kept" in visitor.text
    visitor.submit(data="[" * 9 + "]" * 9)
    assert visitor.page == "/free/last/"
