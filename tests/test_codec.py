"""Values to text and back."""

import contextlib
import datetime
import enum
import json
import math
import uuid
import zoneinfo
from array import array
from collections import OrderedDict, defaultdict, namedtuple
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.http import QueryDict
from django.test import override_settings
from django.utils.functional import SimpleLazyObject, lazy
from django.utils.safestring import mark_safe
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy, override
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.exceptions import NotStorable, NotStorableValue, StateDamaged
from flows.serializing import codec

from tests.testapp.models import Item

ZURICH = zoneinfo.ZoneInfo("Europe/Zurich")


def same(one, other):
    """Return whether two values are equal in type too, all the way down, and in fold and time zone."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return len(one) == len(other) and all(
            same(*keys) and same(one[keys[0]], other[keys[1]]) for keys in zip(one, other, strict=True)
        )
    if isinstance(one, (set, frozenset)):
        return one == other and sorted(map(repr, map(type, one))) == sorted(map(repr, map(type, other)))
    if isinstance(one, (datetime.datetime, datetime.time)):
        return (one.replace(tzinfo=None), one.fold, one.utcoffset(), zone(one)) == (
            other.replace(tzinfo=None),
            other.fold,
            other.utcoffset(),
            zone(other),
        )
    if isinstance(one, (float, Decimal)):
        return str(one) == str(other)  # -0.0 and 1.10 too
    return one == other


def zone(moment):
    return getattr(moment.tzinfo, "key", None)


ZONES = st.one_of(
    st.none(),
    st.timezones(),
    st.just(datetime.timezone.utc),
    st.integers(-86399, 86399).map(lambda seconds: datetime.timezone(datetime.timedelta(seconds=seconds))),
)
TEXTS = st.text(st.characters(codec=None))
HASHABLE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
    st.binary(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.uuids(),
    st.dates(),
    st.datetimes(timezones=ZONES),
    st.times(timezones=ZONES),
    st.builds(datetime.datetime.replace, st.datetimes(timezones=st.just(ZURICH)), fold=st.integers(0, 1)),
    st.builds(datetime.time.replace, st.times(), fold=st.integers(0, 1)),
    st.timedeltas(),
)
KEYS = st.one_of(TEXTS, st.sampled_from([codec.TAG, "v"]), st.integers(), st.booleans(), st.none())
VALUES = st.recursive(
    st.one_of(HASHABLE, st.frozensets(HASHABLE), st.sets(st.one_of(HASHABLE, st.tuples(HASHABLE)))),
    lambda inner: st.one_of(st.lists(inner), st.lists(inner).map(tuple), st.dictionaries(KEYS, inner)),
    max_leaves=10,
)


@pytest.mark.slow
@settings(deadline=None)
@given(VALUES)
@example("\ud83d\ude00")  # two surrogates that JSON would make one character of
@example({"\ud800": 1})
@example(10**5000)
@example(-(2**1024))
@example({codec.TAG: "model", "v": ["auth.user", 1, None]})
@example({"a": {codec.TAG: {codec.TAG: 1}}})
@example({1: "int", "1": "str", None: "none", "None": "str", False: "bool", "False": "str"})
@example([True, 1, 1.0, "1"])
@example(datetime.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZURICH))
@example(datetime.datetime(1, 1, 1, tzinfo=zoneinfo.ZoneInfo("Asia/Tokyo")))
@example(datetime.time(2, 30, tzinfo=ZURICH))
def test_a_value_comes_back_with_its_type(value):
    text = codec.dumps(value)
    assert text.isascii()
    assert "\x00" not in text
    assert same(codec.loads(text), value)
    assert codec.dumps(codec.loads(text)) == text


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(HASHABLE, unique=True))
def test_equal_sets_are_equal_texts(members):
    assert codec.dumps(set(members)) == codec.dumps({*members[::-1]})


def test_plain_json_is_written_as_it_is():
    value = {"a": [1, 1.5, True, None, "text", "\x00"], "b": {}}
    assert json.loads(codec.dumps(value)) == value


class Colour(models.TextChoices):
    RED = "r", "Red"


class Size(enum.IntEnum):
    LARGE = 3


class Landing(datetime.date, models.Choices):
    APOLLO = 1969, 7, 20


class Rate(Decimal, enum.Enum):
    LOW = "0.10"


class Loud(str):
    """A text that says something else than it is."""

    __slots__ = ()

    def __str__(self):
        return "LOUD"


class Hex(int):
    def __int__(self):
        return 0


class Frozen(datetime.datetime):
    """A moment as libraries make them that stop the clock in tests."""


class Key(uuid.UUID):
    pass


UUID = "00000000-0000-0000-0000-000000000005"


@pytest.mark.parametrize(
    ("value", "kept"), [(Colour.RED, "r"), (Size.LARGE, 3), (mark_safe("<b>"), "<b>")], ids=["choice", "enum", "safe"]
)
def test_a_kind_of_text_or_number_is_kept_as_what_it_is_made_of(value, kept):
    assert same(codec.loads(codec.dumps([value, {value: 1}])), [kept, {kept: 1}])


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Landing.APOLLO, datetime.date(1969, 7, 20)),
        (Rate.LOW, Decimal("0.10")),
        (Loud("quiet"), "quiet"),
        (Hex(3), 3),
        (type("Float", (float,), {})(1.5), 1.5),
        (type("Bytes", (bytes,), {})(b"x"), b"x"),
        (Frozen(2026, 3, 1, 12, fold=1, tzinfo=ZURICH), datetime.datetime(2026, 3, 1, 12, fold=1, tzinfo=ZURICH)),
        (Key(UUID), uuid.UUID(UUID)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_subclass_of_a_plain_type_is_kept_as_that_type(value, kept):
    assert same(codec.loads(codec.dumps({"a": [value]})), {"a": [kept]})
    assert codec.pack(value) == codec.pack(kept)
    assert value == kept


class Grade(enum.Enum):
    """One whose values are nothing that could be kept."""

    GOOD = object()
    BAD = gettext_lazy("Bad")
    WORST = BAD


class Right(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()


class Page:
    class Kind(models.Choices):
        WIDE = "wide", "Wide"


@pytest.mark.parametrize(
    "member", [Grade.GOOD, Grade.WORST, Right.READ, Right.READ | Right.WRITE, Right(0), Page.Kind.WIDE], ids=str
)
def test_a_member_of_an_enum_comes_back_as_the_member(member):
    assert codec.loads(codec.dumps([member, {member}])) == [member, {member}]
    assert codec.loads(codec.dumps(member)) is member


def test_a_member_of_an_enum_that_nobody_finds_again_is_refused_with_what_to_do():
    local = enum.Enum("local", "A")
    local.__qualname__ = "local"
    with pytest.raises(NotStorable) as caught:
        codec.dumps({"a": local.A})
    assert str(caught.value) == (
        f"state['a'] is a member of {__name__}.local, which is no class of a module, so a task cannot keep it. "
        f"Define it there, or register it with flows.types.register_type(local, to_json=…, from_json=…)."
    )


def test_a_member_of_an_enum_that_is_not_loaded_is_damaged_and_nothing_is_imported():
    text = codec.dumps(Grade.GOOD).replace(__name__, "flows.nothing")
    with pytest.raises(StateDamaged) as caught:
        codec.loads(text)
    assert str(caught.value) == (
        "A value is kept as a member of flows.nothing.Grade, and no enum of this name is loaded. "
        "Register an enum that may move with flows.types.register_type(…, name=…)."
    )


@pytest.mark.parametrize("found", ["same", "ZURICH", "Size.LARGE", "Loud", "math.pi"])
def test_nothing_but_an_enum_is_found_by_its_name(found):
    with pytest.raises(StateDamaged):
        codec.loads(codec.dumps(Grade.GOOD).replace("Grade", found))


def test_bytes_in_memory_come_back_as_such():
    value = codec.loads(codec.dumps(memoryview(b"\x00\xff")))
    assert isinstance(value, memoryview)
    assert value == memoryview(b"\x00\xff")


@pytest.mark.parametrize("value", [memoryview(array("i", [1])), memoryview(bytes(4)).cast("B", (2, 2))])
def test_memory_of_other_than_bytes_is_refused(value):
    with pytest.raises(NotStorableValue) as caught:
        codec.dumps(value)
    assert str(caught.value) == (
        "state is a memoryview of other than bytes, which a task cannot keep. Keep a list or bytes in its place."
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({1: "a", 2: "b"}, {2: "b", 1: "a"}),
        ({"a": {None: 1, True: 2}}, {"a": {True: 2, None: 1}}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"x", "y"}, {"y", "x"}),
        (frozenset([1, "1", None]), frozenset([None, "1", 1])),
    ],
)
def test_equal_values_are_equal_trees(one, other):
    assert codec.pack(one) == codec.pack(other)
    assert list(codec.loads(codec.dumps(one))) == list(one) or isinstance(one, (set, frozenset))


def test_a_lazy_text_is_kept_as_the_visitor_read_it():
    with override("de"):
        text = codec.dumps(gettext_lazy("Yes"))
    assert codec.loads(text) == "Ja"


@pytest.mark.parametrize(
    ("lazy_value", "kept"),
    [
        (lazy(lambda: 3, int)(), 3),
        (format_lazy("{}!", gettext_lazy("Yes")), "Yes!"),
        (SimpleLazyObject(lambda: "text"), "text"),
        (SimpleLazyObject(lambda: [gettext_lazy("Yes")]), ["Yes"]),
    ],
    ids=["number", "format", "object", "list"],
)
def test_what_is_lazy_is_kept_as_what_it_stands_for(lazy_value, kept):
    assert same(codec.loads(codec.dumps([lazy_value])), [kept])


# What refers to the database


@pytest.fixture
def items(db):
    return [Item.objects.create(name=name) for name in ("one", "two", "three")]


def test_a_model_instance_is_fetched_anew_when_it_is_looked_at(items, django_assert_num_queries):
    text = codec.dumps({"item": items[0]})
    Item.objects.filter(pk=items[0].pk).update(name="renamed")
    with django_assert_num_queries(0):
        item = codec.loads(text)["item"]
    with django_assert_num_queries(1):
        assert item.name == "renamed"
        assert item == items[0]
        assert isinstance(item, Item)


def test_a_model_instance_that_nobody_looked_at_is_kept_again_without_a_query(items, django_assert_num_queries):
    text = codec.dumps({"item": items[0]})
    with django_assert_num_queries(0):
        assert codec.dumps(codec.loads(text)) == text


def test_a_model_instance_that_was_looked_at_is_kept_again_unchanged(items):
    text = codec.dumps(items[0])
    item = codec.loads(text)
    assert item.name == "one"
    assert codec.dumps(item) == text


def test_a_model_instance_that_is_gone_says_so_when_it_is_looked_at(items):
    text = codec.dumps(items[0])
    items[0].delete()
    item = codec.loads(text)
    with pytest.raises(Item.DoesNotExist):
        item.name  # noqa: B018


def test_the_user_of_a_request_is_kept_as_a_user(django_user_model, db):
    user = django_user_model.objects.create_user("ada")
    assert codec.loads(codec.dumps(SimpleLazyObject(lambda: user))) == user


def test_a_queryset_is_read_anew(items, django_assert_num_queries):
    text = codec.dumps(Item.objects.filter(name__in=["one", "two"]))
    Item.objects.filter(name="one").update(name="renamed")
    items[1].delete()
    with django_assert_num_queries(0):
        queryset = codec.loads(text)
    assert isinstance(queryset, models.QuerySet)
    assert [item.name for item in queryset] == ["renamed"]
    assert queryset.filter(name="renamed").exists()


def test_a_queryset_is_kept_again_without_a_query(items, django_assert_num_queries):
    text = codec.dumps(Item.objects.all())
    with django_assert_num_queries(0):
        assert codec.dumps(codec.loads(text)) == text


def test_what_was_filtered_out_of_a_queryset_is_kept_no_longer(items):
    queryset = codec.loads(codec.dumps(Item.objects.all()))
    assert list(codec.loads(codec.dumps(queryset.filter(name="two")))) == [items[1]]


def test_an_empty_queryset_stays_empty(items):
    assert list(codec.loads(codec.dumps(Item.objects.none()))) == []


# What a task cannot keep


def unknown(path, kind):
    """Return the whole sentence about a value of a class that a task does not know."""
    return (
        f"{path} is a {kind}, which a task cannot keep. Say how it is kept with "
        f"flows.types.register_type({kind.rpartition('.')[2]}, to_json=…, from_json=…), or keep JSON types, tuple, "
        f"set, date, datetime, time, timedelta, Decimal, UUID, bytes, enum members, model instances or querysets in "
        f"its place."
    )


UNSAVED = "that has not been saved, which a task cannot keep. Save it first, or keep its values."
DEEP = (
    "state is nested deeper than FLOWS_MAX_STATE_DEPTH, or holds itself, and cannot be kept in a task. "
    "Keep a flatter value, or a reference to it."
)
Pair = namedtuple("Pair", "a b")


class Uuid(models.Model):
    """A model whose instances have a key before they are saved."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)

    class Meta:
        app_label = "testapp"
        managed = False


def itself():
    value = {}
    value["itself"] = [value]
    return value


def nested(levels):
    value = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": math.nan}, "state['a'] is the float nan, which a task cannot keep. Keep None or a text in its place."),
        ([math.inf], "state[0] is the float inf, which a task cannot keep. Keep None or a text in its place."),
        ((-math.inf,), "state[0] is the float -inf, which a task cannot keep. Keep None or a text in its place."),
        (Decimal("NaN"), "state is the Decimal NaN, which a task cannot keep. Keep None or a text in its place."),
        (Decimal("sNaN"), "state is the Decimal sNaN, which a task cannot keep. Keep None or a text in its place."),
        (
            Decimal("-Infinity"),
            "state is the Decimal -Infinity, which a task cannot keep. Keep None or a text in its place.",
        ),
        ({"a": {"b": [0, object()]}}, unknown("state['a']['b'][1]", "builtins.object")),
        ({object}, unknown("state{…}", "builtins.type")),
        (1j, unknown("state", "builtins.complex")),
        (OrderedDict(), unknown("state", "collections.OrderedDict")),
        (Pair(1, 2), unknown("state", f"{__name__}.Pair")),
        (defaultdict(list), unknown("state", "collections.defaultdict")),
        (QueryDict("a=1"), unknown("state", "django.http.request.QueryDict")),
        ({}.keys(), unknown("state", "builtins.dict_keys")),
        (range(3), unknown("state", "builtins.range")),
        (bytearray(), unknown("state", "builtins.bytearray")),
        (AnonymousUser(), unknown("state", "django.contrib.auth.models.AnonymousUser")),
        (
            SimpleLazyObject(AnonymousUser),
            unknown("state", "django.contrib.auth.models.AnonymousUser"),
        ),
        (
            {"a": {1.5: 1}},
            "state['a'] has the key 1.5, a float, which a task cannot keep. Use str, int, bool or None as keys.",
        ),
        (
            {(1, 2): 1},
            "state has the key (1, 2), a tuple, which a task cannot keep. Use str, int, bool or None as keys.",
        ),
        (
            {"a": Item(name="new")},
            f"state['a'] is a testapp.Item {UNSAVED}",
        ),
        (
            Uuid(),
            f"state is a testapp.Uuid {UNSAVED}",
        ),
        (
            Item.objects.values("name"),
            "state is a queryset of values of testapp.Item, which a task cannot keep. Make a list of it.",
        ),
        (
            Item.objects.values_list("name"),
            "state is a queryset of values of testapp.Item, which a task cannot keep. Make a list of it.",
        ),
        (itself(), DEEP),
        (nested(codec.MAX_DEPTH + 1), DEEP),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else type(value).__name__,
)
def test_what_a_task_cannot_keep_is_refused_with_where_it_is_and_what_to_do(value, message):
    with pytest.raises(NotStorable) as caught:
        codec.dumps(value)
    assert str(caught.value) == message


def test_the_message_begins_with_the_name_it_was_given():
    with pytest.raises(NotStorable, match=r"^answers\['shop/pay'\]\['amount'\] is a "):
        codec.pack({"amount": object()}, "answers['shop/pay']")


def test_what_can_be_kept_can_be_read_from_deeper_down():
    text = codec.dumps(nested(codec.MAX_DEPTH))
    assert at_depth(400, lambda: codec.loads(text)) == nested(codec.MAX_DEPTH)


def at_depth(levels, function):
    return at_depth(levels - 1, function) if levels else function()


# How deep, and how long


def test_a_depth_of_less_than_the_most_can_be_set_and_none_of_more():
    with override_settings(FLOWS_MAX_STATE_DEPTH=10):
        codec.dumps(nested(10))
        with pytest.raises(NotStorableValue):
            codec.dumps(nested(11))
    with override_settings(FLOWS_MAX_STATE_DEPTH=1000), pytest.raises(NotStorableValue):
        codec.dumps(nested(codec.MAX_DEPTH + 1))


# What nobody of us wrote


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"a":1}}',
        None,
        b"\xff",
        "[" * 100_000,
        "[" * 3000 + "]" * 3000,
        '{"~":"unheard of","v":1}',
        '{"~":["list"],"v":1}',
        '{"~":"tuple"}',
        '{"~":"uuid","v":"no"}',
        '{"~":"decimal","v":"no"}',
        '{"~":"date","v":"2026-02-30"}',
        '{"~":"datetime","v":["2026-02-28T00:00:00","No/Where",0]}',
        '{"~":"datetime","v":"2026-02-28"}',
        '{"~":"bytes","v":"!"}',
        '{"~":"str","v":"!"}',
        '{"~":"dict","v":[[{"~":"tuple","v":[[]]},1]]}',
        '{"~":"model","v":["no.model",1,null]}',
        '{"~":"model","v":["os.system",1,null]}',
        '{"~":"queryset","v":["testapp.item",1,null]}',
        '{"~":"model","v":["testapp.item",1,null]}',
        '{"~":"file","v":["testapp.item","name","a.txt",null]}',
        '{"~":"enum","v":["os","system","A"]}',
        '{"~":"enum","v":["signal","Signals","A"]}',
        '{"~":"range","v":["mogrify",1,2,"[)"]}',
        '{"~":"range","v":["Range",1,2,"]["]}',
        '{"~":"type","v":["os.system",1]}',
        '{"~":"dict","v":{"[]":1}}',
        '{"~":"dict","v":{"1":1,"{":2}}',
        '{"~":"set","v":[[]]}',
        '{"~":"tuple","v":[{"~":"set","v":[[]]}]}',
    ],
    ids=lambda text: repr(text)[:40],
)
def test_a_damaged_text_is_damaged_and_nothing_else(text):
    with pytest.raises(StateDamaged):
        codec.loads(text)


def tagged(inner):
    tags = sorted(set(codec._UNPACKERS) - {"model", "queryset"})
    return st.fixed_dictionaries({codec.TAG: st.sampled_from(tags), "v": inner})


@pytest.mark.slow
@settings(deadline=None)
@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | tagged(inner)))
def test_whatever_json_is_read_it_is_a_value_or_damaged(tree):
    with contextlib.suppress(StateDamaged):
        codec.unpack(tree)
