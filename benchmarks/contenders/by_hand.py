"""Views written by hand, which promise less: from Django alone to what checks whose a journey is."""

import json
import uuid

from django.db import connection
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.crypto import get_random_string
from django.views.generic import FormView

from ..forms import PageForm, is_asked
from ..models import Journey
from . import Contender


class Page(FormView):
    """Django itself: nothing is kept."""

    form_class = PageForm
    template_name = "benchmarks/page.html"
    #: Which page this is, and of how many.
    page = pages = 0
    conditional = False

    def get_first_answers(self, form):
        return form.cleaned_data

    def form_valid(self, form):
        page = self.page + 1
        if self.conditional and page % 2 == 0 and not is_asked(self.get_first_answers(form)):
            page += 1
        self.next_page = page
        return super().form_valid(form)

    def get_success_url(self):
        return "/end/" if self.next_page > self.pages else reverse(f"page-{self.next_page}")


class KeepingPage(Page):
    """The reference: the answers are in one row, which is found by ``?_t=``; nothing is checked."""

    def dispatch(self, request, *args, **kwargs):
        key = request.GET.get("_t")
        self.journey = self.find(key) if key else self.begin()
        return super().dispatch(request, *args, **kwargs)

    def find(self, key):
        return get_object_or_404(Journey, pk=key, done=False)

    def begin(self):
        return Journey()

    def get_initial(self):
        return self.journey.answers.get(str(self.page), {})

    def get_first_answers(self, form):
        return self.journey.answers["1"]

    def form_valid(self, form):
        self.journey.answers[str(self.page)] = form.cleaned_data
        response = super().form_valid(form)
        self.journey.done = self.next_page > self.pages
        self.save()
        return response

    def save(self):
        self.journey.save()

    def get_success_url(self):
        return f"{super().get_success_url()}?_t={self.journey.pk}"


class OwnedPage(KeepingPage):
    """The reference, with the session loaded and the owner checked."""

    def find(self, key):
        return get_object_or_404(Journey, pk=key, owner=self.request.session.get("owner", "-"), done=False)

    def begin(self):
        return Journey(owner=self.request.session.setdefault("owner", get_random_string(32)))


class RawPage(KeepingPage):
    """The reference, with two statements in SQL in the place of the ORM."""

    def find(self, key):
        with connection.cursor() as cursor:
            cursor.execute("SELECT answers FROM benchmarks_journey WHERE id = %s AND NOT done", [key.replace("-", "")])
            row = cursor.fetchone()
        if row is None:
            raise Http404
        return Journey(pk=uuid.UUID(key), answers=json.loads(row[0]))

    def begin(self):
        self.is_new = True
        return Journey()

    def save(self):
        journey = self.journey
        if hasattr(self, "is_new"):
            journey.save(force_insert=True)
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE benchmarks_journey SET answers = %s, done = %s WHERE id = %s",
                [json.dumps(journey.answers), journey.done, journey.pk.hex],
            )


def maker(base):
    """Return what makes the URL patterns of views derived from ``base``: a class and a URL for each page."""

    def make(pages, conditional):
        patterns = []
        for number in range(1, pages + 1):
            view = type(f"Page{number}", (base,), {"page": number, "pages": pages, "conditional": conditional})
            patterns.append(path(f"page-{number}/" if number > 1 else "", view.as_view(), name=f"page-{number}"))
        return patterns

    return make


NOTHING_KEPT = Contender("Django itself, nothing kept", maker(Page))
REFERENCE = Contender("by hand, nothing checked", maker(KeepingPage))
RAW = Contender("by hand, in SQL, nothing checked", maker(RawPage))
OWNED = Contender("by hand, the owner checked", maker(OwnedPage))
OWNED_FAST = OWNED.on("flows.sessions.db")
CONTENDERS = [NOTHING_KEPT, RAW, REFERENCE, OWNED, OWNED_FAST]
