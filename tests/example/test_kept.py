"""What is kept of what a customer says, and what is not. In the checkout: see test_branches.py"""

import json

import pytest
from django.db import connection

from flows.models import StoredTask

from tests.example.customer import ACCOUNT, ADDRESS, CARD, Customer, mailed_code

PASSWORD = "Xk9-lamp-post"


def everything_stored():
    """Return all rows of all tables as text; base64 and JSON hide nothing here, sessions are decoded."""
    rows = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows += map(repr, cursor.fetchall())
    from django.contrib.sessions.models import Session

    rows += [repr(session.get_decoded()) for session in Session.objects.all()]
    return "\n".join(rows)


class Careful(Customer):
    """Looks into all tables after each page for what should be in none."""

    secrets = ()

    def follow(self):
        response = super().follow()
        stored = everything_stored()
        assert not [secret for secret in self.secrets if secret in stored]
        return response


def state(customer):
    return json.loads(StoredTask.objects.get(pk=customer.task_id).data)["state"]


def test_numbers_of_cards_are_in_no_table():
    customer = Careful()
    customer.secrets = [CARD["number"], CARD["number"].replace(" ", ""), CARD["security_code"] + "'", "demo-password"]
    customer.begin()
    customer.log_in()
    customer.submit(method="card")
    customer.submit(**{**CARD, "expires": "never"})
    customer.submit(**CARD, remember="on")
    customer.submit()
    assert customer.seen.heading == "Thank you for your order"


def test_passwords_and_codes_are_in_no_table(mailoutbox):
    customer = Careful()
    customer.secrets = [PASSWORD]
    customer.begin()
    customer.click("Register")
    customer.submit(username="kim", email="kim@example.com", password1=PASSWORD, password2="x")
    customer.submit(username="kim", email="kim@example.com", password1=PASSWORD, password2=PASSWORD)
    another = Careful()
    another.secrets = [PASSWORD]
    another.begin()
    another.click("Forgot your password?")
    another.submit(email="kim@example.com")
    another.secrets = [PASSWORD, mailed_code()]
    another.submit(code=mailed_code())
    another.submit(new_password1=PASSWORD, new_password2=PASSWORD)
    assert another.place == "how-to-pay/choose-method/"


def test_an_ended_task_keeps_nothing_of_what_was_said(customer):
    customer.begin()
    customer.log_in()
    customer.submit(method="bank")
    customer.submit(**ACCOUNT)
    customer.submit(**ADDRESS)
    task_id = customer.task_id
    assert "DE89370400440532013000" in StoredTask.objects.get(pk=task_id).data
    customer.submit()
    kept = StoredTask.objects.get(pk=task_id).data
    assert customer.url in kept
    for said in (ACCOUNT["holder"], "DE89370400440532013000", ADDRESS["street"]):
        assert said not in kept


@pytest.fixture
def at_code(customer):
    customer.begin()
    customer.click("Forgot your password?")
    customer.submit(email="demo@example.com")
    return customer


def test_a_change_deep_in_the_state_in_an_invalid_post_is_kept(at_code):
    for tries in (1, 2, 3):
        at_code.submit(code=f"WRONG{tries}")
        assert state(at_code)["reset"]["tries"] == tries


def test_a_change_deep_in_the_state_in_a_valid_post_is_kept(at_code):
    assert state(at_code)["reset"]["proved"] is False
    at_code.submit(code=mailed_code())
    assert state(at_code)["reset"]["proved"] is True


def test_looking_at_pages_leaves_no_task(customer):
    customer.open("/")
    customer.click("Buy Teapot")
    customer.submit(quantity=0)
    assert not StoredTask.objects.exists()


def test_an_invalid_answer_does_not_replace_a_valid_one(customer):
    customer.begin("Teapot", 2)
    customer.log_in()
    customer.go_to("choose-item/")
    customer.submit(quantity=1000)
    customer.open(customer.url)
    assert customer.seen.fields["quantity"] == "2"
