"""Which children of a scaffold count where the actions decide."""

import pytest
from django import forms
from django.http import HttpResponseRedirect
from django.urls import include, path, reverse

from flows.components import COMPLETE, Action, Scaffold
from flows.handler import FlowHandler
from flows.journey.route import get_way
from flows.transitions import Linear

from tests.testapp.flows import Bank, NameForm
from tests.visitor import Visitor

# The way, as a value


@pytest.mark.parametrize(
    ("choices", "way"),
    [
        ({}, []),
        ({"pay/": "method"}, ["method"]),
        ({"pay/": "method", "method": "card"}, ["method", "card"]),
        ({"pay/": "method", "method": "card", "card": ""}, ["method", "card"]),
        ({"pay/": "method", "method": "bank", "card": ""}, ["method", "bank"]),
        ({"pay/": "method", "method": "card", "card": "method"}, ["method", "card"]),
        ({"pay/": "method", "method": "*"}, ["method"]),
        ({"pay/": "card", "card": "", "method": "bank"}, ["card"]),
    ],
)
def test_the_way_goes_from_the_first_to_the_last_that_was_chosen(choices, way):
    assert get_way(choices, "pay/") == way


# A journey


class MethodForm(forms.Form):
    method = forms.CharField()


class Method(Action):
    form_class = MethodForm

    def form_valid(self, form):
        return {"card": Card, "bank": Bank, "away": HttpResponseRedirect("/provider/")}.get(
            form.cleaned_data["method"], COMPLETE
        )


class Card(Action):
    form_class = NameForm


class Pay(Scaffold):
    action_set = [Method, Card, Bank]
    transition = None


class Confirm(Action):
    pass


completed = []


class Checkout(Scaffold):
    action_set = [Pay, Confirm]
    transition = Linear()

    def complete(self):
        completed.append({key.split("/")[-1]: said for key, said in self.answers.items()})


handler = FlowHandler()
handler.register_entry_point(Checkout)
urlpatterns = [path("", include(handler.urls))]


@pytest.fixture
def visitor(each_store, settings, db):
    settings.ROOT_URLCONF = __name__
    completed.clear()
    visitor = Visitor()
    visitor.open(reverse("flows:checkout"))
    return visitor


def go_to(visitor, page):
    visitor.open(f"/checkout/{page}/?_t={visitor.task_id}")


def pay_by_card(visitor):
    visitor.submit(method="card")
    visitor.submit(name="4242")
    assert visitor.page == "/checkout/confirm/"


def test_another_choice_undoes_the_first(visitor):
    pay_by_card(visitor)
    confirm, form = visitor.url, visitor.form()
    go_to(visitor, "pay/method")
    visitor.submit(method="bank")
    assert visitor.page == "/checkout/pay/bank/account/"
    for page in ("confirm", "pay/card"):
        go_to(visitor, page)
        assert visitor.page == "/checkout/pay/bank/account/"
    visitor.send(confirm, form)
    assert (visitor.page, completed) == ("/checkout/pay/bank/account/", [])
    visitor.submit(name="DE02")
    visitor.submit(name="Berlin")
    visitor.submit()
    assert completed == [
        {"method": {"method": "bank"}, "account": {"name": "DE02"}, "address": {"name": "Berlin"}, "confirm": {}}
    ]


def test_choosing_the_first_again_brings_it_back_as_it_was(visitor):
    pay_by_card(visitor)
    go_to(visitor, "pay/method")
    visitor.submit(method="bank")
    go_to(visitor, "pay/method")
    visitor.submit(method="card")
    assert 'value="4242"' in visitor.text
    go_to(visitor, "confirm")
    assert visitor.page == "/checkout/confirm/"
    assert [key.split("/")[-1] for key in visitor.response.context["answers"]] == ["method", "card"]


def test_the_same_choice_changes_nothing(visitor):
    pay_by_card(visitor)
    go_to(visitor, "pay/method")
    visitor.submit(method="card")
    go_to(visitor, "confirm")
    assert visitor.page == "/checkout/confirm/"


def test_alternatives_may_be_entered_until_one_is_chosen(visitor):
    for page in ("card", "bank/account", "method"):
        go_to(visitor, f"pay/{page}")
        assert visitor.page == f"/checkout/pay/{page}/"


def test_where_several_were_answered_the_last_that_completed_counts(visitor):
    go_to(visitor, "pay/card")
    visitor.submit(name="4242")
    go_to(visitor, "pay/bank/account")
    visitor.submit(name="DE02")
    visitor.submit(name="Berlin")
    assert visitor.page == "/checkout/confirm/"
    assert [key.split("/")[-1] for key in visitor.response.context["answers"]] == ["account", "address"]


def test_after_a_redirect_of_its_own_any_sibling_may_follow(visitor):
    visitor.client.post(visitor.url, visitor.form(method="away"))
    for page in ("card", "bank/account"):
        go_to(visitor, f"pay/{page}")
        assert visitor.page == f"/checkout/pay/{page}/"
    visitor.submit(name="DE02")
    visitor.submit(name="Berlin")
    assert visitor.page == "/checkout/confirm/"


def test_the_steps_are_those_that_were_chosen(visitor):
    pay_by_card(visitor)
    go_to(visitor, "pay/method")
    visitor.submit(method="bank")
    (pay, _) = visitor.response.context["flow"].steps
    assert [step.title for step in pay.children] == ["Account", "Address"]
