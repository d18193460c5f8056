"""Back, reload, double clicks, tabs and other people. In the checkout: see test_walks.py"""

import re
import time

import pytest
from django.core import mail
from playwright.sync_api import expect

from shop import flows
from shop.models import Item, Order
from shop.orders import place_order

#: It is looked at again and again: who waits for a navigation fails where a second click takes the place of the first.
AN_ORDER = re.compile(r"/orders/[^/]+/$")
#: Milliseconds.
PATIENCE = 30_000

SEND_TWICE = """async () => {
  const form = document.querySelector("main form");
  const send = () => fetch(location, {method: "POST", body: new URLSearchParams(new FormData(form))});
  return (await Promise.all([send(), send()])).map(response => response.url);
}"""


@pytest.fixture
def slow_shop(monkeypatch):
    """A shop that takes its time over an order, so that a second click comes in between."""

    def slowly(*args):
        order = place_order(*args)
        time.sleep(0.5)
        return order

    monkeypatch.setattr(flows, "place_order", slowly)


def ordered_once():
    return Order.objects.count() == len(mail.outbox) == 1 and Item.objects.get(name="Teapot").stock == 11


# Once


def test_a_double_click_on_pay_is_one_order(person, slow_shop):
    person.come_to_confirm()
    person.page.get_by_role("button", name="Pay now").dblclick(no_wait_after=True)
    expect(person.page).to_have_url(AN_ORDER, timeout=PATIENCE)
    person.has_ordered("1 × Teapot")
    assert ordered_once()


def test_an_impatient_second_click_on_pay_is_one_order(person, slow_shop):
    person.come_to_confirm()
    sent = []
    person.page.on("request", lambda request: sent.append(request.method))
    box = person.page.get_by_role("button", name="Pay now").bounding_box()
    for _ in range(2):
        person.page.mouse.click(box["x"] + 9, box["y"] + 9)
        person.page.wait_for_timeout(150)
    expect(person.page).to_have_url(AN_ORDER, timeout=PATIENCE)
    person.has_ordered("1 × Teapot")
    assert sent.count("POST") == 2
    assert ordered_once()


def test_the_form_sent_twice_by_a_script_is_one_order(person):
    person.come_to_confirm()
    page = person.page
    page.evaluate("() => { const form = document.querySelector('main form'); form.submit(); form.submit(); }")
    expect(page).to_have_url(AN_ORDER, timeout=PATIENCE)
    assert ordered_once()


def test_two_requests_at_one_instant_are_led_to_one_order(person, slow_shop):
    person.come_to_confirm()
    first, second = person.page.evaluate(SEND_TWICE)
    assert first == second
    assert first.endswith(f"/orders/{Order.objects.get().number}/")
    assert ordered_once()


def test_paying_in_two_tabs_at_one_instant_is_one_order(person, slow_shop):
    person.come_to_confirm()
    tab = person.another_tab()
    tab.open(person.page.url)
    for one in (person, tab):
        one.page.evaluate("document.querySelector('main form').requestSubmit()")
    for one in (person, tab):
        expect(one.page).to_have_url(AN_ORDER, timeout=PATIENCE)
        one.has_ordered("1 × Teapot")
    assert person.page.url == tab.page.url
    assert ordered_once()


def test_back_after_paying_leads_to_the_order_again(person):
    person.come_to_confirm()
    person.press("Pay now")
    thanks = person.page.url
    person.go_back()
    assert person.page.url == thanks
    person.has_ordered("1 × Teapot")
    assert ordered_once()


# Back and reload


def test_back_and_another_answer(person):
    person.come_to_confirm("Teapot", 2)
    person.go_back()
    person.sees(heading="How to pay")
    expect(person.page.get_by_label("Card ending in 4242")).to_be_checked()
    person.go_back()
    # They are logged in by now: that page leads to where they are.
    person.sees(heading="Confirm and pay")
    person.follow("Back")
    person.sees(heading="How to pay")
    person.follow("Back")
    person.sees(heading="Buy this item?")
    expect(person.field("How many?")).to_have_value("2")
    person.fill({"How many?": "3"})
    person.press("Buy")
    person.sees(heading="Confirm and pay", text="€ 73.50")
    person.press("Pay now")
    assert Order.objects.get().quantity == 3


def test_back_to_the_first_page_and_the_same_answer_again(person):
    person.open("/login/")
    person.log_in()
    person.begin("Teapot", 2)
    task = person.task_id
    person.go_back()
    person.sees(heading="Buy this item?")
    person.fill({"How many?": "2"})
    person.press("Buy")
    person.sees(heading="How to pay")
    assert person.task_id == task, "Back to the first page is back in the same task."
    person.pay_with("Card ending in 4242")
    person.press("Pay now")
    assert Order.objects.count() == 1


def test_back_from_the_other_site(person):
    person.begin()
    person.log_in()
    person.pay_with("PayPal")
    person.press("Go to PayPal")
    person.go_back()
    person.sees(heading="Pay with PayPal")
    person.follow("Back")
    person.pay_with("Card ending in 4242")
    person.press("Pay now")
    person.has_ordered("Card ending in 4242")


def test_reload_after_an_answer_that_was_refused(person):
    person.begin()
    person.fill({"Username": "demo", "Password": "wrong"})
    with person.page.expect_navigation():
        person.field("Password").press("Enter")
    person.page.reload()
    person.sees(heading="Log in", text="Please enter a correct username and password")
    person.log_in()
    person.sees(heading="How to pay")
    person.page.reload()
    person.sees(heading="How to pay")


def test_reload_of_the_last_page(person):
    person.come_to_confirm()
    person.press("Pay now")
    person.page.reload()
    person.has_ordered("1 × Teapot")
    assert ordered_once()


# Tabs, and people


def test_two_tabs_with_a_login_in_the_middle(person, look):
    tab = person.another_tab()
    person.begin("Teapot", 2)
    tab.begin("Notebook")
    assert person.task_id != tab.task_id
    person.log_in()
    tab.log_in()  # with the form from before the other login, which Django refuses
    tab.sees(heading="Please open the page again")
    look(tab.page)
    tab.follow("Open it again")
    tab.pay_with("PayPal")
    person.pay_with("Card ending in 4242")
    tab.press("Go to PayPal")
    person.sees(heading="Confirm and pay", text="2 × Teapot")
    tab.press("Approve")
    tab.press("Continue")
    tab.sees(heading="Confirm and pay", text="1 × Notebook")
    person.press("Pay now")
    tab.press("Pay now")
    person.has_ordered("2 × Teapot")
    tab.has_ordered("1 × Notebook")
    assert Order.objects.count() == 2


def test_a_login_by_the_sites_own_page_in_the_middle(person):
    person.begin("Teapot", 2)
    tab = person.another_tab()
    tab.follow("Log in", within="header")
    tab.log_in()
    person.page.reload()
    person.pay_with("Card ending in 4242")
    person.press("Pay now")
    person.has_ordered("2 × Teapot")


def test_a_copied_address_is_worth_nothing_in_another_browser(person, other):
    person.come_to_confirm()
    other.open(person.page.url)
    other.sees(heading="This page has expired")
    other.follow("Start again: Checkout")
    other.sees(heading="Buy this item?", text="Teapot")
    person.press("Pay now")
    person.has_ordered("1 × Teapot")


def test_the_last_chair_goes_to_one_of_two_people(person, other, slow_shop):
    person.come_to_confirm("Kitchen chair")
    other.come_to_confirm("Kitchen chair")
    for one in (person, other):
        one.page.evaluate("document.querySelector('main form').requestSubmit()")
    for one in (person, other):
        expect(one.page).not_to_have_title("Confirm and pay – The Corner Shop")
    headings = sorted(one.page.get_by_role("heading", level=1).inner_text() for one in (person, other))
    assert headings == ["Out of stock", "Thank you for your order"]
    assert Order.objects.count() == 1
