"""What is remembered of a form, and what is shown when the visitor comes back to it."""

import enum
import re
from datetime import datetime

import pytest
from django import forms
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
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


class Permissions(Action):
    form_class = forms.inlineformset_factory(ContentType, Permission, fields=["name", "codename"], extra=1)

    def get_form_kwargs(self):
        return {**super().get_form_kwargs(), "instance": ContentType.objects.get(model="item")}

    def form_valid(self, form):
        form.save()
        return super().form_valid(form)


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


class Picture(forms.MultiWidget):
    """As of a captcha: made anew for each page, whatever there was before."""

    def __init__(self):
        super().__init__([forms.HiddenInput, forms.TextInput])

    def decompress(self, value):
        return value.split(",") if value else [None, None]

    def render(self, name, value, attrs=None, renderer=None):
        Effect.objects.create(what="picture")
        self.number = Effect.objects.count()
        return super().render(name, [self.number, ""], attrs, renderer)

    def get_context(self, name, value, attrs):
        return {**super().get_context(name, value, attrs), "number": self.number}


class Proof(forms.MultiValueField):
    widget = Picture

    def __init__(self):
        super().__init__([forms.CharField(), forms.CharField()])

    def clean(self, value):
        return value


class Corners(forms.MultiWidget):
    def __init__(self):
        super().__init__([forms.NumberInput, forms.NumberInput])

    def decompress(self, value):
        return value.split(" to ") if value else [None, None]


class Span(forms.MultiValueField):
    """Cleans to something else than its widget takes apart."""

    widget = Corners

    def __init__(self):
        super().__init__([forms.IntegerField(), forms.IntegerField()])

    def compress(self, values):
        return {"least": values[0], "most": values[1]}


class Stars(forms.TextInput):
    def render(self, name, value, attrs=None, renderer=None):
        return super().render(name, "*" * int(value or 0), attrs, renderer)


class Shouted(forms.TextInput):
    def format_value(self, value):
        return value and value.upper()


class OddForm(forms.Form):
    proof = Proof()
    span = Span()
    stars = forms.CharField(widget=Stars, initial=3)
    size = forms.TypedChoiceField(choices=[(1, "small"), (2, "large")], coerce=lambda value: {"size": value})
    shouted = forms.IntegerField(widget=Shouted)
    day = forms.DateField(widget=forms.SelectDateWidget(years=[2030]))
    moment = forms.SplitDateTimeField()
    data = forms.JSONField()


class Odd(Action):
    form_class = OddForm


class LateForm(forms.Form):
    moment = forms.SplitDateTimeField()
    data = forms.JSONField(disabled=True)


class Late(Action):
    """Offers what is worked out when the page is shown."""

    form_class = LateForm

    def get_initial(self):
        return {"moment": self.tell, "data": self.tell_data}

    def tell(self):
        Effect.objects.create(what="moment")
        return datetime(2030, 1, 2, 3, 4)

    def tell_data(self):
        Effect.objects.create(what="data")
        return [1]


class ItemForm(forms.ModelForm):
    class Meta:
        model = Item
        fields = ["name"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["name"].disabled = True
        self.fields["note"] = forms.CharField(help_text=f"instead of {self.initial.get('note')}")


class Edit(Action):
    form_class = ItemForm

    def get_form_kwargs(self):
        return {**super().get_form_kwargs(), "instance": Item.objects.get()}


class GuestForm(forms.Form):
    name = forms.CharField()
    meal = forms.CharField(required=False, initial="meat")


class Guests(Action):
    form_class = forms.formset_factory(GuestForm, extra=1, can_order=True, can_delete=True)
    initial = [{"name": "Ann"}, {"name": "Ben"}]


class Pair(Action):
    form_class = forms.formset_factory(
        type("MealForm", (forms.Form,), {"meal": forms.CharField(initial="meat")}), min_num=2
    )


class Picker(forms.DateInput):
    class Media:
        js = ["picker.js"]
        css = {"all": ["picker.css"]}


class ManyForm(forms.Form):
    name = forms.CharField(max_length=3)
    day = forms.DateField(widget=Picker, label="The day")
    kind = forms.ChoiceField(choices=[("a", "A")], widget=forms.RadioSelect)
    moment = forms.SplitDateTimeField()

    def clean(self):
        raise forms.ValidationError("Not like this.")


class Many(Action):
    form_class = ManyForm


class Several(Action):
    form_class = forms.formset_factory(ManyForm, extra=2, min_num=1, validate_min=True)


class Size(enum.Enum):
    SMALL = 1
    LARGE = 2


class ChoicesForm(forms.Form):
    member = forms.TypedChoiceField(choices=[("", "-"), ("1", "S"), ("2", "L")], coerce=lambda text: Size(int(text)))
    truth = forms.TypedChoiceField(choices=[("yes", "Yes"), ("no", "No")], coerce=lambda text: text == "yes")
    other = forms.TypedChoiceField(choices=[(1, "one"), (2, "two")], coerce=lambda text: 3 - int(text))
    several = forms.TypedMultipleChoiceField(choices=[("Any", [("1", "S"), ("2", "L")])], coerce=lambda n: Size(int(n)))
    none = forms.TypedChoiceField(choices=[("", "-"), ("1", "S")], coerce=int, required=False, empty_value=None)
    known = forms.TypedChoiceField(choices=[("x", "no longer"), ("s", "S")], coerce={"s": 1}.__getitem__)


class Choices(Action):
    form_class = ChoicesForm


class ChoiceRows(Action):
    form_class = forms.formset_factory(ChoicesForm, extra=1)


class PlaceForm(forms.Form):
    """A script puts in where something is on a map."""

    at = forms.CharField(widget=forms.HiddenInput)
    since = forms.SplitDateTimeField(widget=forms.SplitHiddenDateTimeWidget)
    tags = forms.MultipleChoiceField(choices=[("a", "A"), ("b", "B")], widget=forms.MultipleHiddenInput)
    price = forms.IntegerField(widget=forms.HiddenInput, initial=5)


class Place(Action):
    form_class = PlaceForm
    initial = {"at": ""}


class NewKind(Action):
    """A model and the rows that belong to it, saved together."""

    form_class = Permissions.form_class

    def get_form_kwargs(self):
        kwargs = super().get_form_kwargs()
        kwargs.pop("initial")
        return {**kwargs, "instance": ContentType(app_label="testapp", model="hat")}

    def form_valid(self, form):
        form.instance.save()
        form.save()
        return super().form_valid(form)


class MediaForm(forms.Form):
    media = forms.ChoiceField(choices=[("a", "A")])
    day = forms.DateField(widget=Picker)


class Media(Action):
    form_class = MediaForm


class RadiosForm(forms.Form):
    own = forms.ChoiceField(choices=[("a", "A")], widget=forms.RadioSelect(attrs={"id": "radios"}))
    grouped = forms.ChoiceField(choices=[("Any", [("a", "A"), ("b", "B")])], widget=forms.RadioSelect)
    boxes = forms.MultipleChoiceField(choices=[("a", "A")], widget=forms.CheckboxSelectMultiple(attrs={"id": "boxes"}))
    moment = forms.SplitDateTimeField(widget=forms.SplitDateTimeWidget(attrs={"id": "when"}))
    nothing = forms.ChoiceField(choices=[], widget=forms.RadioSelect)


class Radios(Action):
    form_class = RadiosForm


class Refusing(Action):
    """Refuses what it is sent, and asks for something else from then on."""

    form_class = type("BothForm", (forms.Form,), {"name": forms.CharField(), "code": forms.CharField()})
    later = NameForm

    def get_form_class(self):
        return self.later if "tries" in self.state else self.form_class

    def form_valid(self, form):
        self.state["tries"] = self.state.get("tries", 0) + 1
        Effect.objects.create(what=self.position.name)
        form.add_error("name", "Not this name.")
        form.add_error("code", "Not this code.")
        form.add_error(None, "Nothing of it.")
        return self.form_invalid(form)


class RefusingRows(Refusing):
    form_class = forms.formset_factory(Refusing.form_class)

    def form_valid(self, form):
        super().form_valid(form.forms[-1])
        form.non_form_errors().append("Not so many.")
        return self.form_invalid(form)


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
    flow("Oddities", Odd),
    flow("Lateness", Late),
    flow("Editing", Edit),
    flow("Party", Guests),
    flow("Dinner", Pair),
    flow("Rights", Permissions),
    flow("Chosen", Choices, ChoiceRows),
    flow("Map", Place),
    flow("Kinds", NewKind),
    flow("Medium", Media),
    flow("Buttons", Radios),
    flow("One", Many),
    flow("Some", Several),
    flow("Less", type("NoCode", (Refusing,), {})),
    flow("Rows", type("NowRows", (Refusing,), {"later": forms.formset_factory(NameForm)})),
    flow("Same", type("SameRows", (RefusingRows,), {"later": RefusingRows.form_class})),
    flow("Fewer", type("NoRows", (RefusingRows,), {"later": forms.formset_factory(NameForm)})),
    flow("Single", type("NowOne", (RefusingRows,), {"later": NameForm})),
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
    offer = visitor.url
    visitor.submit(shown=1, note="please")
    back(visitor)
    back(visitor)
    visitor.submit(price=999)
    visitor.open(offer)
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


ROWS = {
    "form-0-name": "Ann",
    "form-0-meal": "meat",
    "form-0-ORDER": 1,
    "form-1-name": "Ben",
    "form-1-meal": "meat",
    "form-1-ORDER": 2,
}


def names_and_meals(rows):
    return [(row["name"], row["meal"]) for row in rows]


def test_rows_that_are_sent_as_they_were_offered_are_answers_and_blank_ones_are_not():
    visitor = begin("party")
    visitor.submit(**management(3, 2), **ROWS, **{"form-2-meal": "meat"})
    assert names_and_meals(visitor.response.context["answers"][Guests]) == [("Ann", "meat"), ("Ben", "meat")]
    formset = back(visitor)
    assert (formset.initial_form_count(), formset.total_form_count()) == (2, 3)
    assert [row["name"].value() for row in formset] == ["Ann", "Ben", None]


def test_a_row_that_was_taken_out_stays_out_and_may_be_put_in_again():
    visitor = begin("party")
    visitor.submit(**management(2, 2), **ROWS, **{"form-1-DELETE": "on"})
    assert [row["name"].value() for row in back(visitor)] == ["Ann", None]
    visitor.submit(**management(2, 1), **ROWS)
    assert names_and_meals(visitor.response.context["answers"][Guests]) == [("Ann", "meat"), ("Ben", "meat")]
    back(visitor)
    visitor.submit(**management(2, 2), **ROWS, **{"form-0-DELETE": "on", "form-1-DELETE": "on"})
    assert visitor.response.context["answers"][Guests] == []
    assert [row["name"].value() for row in back(visitor)] == [None]


def test_rows_are_remembered_and_shown_in_the_order_that_the_visitor_gave_them():
    visitor = begin("party")
    order = {"form-0-ORDER": 2, "form-1-ORDER": 1, "form-2-name": "Cid", "form-2-meal": "fish"}
    visitor.submit(**management(3, 2), **{**ROWS, **order})
    assert [row["name"] for row in visitor.response.context["answers"][Guests]] == ["Ben", "Ann", "Cid"]
    assert [(row["name"].value(), row["ORDER"].value()) for row in back(visitor)] == [
        ("Ben", 1),
        ("Ann", 2),
        ("Cid", None),
        (None, None),
    ]


def test_rows_that_have_to_be_filled_in_are_answers_also_as_they_are_shown():
    visitor = begin("dinner")
    visitor.submit(**management(3, 0), **{"form-0-meal": "meat", "form-1-meal": "meat", "form-2-meal": "meat"})
    assert visitor.response.context["answers"][Pair] == [{"meal": "meat"}] * 2


def test_rows_of_a_model_formset_are_answers_also_where_nothing_was_changed():
    item = Item.objects.create(name="one")
    visitor = begin("shop")
    visitor.submit(**management(2, 1), **{"form-0-id": item.pk, "form-0-name": "one"})
    assert [row["name"] for row in visitor.response.context["answers"][Shelf]] == ["one"]


def test_rows_of_an_inline_formset_are_answers_and_are_shown_again_as_they_are():
    kind = ContentType.objects.get(model="item")
    kind.permission_set.all().delete()
    kept, gone = (kind.permission_set.create(name=f"Can {name}", codename=name) for name in ("keep", "go"))
    visitor = begin("rights")
    rows = {
        f"permission_set-{number}-{name}": value
        for number, row in enumerate((kept, gone))
        for name, value in (("id", row.pk), ("name", row.name), ("codename", row.codename))
    }
    new = {"permission_set-2-name": "Can wear", "permission_set-2-codename": "wear", "permission_set-1-DELETE": "on"}
    visitor.submit(**{"permission_set-TOTAL_FORMS": 3, "permission_set-INITIAL_FORMS": 2}, **rows, **new)
    assert [row["name"] for row in visitor.response.context["answers"][Permissions]] == [kept.name, "Can wear"]
    assert [row["name"].value() for row in back(visitor)] == [kept.name, "Can wear", None]


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


ODD = {
    "proof_0": 1,
    "proof_1": "seven",
    "span_0": 1,
    "span_1": 2,
    "stars": "many",
    "size": 2,
    "shouted": "1",
    "day_year": 2030,
    "day_month": 1,
    "day_day": 2,
    "moment_0": "2030-01-02",
    "moment_1": "03:04",
    "data": "[1]",
}


def test_a_field_whose_widget_cannot_show_the_answer_is_shown_as_if_there_were_none():
    visitor = begin("oddities")
    visitor.submit(**ODD)
    before = Effect.objects.count()
    form = back(visitor)
    values = {name: form[name].value() for name in form.fields}
    assert values.pop("moment").replace(tzinfo=None) == datetime(2030, 1, 2, 3, 4)
    assert str(values.pop("day")) == "2030-01-02"
    assert values == {
        "proof": None,
        "span": None,
        "stars": 3,
        "shouted": None,
        "size": 2,
        "data": "[1]",
    }
    assert Effect.objects.count() == before + 1, "A captcha is made once for a page."
    visitor.submit(**ODD)
    assert visitor.page == "/oddities/last/"


CHOSEN = {"member": "2", "truth": "no", "other": "1", "several": ["2"], "none": "", "known": "s"}


def test_choices_are_shown_as_chosen_whatever_they_are_coerced_to():
    visitor = begin("chosen")
    visitor.submit(**CHOSEN)
    assert visitor.response.context["answers"]["choices"] == {
        "member": Size.LARGE,
        "truth": False,
        "other": 2,
        "several": [Size.LARGE],
        "none": None,
        "known": 1,
    }
    visitor.submit(**management(1, 0), **{f"form-0-{name}": value for name, value in CHOSEN.items()})
    row = back(visitor).forms[0]
    assert re.findall(r'<option value="(\w*)" selected', row.as_p()) == ["2", "no", "1", "2", "", "s"]
    assert re.findall(r'<option value="(\w*)" selected', back(visitor).as_p()) == ["2", "no", "1", "2", "", "s"]


def test_what_a_script_put_into_hidden_fields_is_there_again_where_the_action_offers_nothing():
    visitor = begin("map")
    visitor.submit(at="51.5,0.1", since_0="2030-01-02", since_1="03:04", tags=["b"], price=7)
    fields = back(visitor).as_p()
    values = re.findall(r'name="(\w+)" value="([^"]*)"', fields)
    assert values == [
        ("at", "51.5,0.1"),
        ("since_0", "2030-01-02"),
        ("since_1", "03:04:00"),
        ("tags", "b"),
        ("price", "5"),
    ]


def test_an_inline_formset_may_belong_to_what_is_saved_with_it():
    visitor = begin("kinds")
    row = {"permission_set-0-name": "Can wear", "permission_set-0-codename": "wear"}
    visitor.submit(**{"permission_set-TOTAL_FORMS": 1, "permission_set-INITIAL_FORMS": 0}, **row)
    assert visitor.page == "/kinds/last/"
    assert Permission.objects.get(codename="wear").content_type.model == "hat"
    assert [row["name"] for row in visitor.response.context["answers"]["new-kind"]] == ["Can wear"]


def told():
    """Return what was worked out since the last time."""
    names = list(Effect.objects.order_by("pk").values_list("what", flat=True))
    Effect.objects.all().delete()
    return names


def test_what_is_offered_may_be_a_callable_that_is_called_once_for_a_page_that_shows_it():
    visitor = begin("lateness")
    assert 'value="03:04:00"' in visitor.text
    assert told() == ["moment", "data"]
    visitor.submit(moment_0="2031-05-06", moment_1="07:08")
    told()
    form = back(visitor)
    assert (form["moment"].value().year, form["data"].value()) == (2031, "[1]")
    assert told() == ["data"]


def test_a_model_form_shows_what_its_instance_has_where_the_visitor_cannot_edit_it():
    item = Item.objects.create(name="one")
    visitor = begin("editing")
    visitor.submit(note="old")
    item.name = "other"
    item.save()
    form = back(visitor)
    assert (form["name"].value(), form["note"].value()) == ("other", "old")
    assert "instead of old" in visitor.text, "What is remembered is there when the form is made."


# The default page


@pytest.mark.parametrize("name", ["one", "some"])
def test_the_page_loads_what_its_widgets_need(name):
    head = begin(name).text.partition("</head>")[0]
    assert head.count("picker.js") == head.count("picker.css") == 1


def test_a_field_may_be_called_media():
    visitor = begin("medium")
    head, _, body = visitor.text.partition("</head>")
    assert ("picker.js" in head, "<select" in head, body.count("<select")) == (True, False, 1)


def summary(visitor):
    """Return the lines of the summary of errors, and the links in it, each of which leads somewhere."""
    text = re.search(r'role="alert".*?</div>', visitor.text, re.DOTALL)[0]
    links = re.findall(r'href="#([^"]*)"', text)
    assert [link for link in links if f'id="{link}"' not in visitor.text] == []
    return re.findall("<li>(.*?)</li>", re.sub("</?a[^>]*>", "", text)), links


REQUIRED = "This field is required."
TOO_LONG_NAME = "Ensure this value has at most 3 characters (it has 4)."


def test_errors_are_summed_up_with_links_to_where_they_are_put_right():
    visitor = begin("one")
    visitor.submit(name="Anna")
    assert summary(visitor) == (
        [
            *("Not like this.", f"Name: {TOO_LONG_NAME}", f"The day: {REQUIRED}"),
            *(f"Kind: {REQUIRED}", f"Moment: {REQUIRED}"),
        ],
        ["id_name", "id_day", "id_kind_0", "id_moment_0"],
    )


def test_errors_of_several_inputs_link_to_the_first_whatever_its_id_is():
    visitor = begin("buttons")
    visitor.submit()
    assert summary(visitor)[1] == ["radios_0", "id_grouped_0_0", "boxes_0", "id_moment_0"]


def test_errors_of_rows_are_summed_up_with_the_number_of_the_row():
    visitor = begin("some")
    filled = {"day": "2030-01-02", "kind": "a", "moment_0": "2030-01-02", "moment_1": "03:04"}
    rows = {f"form-{number}-{name}": value for number in (0, 1) for name, value in filled.items()}
    visitor.submit(**management(2, 0), **rows, **{"form-0-name": "Ann", "form-1-name": "Anna"})
    assert summary(visitor) == (
        ["Row 1: Not like this.", "Row 2: Not like this.", f"Row 2: Name: {TOO_LONG_NAME}"],
        ["id_form-1-name"],
    )
    assert "<title>Error: " in visitor.text
    german = visitor.client.post(visitor.url, visitor.form(**management(1, 0)), headers={"Accept-Language": "de"})
    assert "Zeile 1: <a " in german.content.decode()


def test_errors_of_a_formset_without_rows_are_summed_up_too():
    visitor = begin("some")
    visitor.submit(**management(0, 0))
    assert summary(visitor) == (["Please submit at least 1 form."], [])
    assert "<title>Error: " in visitor.text
    visitor = begin("list")
    visitor.submit()
    assert "ManagementForm data is missing" in summary(visitor)[0][0]


# The duplicate of a submission that was refused


ALL = {*management(1, 0).items(), ("name", "x"), ("code", "y"), ("form-0-name", "x"), ("form-0-code", "y")}


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("less", ["Nothing of it.", "Not this code.", "Name: Not this name."]),
        ("rows", ["Not this name.", "Not this code.", "Nothing of it."]),
        (
            "same",
            ["Not so many.", "Row 1: Nothing of it.", "Row 1: Name: Not this name.", "Row 1: Code: Not this code."],
        ),
        ("fewer", ["Not this code.", "Not so many.", "Row 1: Nothing of it.", "Row 1: Name: Not this name."]),
        ("single", ["Not so many.", "Not this name.", "Not this code.", "Nothing of it."]),
    ],
)
def test_errors_that_an_action_found_are_shown_again_in_whatever_form_there_is_now(name, lines):
    visitor = begin(name)
    url, form = visitor.url, visitor.form(**dict(ALL))
    visitor.send(url, form)
    assert "Not this code." in visitor.text
    visitor.send(url, form)
    assert visitor.response.status_code == 200
    assert summary(visitor)[0] == lines
    assert Effect.objects.count() == 1


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
