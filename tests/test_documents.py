"""The document of a task as text: what is read and written of it, and how large it may be."""

import json

import pytest
from django.test import override_settings
from hypothesis import example, given
from hypothesis import strategies as st

from flows.exceptions import StateDamaged, TaskTooLarge
from flows.serializing import codec, documents
from flows.serializing.documents import Section

KEYS = st.text(max_size=4) | st.sampled_from(["a", "a/b", 'say "a":', "\\", "~", "\n", "ä"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
ENTRIES = st.dictionaries(KEYS, VALUES, max_size=6)


def document(**parts):
    return {"flow": "f", "state": {}, "answers": {}, "submissions": {}, **parts}


# Written and read


@pytest.mark.slow
@given(answers=ENTRIES, submissions=ENTRIES, state=VALUES)
@example(answers={"answers": {}, "submissions": {}}, submissions={}, state={"answers": {}, "submissions": {}})
def test_a_document_is_one_json_object_and_is_read_as_it_was_written(answers, submissions, state):
    written = document(answers=answers, submissions=submissions, state=state)
    text = documents.to_text(written)
    assert json.loads(text) == written
    assert text.isascii()
    read = documents.from_text(text)
    assert read == written
    assert documents.to_text(read) == text


@pytest.mark.slow
@given(before=ENTRIES, changes=st.lists(st.tuples(KEYS, VALUES | st.just(...)), max_size=6), looks=st.lists(KEYS))
def test_a_section_is_a_dict_however_it_is_looked_at_and_changed(before, changes, looks):
    expected = dict(before)
    section = Section(codec.write(before))
    for number, (key, value) in enumerate(changes):
        if value is not ...:
            expected[key] = section[key] = value
        elif key in expected:
            del expected[key], section[key]
        if number < len(looks):
            assert section.get(looks[number], "nothing") == expected.get(looks[number], "nothing")
            assert (looks[number] in section) is (looks[number] in expected)
    assert json.loads(section.to_text()) == expected
    assert (dict(section), list(section), len(section)) == (expected, list(expected), len(expected))


class Undecodable(Section):
    def _decoded(self):
        raise AssertionError("Nothing of it was to be decoded.")


def test_what_is_not_there_is_known_without_decoding_the_rest():
    section = Undecodable('{"a":{"name":"b"}}')
    assert "b" not in section
    assert section.get("b") is None
    with pytest.raises(KeyError):
        section["b"]
    section["b"] = 1
    assert section.to_text() == '{"a":{"name":"b"},"b":1}'


def test_what_has_not_changed_is_written_as_it_was_read():
    text = documents.to_text(document(answers={"a": {"b": 1}})).replace('{"b":1}', '{"b": 1}')
    read = documents.from_text(text)
    read["state"]["c"] = 2
    assert '{"b": 1}' in documents.to_text(read)
    assert read["answers"]["a"] == {"b": 1}
    assert '{"b": 1}' in documents.to_text(read)


def test_a_document_without_sections_is_read_and_written_too():
    for other in ({"flow": "f", "ended": "/"}, {}, [], document()):
        assert documents.from_text(json.dumps(other)) == other
        assert documents.from_text(json.dumps(other, indent=1)) == other


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-1],
        lambda text: text[:-20],
        lambda text: text[1:],
        lambda text: text.replace('"answers"', '"answer"'),
        lambda text: text.replace('"submissions":', ""),
        lambda text: text.replace("\n", "", 1)[:-1],
        lambda text: "",
    ],
)
def test_a_document_that_is_damaged_is_refused(damage):
    text = damage(documents.to_text(document(answers={"a": {"b": 1}}, submissions={"c": "d"})))
    with pytest.raises(StateDamaged):
        documents.from_text(text)


def test_damage_within_a_section_is_found_when_the_section_is_asked_for():
    read = documents.from_text(documents.to_text(document(answers={"a": {"b": 1}})).replace("1", "?"))
    with pytest.raises(StateDamaged):
        read["answers"]["a"]


# How large it is


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ({"flow": "f", "state": {"a": "x" * 600, "b": "x" * 300}}, "602 of them for state['a']"),
        ({"state": {"a": "x" * 300, "b": "x" * 300, "c": "x" * 300}}, "922 of them for state"),
        ({"answers": {"shop/pay": {"note": "ä" * 200}}}, "1202 of them for answers['shop/pay']['note']"),
        ({"state": codec.pack({"a": {1: "x" * 1000}})}, "1025 of them for state['a']"),
        ({"state": {"a": ["x"] * 300}}, "1201 of them for state['a']"),
    ],
)
def test_a_document_that_is_too_long_is_refused_with_what_in_it_is_long(document, what):
    length = len(json.dumps(document, separators=(",", ":")))
    with override_settings(FLOWS_MAX_STATE_BYTES=900), pytest.raises(TaskTooLarge) as caught:
        documents.to_text(document)
    assert str(caught.value) == (
        f"The task would be {length} bytes long, {what}, and FLOWS_MAX_STATE_BYTES is 900. "
        f"Keep a reference to it, such as a model instance, or set a higher limit."
    )
    for limit in (length, None):
        with override_settings(FLOWS_MAX_STATE_BYTES=limit):
            assert documents.from_text(documents.to_text(document)) == document


def test_only_tasks_have_a_limit():
    with override_settings(FLOWS_MAX_STATE_BYTES=100):
        assert codec.loads(codec.dumps({"a": "x" * 200})) == {"a": "x" * 200}


def test_what_was_read_knows_how_long_its_text_was():
    assert documents.from_text('{"a": "\\u00e4"}').length == 15
