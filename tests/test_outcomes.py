"""What handling a page can end in."""

import copy
import pickle

import pytest
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import include, path, reverse

from flows.components import COMPLETE, Action, Scaffold
from flows.handler import FlowHandler
from flows.transitions import Linear
from flows.tree.outcomes import OutcomeResponse

from tests.testapp.flows import NameForm
from tests.testapp.models import Effect
from tests.visitor import Visitor


def test_complete_is_one_value_that_can_be_read_and_is_true():
    assert repr(COMPLETE) == "COMPLETE"
    assert copy.deepcopy(COMPLETE) is pickle.loads(pickle.dumps(COMPLETE)) is COMPLETE
    assert COMPLETE


def test_what_decorators_set_on_an_outcome_is_handed_on():
    carrier, response = OutcomeResponse(COMPLETE), HttpResponse("page")
    carrier["X-Frame-Options"] = "DENY"
    carrier.set_cookie("seen", "yes", httponly=True)
    carrier.copy_headers_to(response)
    assert response["X-Frame-Options"] == "DENY"
    assert response.cookies["seen"].value == "yes"
    assert response.cookies["seen"]["httponly"]


def test_what_the_response_says_itself_stays():
    carrier, response = OutcomeResponse(COMPLETE), HttpResponse("page", content_type="text/plain")
    carrier["Cache-Control"], response["Cache-Control"] = "max-age=60", "no-store"
    carrier["Content-Length"] = "0"
    carrier.copy_headers_to(response)
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Type"] == "text/plain"
    assert "Content-Length" not in response


# What a page that answers by itself leaves behind


def client_redirect(self, header):
    return HttpResponse(headers={header: self.link_to(After)})


ENDS = {
    "redirect": lambda self: redirect(self.link_to(After)),
    "away": lambda self: redirect("https://bank.example/"),
    "send_to": lambda self: self.send_to(After),
    "hx_redirect": lambda self: client_redirect(self, "HX-Redirect"),
    "hx_location": lambda self: client_redirect(self, "HX-Location"),
    "leave": lambda self: self.leave("https://bank.example/"),
    "page": lambda self: HttpResponse("A page of its own."),
}


class Answering(Action):
    form_class = NameForm

    def form_valid(self, form):
        Effect.objects.create(what="answered")
        return ENDS[form.cleaned_data["name"]](self)


class After(Action):
    form_class = NameForm


class Ordered(Scaffold):
    action_set = [Answering, After]
    transition = Linear()


handler = FlowHandler()
handler.register_entry_point(Ordered)
urlpatterns = [path("", include(handler.urls))]


def send(end):
    """Return a visitor who has sent the page twice, and the answers."""
    visitor = Visitor()
    visitor.open(reverse("flows:ordered"))
    form = visitor.form(name=end)
    return visitor, [visitor.client.post(visitor.url, form) for _ in range(2)]


@pytest.mark.urls(__name__)
@pytest.mark.django_db
@pytest.mark.parametrize("end", ["redirect", "away", "send_to", "hx_redirect", "hx_location"])
def test_a_page_that_ended_in_a_redirect_of_its_own_is_answered(end, each_store):
    visitor, answers = send(end)
    after = visitor.url.replace("answering", "after")
    led_to = [answer.headers.get("Location") or answer.headers[end.replace("_", "-")] for answer in answers]
    assert led_to == (["https://bank.example/"] if end == "away" else [after]) * 2
    visitor.open(after)
    assert visitor.url == after
    assert Effect.objects.count() == 1


@pytest.mark.urls(__name__)
@pytest.mark.django_db
@pytest.mark.parametrize("end", ["leave", "page"])
def test_a_page_that_ended_in_anything_else_of_its_own_is_open(end, each_store):
    visitor, _ = send(end)
    here = visitor.url
    visitor.open(here.replace("answering", "after"))
    assert visitor.url == here
    assert Effect.objects.count() == 1
