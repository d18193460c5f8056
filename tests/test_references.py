"""Model instances, querysets and stored files: kept as what finds them again."""

import datetime
import json
import logging
import re
import uuid

import pytest
from django import forms
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import include, path

from flows.components import Action, Scaffold
from flows.exceptions import NotStorable, StateDamaged
from flows.handler import FlowHandler
from flows.models import StoredTask
from flows.serializing import codec
from flows.transitions import Linear

from tests.testapp.models import (
    Code,
    Guarded,
    Item,
    Note,
    OnShelf,
    Parcel,
    Parlour,
    Reading,
    Redemption,
    Room,
    Sample,
    Seat,
    Suite,
    Ticket,
    Voucher,
)
from tests.visitor import Visitor

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

NOON = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.timezone.utc)


def again(value):
    return codec.loads(codec.dumps(value))


# Keys of every kind


def make(model):
    if model is Redemption:
        return Redemption.objects.create(voucher=Voucher.objects.create(code=Code(7)))
    values = {
        Item: {"name": "a mug"},
        Room: {"name": "attic", "hidden": True},
        Suite: {"name": "loft", "hidden": True},
        Parlour: {"name": "hall"},
        Voucher: {"code": Code(7)},
        Parcel: {"number": uuid.uuid4()},
        Ticket: {"number": 12},
        Reading: {"moment": NOON, "label": "noon"},
        Seat: {"day": datetime.date(2026, 3, 1), "number": 4},
    }
    return model._base_manager.create(**values[model])


MODELS = [Item, Room, Suite, Parlour, Voucher, Redemption, Parcel, Reading, Seat, Ticket]


@pytest.mark.parametrize("model", MODELS)
def test_an_instance_comes_back_whatever_its_key_is(model, django_assert_num_queries):
    instance = make(model)
    with django_assert_num_queries(0):
        reference = again({"one": instance})["one"]
        assert hash(reference) == hash(instance)
        assert codec.dumps(reference) == codec.dumps(instance)
    with django_assert_num_queries(1):
        assert reference == instance
        assert reference.__class__ is model
    assert codec.dumps(reference) == codec.dumps(instance)


@pytest.mark.parametrize("model", MODELS)
def test_a_queryset_comes_back_whatever_its_keys_are(model):
    instance = make(model)
    queryset = again(model._base_manager.all())
    assert list(queryset) == [instance]
    assert queryset.model is model
    assert codec.dumps(queryset) == codec.dumps(model._base_manager.all())


def test_an_instance_that_was_made_with_the_text_of_its_key_is_kept_as_any_other():
    made = Reading.objects.create(moment="2026-03-01T12:00:00+00:00", label="noon")
    assert codec.dumps(made) == codec.dumps(Reading.objects.get())


def test_a_relation_to_another_field_than_the_key_is_kept():
    note = Note.objects.create(reading=make(Reading))
    assert again(note.reading).label == "noon"
    assert again(note).reading_id == "noon"


def test_an_instance_with_deferred_fields_comes_back_whole():
    make(Item)
    assert again(Item.objects.only("pk").get()).name == "a mug"


# Which rows


@pytest.fixture
def rooms():
    return [Room.every.create(name=name, hidden=name == "b") for name in "abc"]


def names(queryset):
    return [room.name for room in queryset]


def test_a_queryset_keeps_rows_that_the_default_manager_hides(rooms):
    assert names(again(Room.every.all())) == ["c", "b", "a"]
    assert again(rooms[1]).name == "b"


def test_a_queryset_comes_back_in_the_order_of_its_model_and_can_be_ordered(rooms):
    queryset = again(Room.every.order_by("name"))
    assert names(queryset) == ["c", "b", "a"]
    assert names(queryset.order_by("name")) == ["a", "b", "c"]


def test_equal_querysets_are_equal_texts(rooms):
    assert codec.dumps(Room.every.order_by("name")) == codec.dumps(Room.every.order_by("-name"))


@pytest.mark.parametrize(
    "narrow",
    [
        lambda rows: rows.order_by("name")[1:],
        lambda rows: rows.filter(name__in="bc").distinct(),
        lambda rows: rows.filter(name="b").order_by().union(rows.filter(name="c").order_by()),
        lambda rows: rows.exclude(name="a").using("default"),
        lambda rows: rows.exclude(name="a").defer("name"),
        lambda rows: rows.exclude(name="a").annotate(n=models.Count("suite")),
    ],
    ids=["slice", "distinct", "union", "using", "defer", "annotate"],
)
def test_a_queryset_comes_back_with_the_rows_that_it_had(rooms, narrow):
    queryset = again(narrow(Room.every.all()))
    assert names(queryset) == ["c", "b"]
    assert queryset.filter(name="b").count() == 1


def test_the_database_of_a_queryset_and_of_an_instance_is_kept(rooms):
    assert again(Room.every.using("default")).db == "default"
    assert json.loads(codec.dumps(Room.every.using("default")))["v"][2] == "default"
    assert json.loads(codec.dumps(rooms[0]))["v"][2] == "default"


@pytest.mark.django_db(databases=["default", "other"])
def test_the_database_of_a_related_manager_is_kept():
    reading = Reading.objects.using("other").create(moment=NOON, label="noon")
    note = Note.objects.using("other").create(reading=reading)
    for kept in (reading.note_set.all(), reading.note_set.filter(pk=note.pk), again(reading.note_set.all())):
        assert list(again(kept)) == [note]
        assert again(kept).db == "other"


def test_a_queryset_comes_back_with_its_methods_and_the_rows_that_the_default_manager_hides():
    mug, hat = (Item.objects.create(name=name) for name in ("mug", "hat"))
    queryset = again(OnShelf._base_manager.all())
    assert {item.pk for item in queryset} == {mug.pk, hat.pk}
    assert [item.name for item in again(queryset.mugs())] == ["mug"]


def test_a_queryset_whose_class_needs_a_query_of_its_own_comes_back_as_a_plain_one():
    Item.objects.create(name="mug")
    queryset = again(Guarded.objects.all())
    assert [item.name for item in queryset] == [item.name for item in queryset.filter(name="mug")] == ["mug"]
    assert type(queryset) is models.QuerySet


# Stored files


@pytest.fixture
def sample(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    sample = Sample(
        binary=b"\x00\xff",
        char="a",
        date=datetime.date(2026, 3, 1),
        datetime=NOON,
        decimal="1.10",
        duration=datetime.timedelta(hours=1, microseconds=1),
        email="a@example.com",
        file_path="/etc",
        float=0.1,
        integer=2**40,
        address="::1",
        item=Item.objects.create(name="a mug"),
        positive=1,
        slug="a",
        text="é",
        time=datetime.time(12, 30),
        url="https://example.com/",
        uuid=uuid.UUID(int=5),
    )
    sample.file.save("a.txt", ContentFile(b"text"))
    return Sample.objects.get()


@pytest.mark.parametrize("name", [field.name for field in Sample._meta.get_fields()])
def test_the_value_of_every_model_field_comes_back(sample, name):
    value = getattr(sample, name)
    kept = again({"value": value})["value"]
    assert kept == value
    assert name == "item" or type(kept) is type(value)
    assert codec.dumps(kept) == codec.dumps(value)


def test_a_stored_file_comes_back_as_the_file_of_its_field(sample, django_assert_num_queries):
    with django_assert_num_queries(0):
        kept = again(sample.file)
        assert (kept.name, kept.url, kept.path) == (sample.file.name, sample.file.url, sample.file.path)
        assert kept.size == 4
        assert codec.dumps(kept) == codec.dumps(sample.file)
    assert kept.instance == sample
    other = Sample(file=kept)
    assert other.file.instance is other


def test_the_file_of_an_instance_that_is_gone_is_still_a_file(sample):
    text = codec.dumps(sample.file)
    sample.delete()
    with codec.loads(text) as file:
        assert file.read() == b"text"


@pytest.mark.parametrize("name", [None, "", "files/a.txt"])
def test_the_file_of_an_instance_that_is_not_saved_comes_back(name):
    kept = again(Sample(file=name).file)
    assert (kept.name, bool(kept), kept.instance) == (name, bool(name), None)


def test_a_file_that_was_left_as_it_was_or_taken_away_is_an_answer(sample):
    form_class = forms.modelform_factory(Sample, fields=["file"])
    left, taken = form_class({}, instance=sample), form_class({"file-clear": "on"}, instance=sample)
    assert left.is_valid()
    assert again(left.cleaned_data) == {"file": sample.file.name}
    assert taken.is_valid()
    assert again(taken.cleaned_data) == {"file": False}
    empty = form_class({})
    assert empty.is_valid()
    assert again(empty.cleaned_data) == empty.cleaned_data


NOT_STORED = (
    "that is not stored, which a task cannot keep. Leave it out of the answers in get_answers(form), "
    "store it in form_valid(), and keep the name that it is stored under."
)


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        (SimpleUploadedFile("a.txt", b"a"), "django.core.files.uploadedfile.SimpleUploadedFile"),
        (ContentFile(b"a", "a.txt"), "django.core.files.base.ContentFile"),
        (Sample(file=ContentFile(b"a", "a.txt")).file, "django.db.models.fields.files.FieldFile"),
    ],
    ids=["upload", "content", "field"],
)
def test_a_file_that_is_not_stored_is_refused_with_what_to_do(file, kind):
    with pytest.raises(NotStorable) as caught:
        codec.dumps({"file": file})
    assert str(caught.value) == f"state['file'] is a {kind} {NOT_STORED}"


# What a deploy took away

BROKEN = {
    "model": (r"testapp\.\w+", "testapp.gone"),
    "app": (r"testapp\.", "gone."),
    "database": ('"default"', '"gone"'),
    "type of the key": (r'"(\d+|[0-9a-f-]{36}|C-\d+)"', '"no key"'),
    "shape of the key": (r'"(\d+|[0-9a-f-]{36}|C-\d+)"', '{"a":[]}'),
}


@pytest.mark.parametrize("model", [Item, Voucher, Parcel, Redemption])
@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.parametrize("many", [False, True])
def test_what_cannot_be_found_any_more_is_damaged_and_found_out_without_a_query(
    model, what, many, django_assert_num_queries
):
    make(model)
    rows = model.objects.using("default")
    text = codec.dumps(rows.all() if many else rows.get())
    broken = re.sub(*BROKEN[what], text)
    assert broken != text
    with django_assert_num_queries(0), pytest.raises(StateDamaged):
        codec.loads(broken)


def test_a_database_that_is_gone_is_named():
    make(Item)
    with pytest.raises(StateDamaged) as caught:
        codec.loads(codec.dumps(Item.objects.get()).replace("default", "gone"))
    assert str(caught.value) == "A testapp.item is kept in the database 'gone', which DATABASES does not have."


def test_a_key_of_several_fields_that_lost_one_is_damaged():
    text = codec.dumps(make(Seat))
    with pytest.raises(StateDamaged):
        codec.loads(text.replace(r", \"4\"]", "]"))


@pytest.mark.parametrize("field", ["gone", "text"])
def test_a_file_whose_field_is_gone_is_damaged(sample, field):
    text = codec.dumps(sample.file)
    with pytest.raises(StateDamaged):
        codec.loads(text.replace('"testapp.sample","file"', f'"testapp.sample","{field}"'))


class Choose(Action):
    form_class = type(
        "ChooseForm",
        (forms.Form,),
        {"one": forms.ModelChoiceField(Item.objects), "many": forms.ModelMultipleChoiceField(Item.objects)},
    )


class Confirm(Action):
    """A page that looks at what was answered in its template, after its view."""

    def render_to_response(self, context, **kwargs):
        shown = "{{ answers.choose.one.name }}, {% for item in answers.choose.many %}{{ item }}{% endfor %}"
        return TemplateResponse(self.request, engines["django"].from_string(shown), context)


class Pick(Scaffold):
    action_set = [Choose, Confirm]
    transition = Linear()


handler = FlowHandler()
handler.register_entry_point(Pick)
urlpatterns = [path("", include(handler.urls))]


@pytest.mark.parametrize("what", BROKEN)
def test_the_visitor_is_told_that_there_is_no_such_task_and_the_log_why(what, caplog):
    visitor = Visitor()
    visitor.open("/pick/choose/")
    mug = Item.objects.create(name="a mug")
    visitor.submit(one=mug.pk, many=[mug.pk])
    assert visitor.text == "a mug, a mug"
    task = StoredTask.objects.get()
    # What is within the answers only: the flow of the task stays.
    StoredTask.objects.update(data=re.sub(*BROKEN[what], task.data))
    for url in (visitor.url, visitor.url.replace("confirm", "choose")):
        caplog.clear()
        assert visitor.client.get(url).status_code == 404
        assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
            "A stored task cannot be read; its visitor is told that there is none."
        ]


DELETED = [
    "{{ answers.choose.one }}",
    "{{ answers.choose.one|default:'' }}",
    "{{ answers.choose.one.name }}",
    "{% if answers.choose.one %}there{% endif %}",
    "{% with one=answers.choose.one %}{{ one }}{{ one.name }}{% endwith %}",
    "{% for name, value in answers.choose.items %}{% if name == 'one' %}{{ value }}{% endif %}{% endfor %}",
]


@pytest.mark.parametrize("text", DELETED)
def test_a_row_that_was_deleted_is_nothing_in_a_template(text):
    mug = Item.objects.create(name="a mug")
    template, context = engines["django"].from_string(text), {"answers": {"choose": again({"one": mug})}}
    assert template.render(context)
    context = {"answers": {"choose": again({"one": mug})}}
    mug.delete()
    assert template.render(context) == ""


def test_a_row_that_was_deleted_is_no_damage():
    visitor = Visitor()
    visitor.open("/pick/choose/")
    mug = Item.objects.create(name="a mug")
    visitor.submit(one=mug.pk, many=[mug.pk])
    mug.delete()
    assert visitor.open(visitor.url).content == b", "
    assert visitor.open(visitor.url.replace("confirm", "choose")).status_code == 200
