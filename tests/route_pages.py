"""Pages that end as the visitor says, and a visitor who says it: what the tests of the route share."""

from types import ModuleType

from django import forms
from django.http import HttpResponse
from django.urls import include, path, reverse

from flows.components import COMPLETE, Action, Scaffold
from flows.handler import FlowHandler
from flows.transitions import Linear

from tests.testapp.models import Effect
from tests.visitor import Visitor


class SaysForm(forms.Form):
    says = forms.CharField()


class Page(Action):
    """Ends in what `ends` has for what the visitor says, a function of the page; else in COMPLETE."""

    form_class = SaysForm
    ends = {}

    def form_valid(self, form):
        Effect.objects.create(what=self.position.component.name)
        self.form = form
        end = self.ends.get(form.cleaned_data["says"])
        return end(self) if end else COMPLETE

    def refuse(self):
        self.form.add_error("says", "This was refused.")
        return self.form_invalid(self.form)

    def said(self, component):
        """Return what the visitor said on another page, None where nothing counts."""
        return self.answers.get(component, {}).get("says")


class Told(Scaffold):
    """Notes that it was completed, and what the answers were."""

    transition = Linear()

    def complete(self):
        Effect.objects.create(what=f"complete {self.position.component.name}", detail=tell(self.answers))


def tell(answers):
    """Return answers as text: the last name of each page, and what was said there."""
    return " ".join(f"{key.split('/')[-1]}={answer.get('says')}" for key, answer in answers.items())


def effects(*names):
    """Return what was done, in order: of these names, or everything."""
    done = Effect.objects.filter(what__in=names) if names else Effect.objects
    return list(done.order_by("pk").values_list("what", flat=True))


def completions(name):
    """Return the answers of each time that a scaffold was completed."""
    return list(Effect.objects.filter(what=f"complete {name}").order_by("pk").values_list("detail", flat=True))


def serve(settings, flow, *patterns):
    """Make a site of one flow; returns its handler."""
    handler = FlowHandler()
    handler.register_entry_point(flow)
    elsewhere = path("elsewhere/", lambda request: HttpResponse("elsewhere"))
    settings.ROOT_URLCONF = ModuleType("urls")
    settings.ROOT_URLCONF.urlpatterns = [elsewhere, *patterns, path("", include(handler.urls))]
    return handler


def give_template(settings, name, text):
    """Let a template of this name be found."""
    engine = {key: value for key, value in settings.TEMPLATES[0].items() if key != "APP_DIRS"}
    loaders = [
        ("django.template.loaders.locmem.Loader", {name: text}),
        "django.template.loaders.app_directories.Loader",
    ]
    settings.TEMPLATES = [{**engine, "OPTIONS": {**engine["OPTIONS"], "loaders": loaders}}]


def warnings(caplog):
    """Return what we warned of."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelname == "WARNING" and record.name.startswith("flows")
    ]


class Walker(Visitor):
    """A visitor of one flow, who calls its pages by their names below it."""

    def __init__(self, flow, client=None):
        super().__init__(client)
        self.name = flow.name
        self.open(reverse(f"flows:{flow.name}"))
        self.first = self.url

    @property
    def task_id(self):
        """The id of the task, wherever the visitor was led since."""
        return self.first.rpartition("_t=")[2]

    @property
    def at(self):
        return self.page.removeprefix(f"/{self.name}/").strip("/")

    @property
    def flow(self):
        return self.response.context["flow"]

    @property
    def said(self):
        """What the page that is shown can see of the answers."""
        return tell(self.response.context["answers"])

    def url_of(self, place=""):
        return f"/{self.name}/{place}{place and '/'}?_t={self.task_id}"

    def go(self, place=""):
        """Open a page by its name, the flow itself by none; return where that led."""
        self.open(self.url_of(place))
        return self.at

    def say(self, *words):
        """Send one page after the other; return where the last one led."""
        for word in words:
            self.submit(says=word)
        return self.at

    def answer(self, **data):
        """Return the answer to a form that is sent, without following where it leads."""
        return self.client.post(self.url, self.form(**data))


def walk(settings, flow, *words):
    """Return a visitor of a site of one flow, who has said this on its pages."""
    serve(settings, flow)
    walker = Walker(flow)
    walker.say(*words)
    return walker
