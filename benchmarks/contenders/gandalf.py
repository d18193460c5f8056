"""django-gandalf: its wizard, with runs in the session."""

from django.http import HttpResponseRedirect
from django.urls import include, path
from gandalf.viewsets import WizardViewSet
from gandalf.wizard import Wizard, condition

from ..forms import PageForm, is_asked
from . import Contender


def _is_asked(context):
    return is_asked(context.run.path.find_step(name="page-1").answer)


def make(pages, conditional):
    wizard = Wizard()
    for number in range(1, pages + 1):
        name = f"page-{number}"
        if conditional and number % 2 == 0:
            wizard = wizard.branch(condition(_is_asked, Wizard().step(PageForm, name=name)))
        else:
            wizard = wizard.step(PageForm, name=name)

    class ViewSet(WizardViewSet):
        template_name = "benchmarks/page.html"
        url_name = "wizard"

        def get_wizard(self, run):
            return wizard

        def done(self, run):
            return HttpResponseRedirect("/end/")

    return [path("", include(ViewSet.urls()))]


CONTENDERS = [Contender("django-gandalf", make)]
