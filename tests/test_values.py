"""Whatever a task keeps comes back from every store, and whatever else is refused."""

import contextlib
import json
import math
import os
import secrets
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flows.exceptions import NotStorable, NotStorableValue, StateDamaged, StateNotFound
from flows.journey.task import Task
from flows.serializing import codec, documents
from flows.statestore import django_store, redis_store
from flows.statestore.base import BaseStateStore

from tests.test_codec import HASHABLE, KEYS

EXAMPLES = int(os.environ.get("FLOWS_TEST_EXAMPLES", "40"))
TAGS = sorted(codec._UNPACKERS)


@st.composite
def leaves(draw):
    """Draw what holds nothing, or what may stand in a set."""
    depth, leaf = draw(st.integers(0, 2)), HASHABLE
    for _ in range(depth):
        members = st.lists(leaf, max_size=3)
        leaf = st.one_of(HASHABLE, members.map(tuple), members.map(frozenset))
    return draw(st.one_of(leaf, st.lists(leaf, max_size=3).map(set), st.integers().map(lambda number: number << 1100)))


def containers(inner):
    lookalikes = st.fixed_dictionaries({codec.TAG: st.sampled_from(TAGS) | inner}, optional={"v": inner, 1: inner})
    lists = st.lists(inner, max_size=5)
    return st.one_of(lists, lists.map(tuple), st.dictionaries(KEYS, inner, max_size=5), lookalikes)


VALUES = st.recursive(leaves(), containers, max_leaves=10)
STATES = st.dictionaries(KEYS, VALUES, max_size=3)


def exact(value):
    """Return what tells a value from all that are equal to it but of another type, down to what is in it."""
    kind = type(value)
    if kind is dict:
        inner = [(exact(key), exact(item)) for key, item in value.items()]
    elif kind in (list, tuple):
        inner = [exact(item) for item in value]
    elif kind in (set, frozenset):
        inner = sorted(map(exact, value), key=repr)
    elif kind is int:
        inner = hex(value)  # of any length
    elif hasattr(value, "fold"):
        zone = getattr(value.tzinfo, "key", None)
        inner = (repr(value.replace(tzinfo=None)), value.fold, zone, repr(value.utcoffset()))
    else:
        inner = repr(value)  # also of -0.0 and of Decimal("1.10")
    return kind.__name__, inner


# In every store


class JsonStore(BaseStateStore):
    """Two methods over a dict of texts."""

    def __init__(self):
        self.texts = {}

    def get_state(self, task_id):
        if task_id not in self.texts:
            raise StateNotFound(task_id)
        return json.loads(self.texts[task_id])

    def put_state(self, task_id, state):
        self.texts[task_id] = json.dumps(state)


@pytest.fixture(params=["django_store", "redis_store", "two methods"])
def store(request, db):
    if request.param == "redis_store":
        request.getfixturevalue("redis_store")
    stores = {"django_store": django_store.StateStore, "redis_store": redis_store.StateStore}
    return stores.get(request.param, JsonStore)()


def read(store, task_id):
    return Task(task_id, documents.from_text(store.read(task_id).data), codec, is_stored=True)


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=STATES, answers=STATES)
def test_what_a_task_keeps_comes_back_from_every_store_and_reading_it_changes_nothing(store, state, answers):
    task = Task.begin(secrets.token_hex(16), "flows:walk", codec, kwargs={}, state=state)
    task.remember("walk/page", answers)
    store.create(task.id, "owner", documents.to_text(task.to_dict()))
    again = read(store, task.id)
    assert (exact(again.state), exact(again.answers_at("walk/page"))) == (exact(state), exact(answers))
    assert not again.changed
    again.remember("walk/page", state)
    store.update(task.id, replace(store.read(task.id), data=documents.to_text(again.to_dict())))
    assert exact(read(store, task.id).answers_at("walk/page")) == exact(state)
    if not isinstance(store, JsonStore):  # which the library gives nothing but texts and numbers
        store.put_state(task.id, answers)
        assert exact(store.get_state(task.id)) == exact(answers)


# What cannot be kept


def function():
    pass


class OwnList(list):
    pass


NUMBERS = [math.nan, math.inf, -math.inf, Decimal("nan"), Decimal("sNaN"), Decimal("inf"), 1j]
REFUSED = st.sampled_from([*NUMBERS, object(), object, function, math, Ellipsis, range(3), bytearray(b"x"), OwnList()])


def is_hashable(value):
    try:
        return hash(value) is not None
    except TypeError:
        return False


@st.composite
def refused_somewhere(draw):
    """Draw a value with something in it that cannot be kept, and where that is."""
    value, path = draw(REFUSED), ""
    for _ in range(draw(st.integers(0, 6))):
        before, after = (draw(st.lists(leaves(), max_size=2)) for _ in range(2))
        kind = draw(st.sampled_from(["list", "tuple", "dict", *(["set"] if is_hashable(value) else [])]))
        if kind == "dict":
            key = draw(KEYS)
            value, path = {**dict(enumerate(before, 100)), key: value}, f"[{key!r}]{path}"
        elif kind == "set":
            value, path = {value}, f"{{…}}{path}"
        else:
            value, path = [*before, value, *after], f"[{len(before)}]{path}"
            value = tuple(value) if kind == "tuple" else value
    return value, path


@pytest.mark.slow
@settings(deadline=None)
@given(refused_somewhere())
def test_what_cannot_be_kept_is_refused_with_where_it_is(refused):
    value, path = refused
    with pytest.raises(NotStorable) as caught:
        codec.dumps(value)
    assert str(caught.value).startswith(f"state{path} is ")


WRAPPERS = {
    "list": lambda value: [value],
    "tuple": lambda value: (value,),
    "dict": lambda value: {"a": value},
    "other keys": lambda value: {1: value},
    "lookalike": lambda value: {codec.TAG: "dict", "v": value},
}


@settings(deadline=None)
@given(st.lists(st.sampled_from(sorted(WRAPPERS)), min_size=1, max_size=3), st.integers(1, 5000))
@example(["list"], codec.MAX_DEPTH)
@example(["tuple"], codec.MAX_DEPTH // 2)
def test_what_is_nested_comes_back_or_is_refused(kinds, depth):
    value = 0
    for level in range(depth):
        value = WRAPPERS[kinds[level % len(kinds)]](value)
    try:
        text = codec.dumps(value)
    except NotStorableValue:
        assert depth > codec.MAX_DEPTH // 4  # a level of ours is up to three of JSON's
    else:
        assert exact(codec.loads(text)) == exact(value)


# What nobody wrote

LOOSE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["UTC", "1", "0x1"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.fixed_dictionaries({codec.TAG: st.sampled_from(TAGS)}, optional={"v": inner})
    ),
)


@st.composite
def mutated_texts(draw):
    """Draw the text of a value in which pieces were lost, doubled or replaced."""
    text = codec.dumps(draw(VALUES))
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        pieces = st.sampled_from(["", text[start:end] * 2, *'[]{}",:~0-.e\\', '"v"', "NaN", *map(json.dumps, TAGS)])
        text = text[:start] + draw(pieces | st.text(max_size=3)) + text[min(end, start + draw(st.integers(0, 8))) :]
    return text


@st.composite
def mutated_trees(draw):
    """Draw the text of a value of which one part was put in the place of another."""
    tree = [codec.pack(draw(VALUES))]
    places = list(_places(tree))
    for _ in range(draw(st.integers(1, 3))):
        node, key = draw(st.sampled_from(places))
        other, name = draw(st.sampled_from(places))
        node[key] = draw(LOOSE | st.sampled_from(TAGS) | st.just(json.loads(json.dumps(other[name]))))
    return json.dumps(tree)


def _places(node):
    for key in node if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], (dict, list)):
            yield from _places(node[key])


@pytest.mark.slow
@settings(deadline=None, max_examples=max(EXAMPLES, 300))
@given(st.one_of(st.text(), st.binary(), LOOSE.map(json.dumps), mutated_texts(), mutated_trees()))
def test_whatever_text_is_read_it_is_a_value_or_damaged(text):
    with contextlib.suppress(StateDamaged):
        codec.loads(text)
