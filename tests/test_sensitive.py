"""What was sent is kept out of the reports about an error, wherever in the request that happens."""

import logging

import pytest
from django import forms
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client
from django.urls import include, path, reverse
from django.utils.decorators import method_decorator
from django.views.debug import ExceptionReporter
from django.views.decorators.debug import sensitive_post_parameters

from flows.components import COMPLETE, Action, Scaffold
from flows.exceptions import StoreUnavailable
from flows.handler import FlowHandler
from flows.statestore.django_store import StateStore

from tests.visitor import Visitor

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db(transaction=True)]


class SecretForm(forms.Form):
    password = forms.CharField()
    colour = forms.CharField()


def fail_at(place, request):
    if request.method == "POST" and request.POST.get("colour") == place:
        raise ZeroDivisionError(place)


@method_decorator(sensitive_post_parameters("password"), name="dispatch")
class Hidden(Action):
    form_class = SecretForm

    def prepare(self):
        fail_at("prepare", self.request)

    def form_valid(self, form):
        fail_at("form_valid", self.request)
        return COMPLETE


class Open(Action):
    form_class = SecretForm

    def form_valid(self, form):
        fail_at("form_valid", self.request)
        return COMPLETE


class Safe(Scaffold):
    action_set = [Hidden]
    preconditions = [lambda component: fail_at("precondition", component.request)]

    def complete(self):
        fail_at("complete", self.request)
        return HttpResponse("done")


handler = FlowHandler()
handler.register_entry_point(Safe)
handler.register_entry_point(Open)
urlpatterns = [path("", include(handler.urls))]


def hide_password(get_response):
    return sensitive_post_parameters("password")(get_response)


class Reports(logging.Handler):
    """Makes of what is logged of requests what Django would mail to the admins, with the values of variables."""

    def __init__(self):
        super().__init__("ERROR")
        self.texts = []

    def emit(self, record):
        error = record.exc_info or (None, record.getMessage(), None)
        report = ExceptionReporter(record.request, *error, is_email=True)
        self.texts.append(report.get_traceback_text() + report.get_traceback_html())


@pytest.fixture
def reports():
    handler, logger = Reports(), logging.getLogger("django.request")
    logger.addHandler(handler)
    yield handler.texts
    logger.removeHandler(handler)


def send(flow, **data):
    visitor = Visitor(Client(enforce_csrf_checks=True, raise_request_exception=False))
    visitor.open(reverse(f"flows:{flow}"))
    return visitor.client.post(visitor.url, visitor.form(**data))


@pytest.mark.parametrize("place", ["precondition", "prepare", "form_valid", "complete"])
def test_what_is_sensitive_is_in_no_report_of_an_error(place, reports):
    assert send("safe", password="hunter2", colour=place).status_code == 500
    (report,) = reports
    assert place in report
    assert "hunter2" not in report


@pytest.mark.parametrize("error", [StoreUnavailable("It is away."), OperationalError("It is broken.")])
def test_what_is_sensitive_is_in_no_report_of_a_store_that_is_away(error, reports, monkeypatch):
    def away(*args):
        raise error

    monkeypatch.setattr(StateStore, "lock_new", away)
    assert send("safe", password="hunter2", colour="red").status_code >= 500
    (report,) = reports
    assert "hunter2" not in report


def test_what_no_decorator_calls_sensitive_is_in_the_report_of_an_error_of_the_action(reports):
    send("open", password="hunter2", colour="form_valid")
    (report,) = reports
    assert "hunter2" in report


def test_what_something_around_the_view_calls_sensitive_stays_so(reports, monkeypatch, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.hide_password"]
    send("open", password="hunter2", colour="form_valid")
    (report,) = reports
    assert "hunter2" not in report
    assert "form_valid" in report
