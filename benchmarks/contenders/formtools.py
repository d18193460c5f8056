"""django-formtools: its session wizard with a URL for each step."""

from django.http import HttpResponseRedirect
from django.urls import path
from formtools.wizard.views import NamedUrlSessionWizardView

from ..forms import PageForm, is_asked
from . import Contender


class Wizard(NamedUrlSessionWizardView):
    template_name = "benchmarks/formtools.html"

    def done(self, form_list, **kwargs):
        return HttpResponseRedirect("/end/")


def _is_asked(wizard):
    return is_asked(wizard.get_cleaned_data_for_step("page-1"))


def make(pages, conditional):
    forms = [(f"page-{number}", PageForm) for number in range(1, pages + 1)]
    conditions = {name: _is_asked for name, _ in forms[1::2]} if conditional else {}
    view = Wizard.as_view(forms, url_name="step", done_step_name="done", condition_dict=conditions)
    return [path("", view), path("<slug:step>/", view, name="step")]


CONTENDERS = [Contender("django-formtools", make)]
