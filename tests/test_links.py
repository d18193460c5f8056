"""URLs that are made of a request's own: they lead to the same place, on the same host."""

from urllib.parse import unquote

import pytest
from django.test import Client, RequestFactory
from django.urls import include, path

from flows.components import Action
from flows.handler import FlowHandler
from flows.journey.links import get_lasting_url, url_in_task

from tests.testapp.flows import NameForm
from tests.visitor import Visitor

pytestmark = pytest.mark.urls(__name__)


class Ask(Action):
    url = "<path:place>/ask/"
    form_class = NameForm


handler = FlowHandler()
handler.register_entry_point(Ask)
urlpatterns = [path("", include(handler.urls))]

#: Route arguments as they are written in a URL.
ARGUMENTS = (
    "a%252Fb",
    "%252e%252e/a",
    "100%25",
    "what%3F",
    "a%23b",
    "a;b",
    "%C3%A9",
    "%25C3%25A9",
    "a+b",
    "a%20b",
    "a//b",
)


@pytest.mark.django_db
@pytest.mark.parametrize("argument", ARGUMENTS)
def test_an_entry_point_leads_to_itself_whatever_its_arguments_are(argument):
    visitor = Visitor()
    visitor.open(f"/{argument}/ask/?x=%2526")
    assert visitor.response.status_code == 200
    assert visitor.response.wsgi_request.resolver_match.kwargs == {"place": unquote(argument)}
    assert visitor.response.wsgi_request.GET["x"] == "%26"


def test_an_entry_point_leads_to_no_other_host():
    response = Client().get("/", PATH_INFO="//evil.example/ask/")
    assert response.status_code == 302
    assert response["Location"].startswith("/%2Fevil.example/ask/?_t=")


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_the_url_in_a_task_is_that_of_the_request(argument):
    request = RequestFactory().get(f"/{argument}/ask/")
    again = RequestFactory().get(url_in_task(request, "0"))
    assert (again.path, again.GET["_t"]) == (request.path, "0")
    assert RequestFactory().get(get_lasting_url(request, "?a=b")).path == request.path
