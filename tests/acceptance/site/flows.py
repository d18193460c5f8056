"""The flows of the site, one of each kind for each guarantee that the store gives."""

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.models import User

from flows.components import COMPLETE, Action, Scaffold
from flows.preconditions import LoginRequired
from flows.transitions import Linear

from ..setups import CLAIM
from .effects import effect
from .forms import LoginForm, StepForm


class Step(Action):
    """A page that has an effect, named after the page, each time it is executed."""

    form_class = StepForm
    template_name = "acceptance/page.html"

    def form_valid(self, form):
        data = form.cleaned_data
        effect(self, self.name, delay=data["delay"] or 0, meet=data["meet"], name=data["name"])
        return self.conclude(data)

    def conclude(self, data):
        return COMPLETE

    def get_context_data(self, **kwargs):
        remembered = {position: dict(answers) for position, answers in self.answers.items()}
        return super().get_context_data(**kwargs, remembered=remembered)


class First(Step):
    pass


class Second(Step):
    pass


class Third(Step):
    pass


class Login(Step):
    """Logs in the user whose name is given, which gives the session a new key."""

    form_class = LoginForm

    def conclude(self, data):
        login(self.request, User.objects.get(username=data["name"]))
        return COMPLETE


class Logout(Step):
    def conclude(self, data):
        logout(self.request)
        return COMPLETE


class Order(Step):
    preconditions = [LoginRequired()]


class Flush(Step):
    """Throws the visitor's session away and goes on in a new one."""

    def conclude(self, data):
        self.request.session.flush()
        return COMPLETE


class Flow(Scaffold):
    """Pages in order; completing is an effect too, and says which answers it saw."""

    transition = Linear()

    def complete(self):
        seen = {position: dict(answers) for position, answers in self.answers.items()}
        effect(self, "complete", answers=seen)


def flow(name, pages, guarantee, *, at_the_end=None):
    """Return the flow ``<name>-<guarantee>`` of pages with this guarantee; ``complete()`` may have another."""
    actions = [type(page.__name__, (page,), {"guarantee": guarantee}) for page in pages]
    own = {"name": f"{name}-{guarantee}", "action_set": actions, "guarantee": at_the_end or guarantee}
    return type(name.capitalize(), (Flow,), own)


#: ``journey`` is three pages, ``member`` logs in at the second of three, ``leaver`` throws its session away there.
PAGES = {
    "journey": (First, Second, Third),
    "member": (First, Login, Order),
    "leaver": (First, Flush, Third),
}
GUARANTEES = settings.SETUP.guarantees
FLOWS = [flow(name, pages, guarantee) for name, pages in PAGES.items() for guarantee in GUARANTEES]
#: ``mixed-claim`` is a journey of which each page is claimed, and the end has the store's default guarantee.
FLOWS.append(flow("mixed", PAGES["journey"], CLAIM, at_the_end=GUARANTEES[0]))
