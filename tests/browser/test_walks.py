"""Every way through the checkout, by clicks.

In the checkout, with Chromium and the packages playwright and axe-playwright-python:
``pytest --ds=tests.example.settings tests/browser``. ``FLOWS_TEST_SCREENSHOTS=folder`` keeps a picture of each page.
"""

from pathlib import Path

import pytest
from playwright.sync_api import expect

import flows

from shop.models import Order
from tests.browser.person import CARD, WALKS, Person, by_a_new_password, by_registering

PHONE = {"viewport": {"width": 360, "height": 700}, "has_touch": True, "is_mobile": True}


@pytest.mark.parametrize("walk", WALKS)
def test_each_way(new_context, look, walk):
    walk(Person(new_context().new_page(), look))
    assert Order.objects.count() == 1


@pytest.mark.parametrize("walk", WALKS)
def test_without_javascript(new_context, walk):
    walk(Person(new_context(java_script_enabled=False).new_page()))
    assert Order.objects.count() == 1


def test_on_a_phone(new_context, look):
    by_a_new_password(Person(new_context(**PHONE).new_page(), look))
    assert Order.objects.count() == 1


@pytest.mark.parametrize("walk", [by_registering, by_a_new_password])
def test_with_the_pages_of_django_flows_unstyled(new_context, look, walk, settings):
    templates = Path(flows.__file__).parent / "templates"
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [templates]}]
    walk(Person(new_context().new_page(), look))
    assert Order.objects.count() == 1


class Keyboard:
    """Hands that know Tab, Enter, Space and the arrows."""

    def __init__(self, person):
        self.page = person.page
        self.field = person.field

    def tab_to(self, target):
        for _ in range(40):
            self.page.keyboard.press("Tab")
            if target.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError(f"Tab does not come to {target}.")

    def type_into(self, label, text):
        self.tab_to(self.field(label))
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(text)

    def enter(self, heading):
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)


def test_by_keyboard_alone(person):
    page, keys = person.page, Keyboard(person)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    keys.tab_to(page.get_by_role("link", name="Buy Teapot"))
    keys.enter("Buy this item?")
    keys.type_into("How many?", "2")
    keys.enter("Log in")
    keys.type_into("Username", "demo")
    keys.type_into("Password", "wrong")
    keys.enter("Log in")
    expect(page.get_by_role("alert")).to_be_focused()
    keys.type_into("Username", "demo")
    keys.type_into("Password", "demo-password")
    keys.enter("How to pay")
    keys.tab_to(page.get_by_label("Card ending in 4242"))
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Another card")).to_be_checked()
    keys.enter("Your card")
    for label, text in CARD.items():
        keys.type_into(label, text)
    keys.tab_to(person.field("Remember this card for my next order"))
    page.keyboard.press("Space")
    keys.tab_to(page.get_by_role("button", name="Continue"))
    keys.enter("Confirm and pay")
    keys.tab_to(page.get_by_role("button", name="Pay now"))
    keys.enter("Thank you for your order")


def test_the_links_of_the_error_summary_lead_into_the_fields(person):
    person.begin()
    person.follow("Register")
    person.fill({"Username": "demo", "E-mail address": "kim@example.com"})
    person.fill({"Password": "Xk9-lamp-post", "Password confirmation": "another"})
    person.press("Register")
    summary = person.page.get_by_role("alert")
    for label in ("Username", "Password confirmation"):
        summary.get_by_role("link", name=label, exact=True).click()
        expect(person.field(label)).to_be_focused()


def test_the_site_around_the_checkout(new_context, look):
    person = Person(new_context().new_page(), look)
    person.open("/login/")
    person.log_in()
    person.follow("Orders", within="header")
    person.sees(text="You have not ordered anything yet.")
    person.open("/sold-out/4/")
    person.sees(heading="Out of stock")
    person.press("Log out")
    person.sees(heading="Everything we have")
    person.open("/buy/1/confirm/?_t=unknown")
    person.sees(heading="This page has expired")
