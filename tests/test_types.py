"""Values of a project's own types, and what every field of Django's makes of what was sent."""

import dataclasses
import datetime
import enum
import json
import uuid
from collections import OrderedDict, namedtuple
from decimal import Decimal

import pytest
from django import forms
from django.db import OperationalError, models
from django.urls import include, path
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.components import Action, Scaffold
from flows.exceptions import DefinitionError, NotStorable, NotStorableValue, StateDamaged
from flows.handler import FlowHandler
from flows.models import StoredTask
from flows.serializing import codec
from flows.transitions import Linear
from flows.types import register_type

from tests.testapp.models import Item
from tests.visitor import Visitor

pytestmark = pytest.mark.urls(__name__)


def again(value):
    return codec.loads(codec.dumps(value))


@dataclasses.dataclass(frozen=True)
class Money:
    amount: Decimal
    currency: str


class Price(Money):
    """A subclass that is registered itself."""


class Wage(Money):
    """A subclass that is not."""


class Phone(str):
    """A text that compares as its digits do."""

    __slots__ = ()

    def __eq__(self, other):
        return isinstance(other, Phone) and self.digits == other.digits

    def __hash__(self):
        return hash(self.digits)

    @property
    def digits(self):
        return "".join(filter(str.isdigit, self))


class Grams(int):
    pass


class Level(enum.IntEnum):
    HIGH = 3


class Mood(enum.Enum):
    GOOD = "good"


class Draft(models.Model):
    """A model whose instances are kept by their values, saved or not."""

    text = models.CharField(max_length=20)

    class Meta:
        app_label = "testapp"
        managed = False


Point = namedtuple("Point", "x y")


class Ordered(OrderedDict):
    pass


class Tree:
    def __init__(self, *branches):
        self.branches = branches

    def __eq__(self, other):
        return self.branches == other.branches

    __hash__ = None


register_type(Money, to_json=lambda money: [money.amount, money.currency], from_json=lambda kept: Money(*kept))
register_type(Price, to_json=lambda price: str(price.amount), from_json=lambda kept: Price(Decimal(kept), "EUR"))
register_type(Phone, to_json=lambda phone: phone.digits, from_json=Phone, name="phone")
register_type(Grams, to_json=int, from_json=Grams)
register_type(Level, to_json=lambda level: level.name, from_json=Level.__getitem__)
register_type(Mood, to_json=lambda mood: mood.value, from_json=Mood, name="mood")
register_type(Draft, to_json=lambda draft: draft.text, from_json=lambda text: Draft(pk=1, text=text))
register_type(Point, to_json=list, from_json=lambda kept: Point(*kept))
register_type(Ordered, to_json=dict, from_json=Ordered)
register_type(Tree, to_json=lambda tree: list(tree.branches), from_json=lambda kept: Tree(*kept))

VALUES = [
    Money(Decimal("1.10"), "EUR"),
    Price(Decimal("1.10"), "EUR"),
    Phone("020 7946"),
    Grams(3),
    Level.HIGH,
    Mood.GOOD,
    Draft(pk=1, text="a"),
    Point(1, Decimal("0.5")),
    Ordered(b=1, a={1: "x"}),
    Tree(Tree(), Tree(Tree(), 1), Money(Decimal(1), "EUR")),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_of_a_registered_type_comes_back(value):
    (kept,), text = again([value]), codec.dumps(value)
    assert kept == value
    assert type(kept) is type(value)
    assert codec.dumps(kept) == text


def test_values_of_registered_types_can_stand_where_others_of_their_kind_can():
    value = {Phone("02"): {Grams(1): Phone("1")}, "set": {Money(Decimal(1), "EUR"), Phone("3")}, "tuple": (Level.HIGH,)}
    kept = again(value)
    assert kept == value
    assert [type(key) for key in kept] == [Phone, str, str]
    assert [type(key) for key in kept[Phone("02")]] == [Grams]


def test_equal_values_are_equal_trees():
    assert codec.pack(Phone("020 79")) == codec.pack(Phone("02079"))


def test_a_value_of_a_subclass_is_kept_as_one_of_the_nearest_registered_class():
    kept = again(Wage(Decimal(1), "EUR"))
    assert type(kept) is Money
    assert type(again(type("Discount", (Price,), {})(Decimal(1), "EUR"))) is Price


def test_nothing_but_the_name_of_the_type_and_plain_values_is_stored():
    assert json.loads(codec.dumps(Phone("020"))) == {"~": "type", "v": ["phone", "020"]}
    assert json.loads(codec.dumps(Grams(3))) == {"~": "type", "v": [f"{__name__}.Grams", 3]}


# Registering


class One:
    pass


class Two:
    pass


def register(cls, **options):
    register_type(cls, **{"to_json": lambda value: None, "from_json": lambda kept: cls(), **options})


def test_a_name_that_another_class_has_is_refused():
    register(One, name="one")
    with pytest.raises(DefinitionError) as caught:
        register(Two, name="one")
    assert str(caught.value) == (
        f"{__name__}.Two cannot be registered as 'one': {__name__}.One is. Give it another name=."
    )


@pytest.mark.parametrize(
    "known",
    [
        *(str, int, bool, float, dict, list, tuple, set, frozenset, bytes, type(None), object, Decimal, uuid.UUID),
        *(datetime.date, datetime.datetime, datetime.time, datetime.timedelta, enum.Enum, models.Model),
        models.QuerySet,
    ],
)
def test_a_type_that_tasks_keep_by_themselves_is_refused(known):
    with pytest.raises(DefinitionError) as caught:
        register(known)
    assert str(caught.value) == (
        f"{known.__module__}.{known.__qualname__} cannot be registered: tasks keep its values already. "
        f"Register a class of your own."
    )


@pytest.mark.parametrize("value", [1, "shop.Money", None, len], ids=repr)
def test_what_is_not_a_class_is_refused(value):
    with pytest.raises(DefinitionError) as caught:
        register(value)
    assert str(caught.value) == f"register_type() was given {value!r}, which is not a class. Give it the class."


def test_a_module_that_is_loaded_again_registers_its_classes_again():
    def load(version):
        class Loaded:
            pass

        Loaded.version = version
        register(Loaded)
        return Loaded

    old, new = load(1), load(2)
    assert again(old()).version == 2
    assert again(new()).version == 2
    register(new)


# What goes wrong


class Faulty:
    pass


def test_a_value_of_a_type_that_is_not_registered_any_more_is_damaged():
    with pytest.raises(StateDamaged) as caught:
        codec.loads(codec.dumps(Phone("020")).replace("phone", "shop.Gone"))
    assert str(caught.value) == (
        "A value is kept as a 'shop.Gone', and no type is registered under this name. "
        "Register it with flows.types.register_type(…, name='shop.Gone')."
    )


def test_an_error_of_to_json_says_of_which_value_and_type():
    register(Faulty, to_json=lambda value: 1 / 0, name="faulty")
    with pytest.raises(NotStorable) as caught:
        codec.dumps({"a": [Faulty()]})
    assert str(caught.value) == (
        f"state['a'][0] is a {__name__}.Faulty, and the to_json of 'faulty' raised "
        f"ZeroDivisionError('division by zero'). Correct the function that flows.types.register_type() was given."
    )
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_to_json_that_returns_the_value_says_so():
    register(Faulty, to_json=lambda value: value, name="faulty")
    with pytest.raises(NotStorable) as caught:
        codec.dumps(Faulty())
    assert str(caught.value) == (
        f"state is a {__name__}.Faulty, and the to_json of 'faulty' returned one again. "
        f"Let it return what the value is made of."
    )


def test_what_to_json_returns_has_to_be_storable_too():
    register(Faulty, to_json=lambda value: {"a": object()}, name="faulty")
    with pytest.raises(NotStorable, match=r"^state\[1\]\['a'\] is a builtins.object, which a task cannot keep\."):
        codec.dumps([1, Faulty()])


def test_to_json_may_refuse_a_value_itself():
    def refuse(value):
        raise NotStorableValue("Not this one.")

    register(Faulty, to_json=refuse, name="faulty")
    with pytest.raises(NotStorableValue, match=r"^Not this one\.$"):
        codec.dumps(Faulty())


def test_an_error_of_from_json_says_of_which_type():
    register(Faulty, from_json=lambda kept: 1 / 0, name="faulty")
    with pytest.raises(StateDamaged) as caught:
        again(Faulty())
    assert str(caught.value) == (
        "The from_json of 'faulty' raised ZeroDivisionError('division by zero'). "
        "Let it read what was kept before it was changed, too."
    )


def test_a_database_that_is_away_damages_nothing():
    def fail(value):
        raise OperationalError("away")

    register(Faulty, from_json=fail, name="faulty")
    with pytest.raises(OperationalError):
        again([{1: Faulty()}])
    register(Faulty, to_json=fail, name="faulty")
    with pytest.raises(OperationalError):
        codec.dumps(Faulty())


# A visitor


class PhoneField(forms.CharField):
    def clean(self, value):
        return Phone(super().clean(value))


class Call(Action):
    form_class = type("CallForm", (forms.Form,), {"phone": PhoneField()})

    def form_valid(self, form):
        self.state["cost"] = Money(Decimal("1.10"), "EUR")
        return super().form_valid(form)


class Confirm(Action):
    form_class = type("ConfirmForm", (forms.Form,), {"sure": forms.CharField()})

    def form_valid(self, form):
        assert self.answers[Call]["phone"] == Phone("020 7946")
        assert self.state["cost"] == Money(Decimal("1.10"), "EUR")
        return super().form_valid(form)


class Ring(Scaffold):
    action_set = [Call, Confirm, Action]
    transition = Linear()


handler = FlowHandler()
handler.register_entry_point(Ring)
urlpatterns = [path("", include(handler.urls))]


@pytest.mark.django_db
def test_answers_and_state_hold_values_of_registered_types_in_each_store(each_store):
    visitor = Visitor()
    visitor.open("/ring/call/")
    visitor.submit(phone="(020) 79-46")
    assert visitor.page == "/ring/confirm/"
    visitor.submit(sure="yes")
    assert visitor.page == "/ring/action/"
    visitor.open(visitor.url.replace("action", "call"))
    assert 'value="0207946"' in visitor.text


@pytest.mark.django_db
def test_a_visitor_whose_answer_is_of_a_type_that_is_gone_is_told_that_there_is_no_task(caplog):
    visitor = Visitor()
    visitor.open("/ring/call/")
    visitor.submit(phone="(020) 79-46")
    task = StoredTask.objects.get()
    StoredTask.objects.update(data=task.data.replace('"phone",', '"gone",'))
    assert visitor.client.get(visitor.url.replace("confirm", "call")).status_code == 404
    assert "no type is registered under this name" in caplog.text


# What every field of a form gives


class Colour(models.TextChoices):
    RED = "r", "Red"


class Loudness(enum.Enum):
    LOUD = 3


COLOURS = [("r", "Red"), ("g", "Green")]
FIELDS = [
    (forms.BooleanField(), "on"),
    (forms.BooleanField(required=False), ""),
    (forms.CharField(), "é\U0001f600"),
    (forms.CharField(required=False, empty_value=None), ""),
    (forms.ChoiceField(choices=COLOURS), "r"),
    (forms.ComboField(fields=[forms.CharField(), forms.EmailField()]), "a@example.com"),
    (forms.DateField(), "2026-03-01"),
    (forms.DateTimeField(), "2026-03-01 12:30"),
    (forms.DecimalField(), "1.10"),
    (forms.DurationField(), "3 12:00:00.5"),
    (forms.EmailField(), "a@example.com"),
    (forms.FilePathField(path="/", required=False), ""),
    (forms.FloatField(), "0.1"),
    (forms.GenericIPAddressField(), "::1"),
    (forms.IntegerField(), "12345678901234567890"),
    (forms.JSONField(), '{"a": [1, null, 1.5, {"~": 1}]}'),
    (forms.JSONField(), '"text"'),
    (forms.MultipleChoiceField(choices=COLOURS), ["r", "g"]),
    (forms.NullBooleanField(), "unknown"),
    (forms.RegexField(r"\w+"), "a"),
    (forms.SlugField(), "a-b"),
    (forms.SplitDateTimeField(), ["2026-03-01", "12:30"]),
    (forms.TimeField(), "12:30"),
    (forms.TypedChoiceField(choices=COLOURS, coerce=Colour), "r"),
    (forms.TypedChoiceField(choices=[("3", "Loud")], coerce=lambda text: Loudness(int(text))), "3"),
    (forms.TypedMultipleChoiceField(choices=COLOURS, coerce=Colour), ["r"]),
    (forms.URLField(assume_scheme="https"), "example.com"),
    (forms.UUIDField(), "00000000-0000-0000-0000-000000000005"),
    (forms.ModelChoiceField(Item.objects, required=False), ""),
]


@pytest.mark.parametrize(("field", "sent"), FIELDS, ids=lambda value: type(value).__name__)
def test_what_a_form_field_cleans_comes_back(field, sent):
    value = field.clean(sent)
    assert again({"value": value}) == {"value": value}
    assert codec.dumps(again(value)) == codec.dumps(field.clean(sent))


@pytest.mark.django_db
def test_what_a_field_of_model_instances_cleans_comes_back():
    mug = Item.objects.create(name="a mug")
    assert again(forms.ModelChoiceField(Item.objects, to_field_name="name").clean("a mug")) == mug
    assert list(again(forms.ModelMultipleChoiceField(Item.objects).clean([str(mug.pk)]))) == [mug]
    assert list(again(forms.ModelMultipleChoiceField(Item.objects, required=False).clean([]))) == []


# PostgreSQL's own


@pytest.fixture
def postgres():
    pytest.importorskip("psycopg")
    from django.contrib.postgres import forms as fields

    return fields


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("IntegerRangeField", ["1", "5"]),
        ("IntegerRangeField", ["1", ""]),
        ("IntegerRangeField", ["", ""]),
        ("DecimalRangeField", ["1.10", "5"]),
        ("DateRangeField", ["2026-03-01", "2026-03-02"]),
        ("DateTimeRangeField", ["2026-03-01 12:30", "2026-03-02 12:30"]),
        ("HStoreField", '{"a": "1", "b": null}'),
    ],
)
def test_what_a_field_of_postgresql_cleans_comes_back(postgres, name, sent):
    value = getattr(postgres, name)().clean(sent)
    kept = again([value])[0]
    assert kept == value
    assert type(kept) is type(value)


def test_arrays_of_postgresql_come_back(postgres):
    numbers = [Decimal("1.10"), Decimal(2)]
    assert again(postgres.SimpleArrayField(forms.DecimalField()).clean("1.10,2")) == numbers
    assert again(postgres.SplitArrayField(forms.DecimalField(), size=2).clean(["1.10", "2"])) == numbers


BOUNDS = st.none() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.dates()


@settings(deadline=None)
@given(st.data())
def test_a_range_comes_back_with_its_bounds(data):
    pytest.importorskip("psycopg")
    from django.db.backends.postgresql.psycopg_any import NumericRange

    lower, upper = data.draw(BOUNDS), data.draw(BOUNDS)
    value = NumericRange(lower, upper, data.draw(st.sampled_from(["[]", "[)", "(]", "()"])))
    for one in (value, NumericRange(empty=True)):
        kept = again({"a": one})["a"]
        assert (kept, kept.isempty, kept.lower, kept.upper) == (one, one.isempty, one.lower, one.upper)
        assert (kept.lower_inc, kept.upper_inc) == (one.lower_inc, one.upper_inc)
        assert codec.dumps(kept) == codec.dumps(one)
