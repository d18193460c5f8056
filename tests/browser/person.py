"""A person before a browser: clicks, types, and reads headings."""

import os
import re
from pathlib import Path

from django.utils.text import slugify
from playwright.sync_api import expect

from tests.example.customer import mailed_code

CARD = {
    "Name on the card": "Kim Demo",
    "Card number": "4000 0566 5566 5556",
    "Good until": "12/39",
    "Security code": "987",
}
ACCOUNT = {"Account holder": "Kim Demo", "IBAN": "DE89 3704 0044 0532 0130 00"}
ADDRESS = {"Street and number": "Long Lane 1", "Postcode": "12345", "Town": "Oldtown", "Country": "Ruritania"}


class Person:
    """Does what people do with a page, and has each page they come to looked at by ``look``."""

    def __init__(self, page, look=lambda page: None):
        self.page = page
        self.look = look
        self.open("/")

    def another_tab(self):
        return Person(self.page.context.new_page(), self.look)

    def arrived(self):
        """Have the page looked at, and photographed where ``FLOWS_TEST_SCREENSHOTS`` names a folder."""
        if folder := os.environ.get("FLOWS_TEST_SCREENSHOTS"):
            size = self.page.viewport_size["width"]
            name = f"{slugify(self.page.title())}-{size}.png"
            self.page.screenshot(path=Path(folder) / name, full_page=True)
        self.look(self.page)

    def open(self, url):
        self.page.goto(url)
        self.arrived()

    def follow(self, name, within="main"):
        """Click a link."""
        with self.page.expect_navigation():
            self.page.locator(within).get_by_role("link", name=name, exact=True).click()
        self.arrived()

    def press(self, name):
        """Click a button."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).click()
        self.arrived()

    def field(self, label):
        """Return the field with this label; Django adds a colon."""
        return self.page.get_by_label(re.compile(rf"^{re.escape(label)}:?$"))

    def fill(self, answers):
        for label, answer in answers.items():
            self.field(label).fill(answer)

    def go_back(self):
        """Press the browser's Back."""
        self.page.go_back()
        self.arrived()

    def sees(self, *, heading=None, text=None):
        if heading:
            expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)
        if text:
            expect(self.page.locator("main")).to_contain_text(text)

    @property
    def task_id(self):
        return re.search(r"_t=(\w+)", self.page.url).group(1)

    # The shop

    def begin(self, name="Teapot", quantity=1):
        if not self.page.title().startswith("Everything we have"):
            self.open("/")
        self.follow(f"Buy {name}")
        self.sees(heading="Buy this item?", text=name)
        self.fill({"How many?": str(quantity)})
        self.press("Buy")

    def log_in(self, username="demo"):
        self.sees(heading="Log in")
        self.fill({"Username": username, "Password": f"{username}-password"})
        with self.page.expect_navigation():
            self.page.get_by_role("main").get_by_role("button", name="Log in").click()
        self.arrived()

    def pay_with(self, method):
        self.sees(heading="How to pay")
        self.page.get_by_label(method).check()
        self.press("Continue")

    def come_to_confirm(self, name="Teapot", quantity=1):
        """Go the shortest way to the last page."""
        self.begin(name, quantity)
        if self.page.get_by_role("heading", level=1).inner_text() == "Log in":
            self.log_in()
        self.pay_with("Card ending in 4242")
        self.sees(heading="Confirm and pay", text=f"{quantity} × {name}")

    def has_ordered(self, text):
        self.sees(heading="Thank you for your order", text=text)


def by_logging_in(person):
    """A saved method, after a slip with the password."""
    person.begin("Teapot", 2)
    person.fill({"Username": "demo", "Password": "wrong"})
    with person.page.expect_navigation():
        person.field("Password").press("Enter")
    person.arrived()
    person.sees(text="Please enter a correct username and password")
    person.log_in()
    person.pay_with("Card ending in 4242")
    person.sees(heading="Confirm and pay", text="€ 49.00")
    person.press("Pay now")
    person.has_ordered("2 × Teapot")
    person.follow("All your orders")
    person.sees(heading="Your orders", text="2 × Teapot")


def by_registering(person):
    """A new customer, with a card."""
    person.begin("Notebook")
    person.follow("Register")
    answers = {
        "Username": "kim",
        "E-mail address": "kim@example.com",
        "Password": "Xk9-lamp-post",
        "Password confirmation": "another",
    }
    person.fill(answers)
    person.press("Register")
    person.sees(text="There is a problem")
    person.fill({"Password": "Xk9-lamp-post", "Password confirmation": "Xk9-lamp-post"})
    person.press("Register")
    person.pay_with("Card")
    person.sees(heading="Your card")
    person.fill({**CARD, "Card number": "4000 0566 5566 5557"})
    person.press("Continue")
    person.sees(text="This is not the number of a card.")
    person.fill(CARD)
    person.field("Remember this card for my next order").check()
    person.press("Continue")
    person.sees(heading="Confirm and pay", text="Card ending in 5556")
    person.press("Pay now")
    person.has_ordered("1 × Notebook")


def by_a_new_password(person):
    """A forgotten password, and a bank account with its address."""
    person.begin("Woollen socks", 3)
    person.follow("Forgot your password?")
    person.sees(heading="Forgot your password?")
    person.fill({"E-mail address": "demo@example.com"})
    person.press("Continue")
    person.sees(heading="Enter the code")
    person.fill({"Code": "WRONG"})
    person.press("Continue")
    person.sees(text="This is not the code.")
    person.fill({"Code": mailed_code()})
    person.press("Continue")
    person.sees(heading="Choose a new password")
    person.fill({"New password": "Xk9-lamp-post", "New password confirmation": "Xk9-lamp-post"})
    person.press("Continue")
    person.pay_with("Bank account")
    person.sees(heading="Your bank account")
    person.fill(ACCOUNT)
    person.press("Continue")
    person.sees(heading="Address of the account holder")
    person.fill(ADDRESS)
    person.press("Continue")
    person.sees(heading="Confirm and pay", text="Long Lane 1")
    person.press("Pay now")
    person.has_ordered("3 × Woollen socks")


def by_paypal(person):
    """Away to another site and back, first without having paid."""
    person.open("/login/")
    person.log_in()
    person.begin("Rucksack")
    person.pay_with("PayPal")
    person.sees(heading="Pay with PayPal", text="€ 79.00")
    person.press("Go to PayPal")
    person.sees(heading="PayPal (a stand-in)", text="€ 79.00")
    person.press("Cancel")
    person.sees(heading="How to pay")
    person.pay_with("PayPal")
    person.press("Go to PayPal")
    person.press("Approve")
    person.sees(heading="Pay with PayPal", text="You have agreed to pay € 79.00")
    person.press("Continue")
    person.sees(heading="Confirm and pay", text="PayPal, reference")
    person.press("Pay now")
    person.has_ordered("1 × Rucksack")


WALKS = [by_logging_in, by_registering, by_a_new_password, by_paypal]
