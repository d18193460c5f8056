"""Each way through the checkout, by Django's client.

In the checkout: ``pytest --ds=tests.example.settings tests/example``
"""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail

from shop import reset
from shop.models import Order, PaymentMethod
from tests.example.customer import ACCOUNT, ADDRESS, CARD, item, item_url, mailed_code

PASSWORD = "Xk9-lamp-post"


NEW_CUSTOMER = {"username": "kim", "email": "kim@example.com", "password1": PASSWORD, "password2": PASSWORD}


# Who are you?


def test_log_in(customer):
    customer.begin("Teapot", 2)
    assert customer.place == "identify/login/"
    customer.submit(username="demo", password="wrong")
    assert customer.place == "identify/login/"
    assert "Please enter a correct username and password" in customer.seen.text
    customer.log_in()
    assert customer.place == "how-to-pay/choose-method/"


def test_who_is_logged_in_already_is_not_asked(customer):
    customer.open("/login/")
    customer.log_in()
    customer.begin()
    assert customer.place == "how-to-pay/choose-method/"
    assert "Who are you?" not in customer.seen.text


def test_a_login_elsewhere_in_the_middle_keeps_the_task(customer):
    customer.begin("Teapot", 3)
    tab = customer.another_tab()
    tab.open("/login/")
    tab.log_in()
    customer.open(customer.url)
    assert customer.place == "how-to-pay/choose-method/"
    customer.submit(method="saved-1")
    assert "3 × Teapot" in customer.seen.text


def test_register(customer):
    customer.begin()
    customer.click("Register")
    customer.submit(**{**NEW_CUSTOMER, "password2": "another"})
    assert customer.place == "identify/register/"
    assert "The two password fields didn’t match." in customer.seen.text
    assert customer.seen.fields["username"] == "kim"
    customer.submit(**NEW_CUSTOMER)
    assert customer.place == "how-to-pay/choose-method/"
    assert User.objects.get(username="kim").check_password(PASSWORD)


def test_the_ways_to_say_who_one_is_are_linked(customer):
    customer.begin()
    customer.click("Forgot your password?")
    assert customer.place == "identify/forgot-password/ask-email/"
    customer.click("Log in")
    assert customer.place == "identify/login/"
    customer.click("Register")
    assert customer.place == "identify/register/"
    customer.click("Back")
    assert customer.place == "choose-item/", "What may be entered in its place does not stand before it."
    customer.submit()
    assert customer.place == "identify/login/"
    customer.log_in()
    assert customer.place == "how-to-pay/choose-method/"


def test_forgot_password(customer):
    customer.begin()
    customer.click("Forgot your password?")
    customer.submit(email="demo@example.com")
    assert customer.place == "identify/forgot-password/enter-code/"
    customer.submit(code=mailed_code().lower())
    assert customer.place == "identify/forgot-password/new-password/"
    customer.submit(new_password1=PASSWORD, new_password2=PASSWORD)
    assert customer.place == "how-to-pay/choose-method/"
    assert User.objects.get(username="demo").check_password(PASSWORD)


def test_an_address_without_an_account_is_told_so_by_mail_only(customer, other):
    for who, email in ((customer, "nobody@example.com"), (other, "demo@example.com")):
        who.begin()
        who.click("Forgot your password?")
        who.submit(email=email)
    assert customer.seen.text == other.seen.text
    unknown, known = mail.outbox
    assert unknown.to == ["nobody@example.com"]
    assert "There is no account with it." in unknown.body
    assert known.to == ["demo@example.com"]


def test_a_wrong_code_may_be_tried_five_times(customer):
    customer.begin()
    customer.click("Forgot your password?")
    customer.submit(email="demo@example.com")
    code = mailed_code()
    for number in range(reset.MAX_TRIES - 1):
        customer.submit(code=f"WRONG{number}")
        assert "This is not the code." in customer.seen.text
    customer.submit(code="WRONG AGAIN")
    assert customer.place == "identify/forgot-password/ask-email/"
    assert "That code can no longer be used." in customer.seen.text
    customer.go_to("identify/forgot-password/enter-code/")
    assert customer.place == "identify/forgot-password/ask-email/"
    customer.submit(email="demo@example.com")
    customer.submit(code=code)
    assert "This is not the code." in customer.seen.text, "The first code is spent."
    customer.submit(code=mailed_code())
    assert customer.place == "identify/forgot-password/new-password/"


def test_a_code_is_good_for_a_while(customer, monkeypatch):
    customer.begin()
    customer.click("Forgot your password?")
    customer.submit(email="demo@example.com")
    monkeypatch.setattr(reset, "LIFETIME", timedelta(0))
    customer.submit(code=mailed_code())
    assert customer.place == "identify/forgot-password/ask-email/"
    assert "That code can no longer be used." in customer.seen.text


def test_a_code_proves_one_address(customer):
    User.objects.create_user("kim", "kim@example.com", PASSWORD)
    customer.begin()
    customer.click("Forgot your password?")
    customer.submit(email="kim@example.com")
    customer.submit(code=mailed_code())
    customer.go_to("identify/forgot-password/ask-email/")
    customer.submit(email="demo@example.com")
    customer.go_to("identify/forgot-password/new-password/")
    assert customer.place == "identify/forgot-password/enter-code/"


# How to pay?


def test_a_saved_method(customer):
    customer.come_to_confirm("Notebook", 2)
    assert "Card ending in 4242" in customer.seen.text
    customer.submit()
    assert customer.seen.heading == "Thank you for your order"
    order = Order.objects.get()
    assert (order.user.username, order.item.name, order.quantity) == ("demo", "Notebook", 2)
    assert str(order.amount) == "19.60"
    assert item("Notebook").stock == 38
    assert f"Your order {order.number}" == mail.outbox[-1].subject


def test_a_card_that_is_remembered(customer):
    customer.begin("Teapot", 2)
    customer.log_in()
    customer.submit(method="card")
    assert customer.place == "how-to-pay/card-details/"
    customer.submit(**{**CARD, "number": "4000 0566 5566 5557", "expires": "13/39", "security_code": "x"})
    assert customer.place == "how-to-pay/card-details/"
    assert "This is not the number of a card." in customer.seen.text
    assert "Month and year, please" in customer.seen.text
    assert "Three or four digits, please." in customer.seen.text
    customer.submit(**CARD, remember="on")
    assert customer.place == "confirm/"
    assert "Card ending in 5556, good until 12/39" in customer.seen.text
    assert "€ 49.00" in customer.seen.text
    customer.submit()
    assert customer.seen.heading == "Thank you for your order"
    saved = PaymentMethod.objects.get(description__contains="5556")
    customer.begin()
    customer.submit(method=f"saved-{saved.pk}")
    assert "Card ending in 5556" in customer.seen.text


def test_a_bank_account_and_its_address(customer):
    customer.begin("Woollen socks")
    customer.log_in()
    customer.submit(method="bank")
    customer.submit(holder="Kim", iban="DE89 3704 0044 0532 0130 01")
    assert "This is not an IBAN." in customer.seen.text
    customer.submit(**ACCOUNT)
    assert customer.place == "how-to-pay/bank/bank-address/"
    customer.submit(**ADDRESS)
    assert customer.place == "confirm/"
    assert "Bank account ending in 3000" in customer.seen.text
    assert "12345 Oldtown" in customer.seen.text
    customer.submit()
    assert Order.objects.get().address == "Kim Demo\nLong Lane 1\n12345 Oldtown\nRuritania"
    assert not PaymentMethod.objects.filter(kind="bank").exists()


@pytest.fixture
def at_provider(customer):
    """A customer whom the shop has sent to PayPal."""
    customer.begin("Rucksack")
    customer.log_in()
    customer.submit(method="paypal")
    assert customer.place == "how-to-pay/paypal/"
    customer.submit()
    assert customer.page == "/paypal/"
    assert "€ 79.00" in customer.seen.text
    return customer


def test_paypal_approved(at_provider):
    at_provider.submit(answer="approve")
    assert at_provider.place == "how-to-pay/paypal/"
    assert "You have agreed to pay € 79.00 with PayPal." in at_provider.seen.text
    at_provider.submit()
    assert at_provider.place == "confirm/"
    at_provider.submit()
    assert Order.objects.get().payment.startswith("PayPal, reference ")


def test_paypal_cancelled(at_provider):
    at_provider.submit(answer="cancel")
    assert at_provider.place == "how-to-pay/choose-method/"
    assert "You did not pay with PayPal." in at_provider.seen.text
    at_provider.submit(method="saved-1")
    at_provider.submit()
    assert Order.objects.get().payment.startswith("Card")


def test_paypal_cancelled_and_chosen_again(at_provider):
    at_provider.submit(answer="cancel")
    at_provider.submit(method="paypal")
    assert at_provider.place == "how-to-pay/paypal/"
    at_provider.submit()
    at_provider.submit(answer="approve")
    at_provider.submit()
    assert at_provider.place == "confirm/"


def test_paypal_forged(at_provider):
    at_provider.submit(answer="approve")
    genuine = at_provider.url
    for forged in (f"{genuine}x", genuine.partition("&result=")[0], genuine.replace("&result=", "&result=x")):
        at_provider.open(forged)
        assert at_provider.place == "how-to-pay/paypal/"
        assert "You agree to pay € 79.00 on PayPal's own page" in at_provider.seen.text
    assert at_provider.client.get("/paypal/?payment=forged").status_code == 400


def test_what_paypal_approved_is_good_for_that_amount_only(at_provider):
    at_provider.submit(answer="approve")
    earlier = at_provider.url
    at_provider.submit()
    at_provider.go_to("choose-item/")
    at_provider.submit(quantity=2)
    assert at_provider.place == "how-to-pay/paypal/"
    assert "You agreed to another amount with PayPal." in at_provider.seen.text
    at_provider.open(earlier)
    at_provider.submit()
    assert at_provider.place == "how-to-pay/paypal/"
    assert "You agree to pay € 158.00 on PayPal's own page" in at_provider.seen.text
    at_provider.submit()
    assert "€ 158.00" in at_provider.seen.text
    at_provider.submit(answer="approve")
    at_provider.submit()
    assert at_provider.place == "confirm/"
    at_provider.open(earlier)
    assert "You agree to pay € 158.00 on PayPal's own page" in at_provider.seen.text
    at_provider.go_to("confirm/")
    at_provider.submit()
    assert str(Order.objects.get().amount) == "158.00"


# Back and forward


def test_back_leads_through_the_pages_before_with_their_answers(customer):
    customer.begin("Teapot", 2)
    customer.log_in()
    customer.submit(method="card")
    customer.submit(**CARD)
    customer.click("Back")
    assert customer.place == "how-to-pay/card-details/"
    assert customer.seen.fields["holder"] == CARD["holder"]
    assert not customer.seen.fields["number"]
    assert not customer.seen.fields["security_code"]
    customer.click("Back")
    assert customer.seen.fields["method"] == "card"
    customer.click("Back")
    assert customer.place == "choose-item/", "Who is logged in is not asked again."
    assert customer.seen.fields["quantity"] == "2"
    assert "Back" not in customer.seen.links


def test_another_way_to_pay_is_asked_for_and_the_first_comes_back_as_it_was(customer):
    customer.begin()
    customer.log_in()
    customer.submit(method="card")
    customer.submit(**CARD)
    customer.go_to("how-to-pay/choose-method/")
    customer.submit(method="bank")
    customer.go_to("confirm/")
    assert customer.place == "how-to-pay/bank/bank-account/"
    customer.go_to("how-to-pay/choose-method/")
    customer.submit(method="saved-1")
    assert customer.place == "confirm/"
    assert "Card ending in 4242" in customer.seen.text
    customer.go_to("how-to-pay/choose-method/")
    customer.submit(method="card")
    assert customer.place == "how-to-pay/card-details/"
    assert customer.seen.fields["holder"] == CARD["holder"]
    customer.go_to("confirm/")
    assert customer.place == "confirm/"
    assert "Card ending in 5556" in customer.seen.text


def test_the_same_way_to_pay_again_leads_on(customer):
    customer.come_to_confirm()
    customer.go_to("how-to-pay/choose-method/")
    customer.submit(method="saved-1")
    assert customer.place == "confirm/"
    assert "Card ending in 4242" in customer.seen.text


def test_a_card_without_saying_so_first(customer):
    """What the actions decide may be entered at any of its pages, until one of them has decided."""
    customer.begin()
    customer.log_in()
    customer.go_to("how-to-pay/card-details/")
    customer.submit(**CARD)
    assert customer.place == "confirm/"
    assert "Card ending in 5556" in customer.seen.text


AHEAD = [
    "identify/forgot-password/new-password/",
    "how-to-pay/choose-method/",
    "how-to-pay/card-details/",
    "how-to-pay/bank/bank-address/",
    "how-to-pay/paypal/",
    "confirm/",
]


@pytest.mark.parametrize("place", AHEAD)
def test_nobody_jumps_ahead(customer, place):
    customer.begin()
    customer.go_to(place)
    assert customer.response.status_code == 200
    assert customer.place.startswith("identify/")
    assert "Continue" in customer.text or "Log in" in customer.text
    customer.open(f"{item_url('Teapot').rpartition('choose-item/')[0]}{place}")
    assert customer.response.status_code in (200, 404)
    assert customer.place != place or customer.response.status_code == 404


@pytest.mark.parametrize("place", ["confirm/", "how-to-pay/bank/bank-address/"])
def test_nobody_pays_before_saying_how(customer, place):
    customer.begin()
    customer.log_in()
    customer.go_to(place)
    assert customer.response.status_code == 200
    assert customer.place.startswith("how-to-pay/")
    assert customer.place != place
