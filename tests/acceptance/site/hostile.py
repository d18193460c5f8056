"""Flows for hostile input: titles and route arguments of every kind, fields of every type, forms from anywhere.

And what else the cases need: what is kept of a task, and which tasks there are.
"""

from contextvars import ContextVar

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.core.signals import request_started
from django.http import JsonResponse
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.utils.functional import lazystr
from django.views.decorators.csrf import csrf_exempt

from flows.components import COMPLETE, Action, Scaffold
from flows.exceptions import StateNotFound, StoreUnavailable
from flows.handler import FlowHandler
from flows.preconditions import LoginRequired
from flows.statestore.base import get_store
from flows.transitions import Linear

from ..hostile_texts import PLAIN_TITLE, TEXTS
from .effects import effect
from .flows import First, Flow, Second, Third


class WordsForm(forms.Form):
    """Asks for any text and changes none. What is typed into ``name`` may not be nothing."""

    name = forms.CharField()
    word = forms.CharField(required=False, strip=False)
    text = forms.CharField(required=False, strip=False, widget=forms.Textarea)
    anything = forms.JSONField(required=False)
    hidden = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)


class Page(Action):
    """Tells on its page what it knows, and is busy if it is asked to be."""

    template_name = "acceptance/page.html"
    form_class = WordsForm

    def prepare(self):
        if "busy" in self.request.GET:
            raise StoreUnavailable("It was asked to be.")

    def form_valid(self, form):
        effect(self, self.name)
        return COMPLETE

    def get_context_data(self, **kwargs):
        answers = {name: self.told(given) for name, given in self.answers.items()}
        return super().get_context_data(**kwargs, remembered={"kwargs": self.kwargs, "answers": answers})

    def told(self, answers):
        return dict(answers)


class Close(Page):
    """The last page, which can be asked to be complete before it is shown."""

    def prepare(self):
        super().prepare()
        return COMPLETE if "finish" in self.request.GET else None


def _texts(name, url, title):
    """Return a flow in which every title is this one."""

    def titled(class_name, base, **attributes):
        return type(class_name, (base,), {"title": title, "guarantee": "claim", **attributes})

    inner = [titled("Middle", Page), titled("Close", Close)]
    pages = [titled("Ask", Page), titled("Inner", Scaffold, action_set=inner, transition=Linear())]
    return titled(name.title(), Flow, name=name, url=url, action_set=pages)


#: ``text-0`` and on are those whose titles are hostile, ``text-plain`` is what they are compared with.
TEXT_FLOWS = [
    _texts(f"text-{name}", f"text-{name}/<str:code>/<path:way>/", title)
    for name, title in [("plain", PLAIN_TITLE), *enumerate(TEXTS)]
]


# A flow whose titles are what its visitor answered

_said = ContextVar("said")
request_started.connect(lambda **kwargs: _said.set("nothing yet"), weak=False, dispatch_uid="said")


class _Said:
    def __str__(self):
        return _said.get()


class Spoken(_texts("spoken", "spoken/<str:code>/<path:way>/", lazystr(_Said()))):
    def prepare(self):
        if "spoken/ask" in self.answers:
            _said.set(self.answers["spoken/ask"]["word"])


# A page with a field of every type, and one with several forms


class TypesForm(forms.Form):
    boolean = forms.BooleanField(required=False)
    null_boolean = forms.NullBooleanField(required=False)
    integer = forms.IntegerField(required=False)
    float = forms.FloatField(required=False)
    decimal = forms.DecimalField(required=False)
    date = forms.DateField(required=False)
    time = forms.TimeField(required=False)
    datetime = forms.DateTimeField(required=False)
    split = forms.SplitDateTimeField(required=False)
    duration = forms.DurationField(required=False)
    uuid = forms.UUIDField(required=False)
    email = forms.EmailField(required=False)
    url = forms.URLField(required=False, assume_scheme="https")
    slug = forms.SlugField(required=False)
    ip = forms.GenericIPAddressField(required=False)
    regex = forms.RegexField(r"^(a+)b$", required=False, max_length=20)
    choice = forms.ChoiceField(required=False, choices=[("a", "A"), ("b", "B")])
    number = forms.TypedChoiceField(required=False, choices=[(1, "one"), (2, "two")], coerce=int)
    choices = forms.MultipleChoiceField(required=False, choices=[("a", "A"), ("b", "B")])
    user = forms.ModelChoiceField(User.objects.all(), required=False)
    users = forms.ModelMultipleChoiceField(User.objects.all(), required=False)
    json = forms.JSONField(required=False)
    file = forms.FileField(required=False)


class Types(Page):
    """Asks for what its URL names, one field or all of them."""

    url = "types/<slug:field>/"
    form_class = TypesForm

    def get_form(self, form_class=None):
        form, only = super().get_form(form_class), self.kwargs["field"]
        for name in [name for name in form.fields if only not in (name, "all")]:
            del form.fields[name]
        return form

    def get_answers(self, form):
        return {name: value for name, value in super().get_answers(form).items() if name != "file"}

    def told(self, answers):
        return ascii(answers)  # of every type, not all of which JSON knows


class After(Types):
    form_class = forms.Form
    url = "after/"

    def get_form(self, form_class=None):
        return Page.get_form(self, form_class)


class Typed(Flow):
    action_set = [Types, After]


class Rows(Page):
    form_class = forms.formset_factory(WordsForm, max_num=3, absolute_max=5, validate_max=True)

    def told(self, answers):
        return ascii(answers)


class Several(Flow):
    action_set = [Rows, First]


# Flows of ordinary pages


@method_decorator(csrf_exempt, name="dispatch")
class OpenFirst(First):
    name = "first"


@method_decorator(csrf_exempt, name="dispatch")
class OpenSecond(Second):
    name = "second"


class Open(Flow):
    """Takes forms from anywhere, so that the library is the first to look at what is in them."""

    action_set = [OpenFirst, OpenSecond, Third]


class Last(First):
    pass


class Ending(Flow):
    """Ends with its only page."""

    url = "deep/ending/"
    action_set = [Last]


class Gated(Flow):
    """Wants its visitor to be logged in."""

    preconditions = [LoginRequired()]
    action_set = [First]


handler = FlowHandler("hostile")
for _flow in (*TEXT_FLOWS, Spoken, Typed, Several, Open, Ending, Gated):
    handler.register_entry_point(_flow)


# What is kept


def tasks(request):
    """Return the ids of all tasks that are kept, of Redis all keys that have to do with tasks."""
    if settings.SETUP.kind != "redis":
        from flows.models import StoredTask

        return JsonResponse(list(StoredTask.objects.values_list("pk", flat=True)), safe=False)
    from flows.statestore import redis_store

    keys = redis_store.get_client().scan_iter(f"{settings.FLOWS_REDIS_STATE_STORE_PREFIX}{{*", count=1000)
    return JsonResponse([key.decode() for key in keys], safe=False)


def document(request):
    """Return what is kept of a task: text, version and status; nothing if there is none."""
    try:
        record = get_store().read(request.GET["task"])
    except StateNotFound:
        return JsonResponse({})
    return JsonResponse({"data": record.data, "version": record.version, "status": record.status})


urlpatterns = [
    path("tasks/", tasks),
    path("document/", document),
    path("", include(handler.urls)),
]
