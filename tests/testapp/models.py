import uuid
from typing import Any, ClassVar

from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.db.models import F, sql


class Effect(models.Model):
    """One row for each time that something was done."""

    what = models.CharField(max_length=100)
    detail = models.CharField(max_length=200, blank=True)


class Item(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self):
        return self.name


class Shelf(models.QuerySet):
    def mugs(self):
        return self.filter(name="mug")


class Shelved(models.Manager):
    def get_queryset(self):
        return Shelf(self.model, using=self._db).exclude(name="hat")


class OnShelf(Item):
    objects: ClassVar[Any] = Shelved()

    class Meta:
        proxy = True


class WaryQuery(sql.Query):
    """A query that hides rows by itself, as packages that keep deleted rows have one."""

    shows_all = False


class Wary(models.QuerySet):
    def __init__(self, model=None, query=None, using=None, hints=None):
        super().__init__(model, query or WaryQuery(model), using, hints)

    def filter(self, *args, **kwargs):
        return super().filter(*args, **kwargs) if self.query.shows_all else self.none()


class Guarded(Item):
    objects: ClassVar[Any] = Wary.as_manager()

    class Meta:
        proxy = True


class Visible(models.Manager):
    def get_queryset(self):
        return super().get_queryset().filter(hidden=False)


class Room(models.Model):
    """A model whose default manager hides rows."""

    name = models.CharField(max_length=100)
    hidden = models.BooleanField(default=False)
    objects = Visible()
    every = models.Manager()

    class Meta:
        ordering = ["-name"]


class Unlocked(Visible, BaseSessionManager):
    """A manager of sessions that hides rows."""


class OwnSession(AbstractBaseSession):
    """Sessions as a project may keep them, which its manager chooses among."""

    hidden = models.BooleanField(default=False)
    objects: ClassVar[Unlocked] = Unlocked()

    @classmethod
    def get_session_store_class(cls):
        raise NotImplementedError


class Suite(Room):
    floor = models.IntegerField(default=1)


class Parlour(Room):
    class Meta:
        proxy = True


class Code:
    """A value that is no type of Python's or Django's."""

    def __init__(self, number):
        self.number = int(number)

    def __eq__(self, other):
        return isinstance(other, Code) and self.number == other.number

    def __hash__(self):
        return hash(self.number)

    def __str__(self):
        return f"C-{self.number}"

    @classmethod
    def parse(cls, text):
        return cls(text.removeprefix("C-"))


class CodeField(models.IntegerField):
    """A number that Python sees as an object, and people as a text."""

    def from_db_value(self, value, expression, connection):
        return value if value is None else Code(value)

    def to_python(self, value):
        return Code.parse(value) if isinstance(value, str) else value

    def get_prep_value(self, value):
        return value.number if isinstance(value, Code) else value


class Voucher(models.Model):
    code = CodeField(primary_key=True)


class NumberField(models.IntegerField):
    """A number that is serialized as Django's documentation of fields does it."""

    def value_to_string(self, obj):
        return self.get_prep_value(self.value_from_object(obj))


class Ticket(models.Model):
    number = NumberField(primary_key=True)


class Redemption(models.Model):
    voucher = models.OneToOneField(Voucher, models.CASCADE, primary_key=True)


class Parcel(models.Model):
    number = models.UUIDField(primary_key=True, default=uuid.uuid4)


class Reading(models.Model):
    """One whose key says when, and which others refer to by something else."""

    moment = models.DateTimeField(primary_key=True)
    label = models.CharField(max_length=20, unique=True)


class Note(models.Model):
    reading = models.ForeignKey(Reading, models.CASCADE, to_field="label")


class Seat(models.Model):
    pk = models.CompositePrimaryKey("day", "number")
    day = models.DateField()
    number = models.IntegerField()


class Sample(models.Model):
    """One field of each kind, but for JSON, whose system check needs a database."""

    binary = models.BinaryField(editable=True)
    boolean = models.BooleanField(null=True)
    char = models.CharField(max_length=20)
    date = models.DateField()
    datetime = models.DateTimeField()
    decimal = models.DecimalField(max_digits=6, decimal_places=2)
    doubled = models.GeneratedField(expression=F("integer") * 2, output_field=models.BigIntegerField(), db_persist=True)
    duration = models.DurationField()
    email = models.EmailField()
    file = models.FileField(upload_to="files", blank=True)
    file_path = models.FilePathField(path="/", blank=True)
    float = models.FloatField()
    integer = models.BigIntegerField()
    address = models.GenericIPAddressField()
    item = models.ForeignKey(Item, models.CASCADE)
    positive = models.PositiveSmallIntegerField()
    slug = models.SlugField()
    text = models.TextField()
    time = models.TimeField()
    url = models.URLField()
    uuid = models.UUIDField()
