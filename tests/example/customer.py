"""A customer of the shop: reads the page that they are on, and sends what its form holds."""

from html.parser import HTMLParser
from importlib import import_module
from urllib.parse import urlsplit

from django.apps import apps
from django.core import mail
from django.urls import reverse

from shop.models import Item
from tests.visitor import Visitor

CARD = {"holder": "Kim Demo", "number": "4000 0566 5566 5556", "expires": "12/39", "security_code": "987"}
ACCOUNT = {"holder": "Kim Demo", "iban": "DE89 3704 0044 0532 0130 00"}
ADDRESS = {"street": "Long Lane 1", "postcode": "12345", "city": "Oldtown", "country": "Ruritania"}


class Page(HTMLParser):
    """What a page holds: its words, its heading, its links by their text, and the fields of its main form."""

    def __init__(self, html):
        super().__init__()
        self.fields, self.links, self.heading, self.words = {}, {}, "", ""
        self._inside = {}  # of main, h1, a: where in the words each began
        self._href = ""
        self.feed(html)
        self.text = " ".join(self.words.split())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self._inside[tag] = len(self.words)
        if tag == "a":
            self._href = attributes["href"]
        if tag == "input" and "main" in self._inside and "name" in attributes:
            is_box = attributes["type"] in ("checkbox", "radio")
            if "checked" in attributes or not is_box:
                self.fields[attributes["name"]] = attributes.get("value", "on" if is_box else "")

    def handle_endtag(self, tag):
        said = " ".join(self.words[self._inside.pop(tag, 0) :].split())
        if tag == "a":
            self.links[said] = self._href
        if tag == "h1":
            self.heading = said

    def handle_data(self, data):
        self.words += data


class Customer(Visitor):
    """A visitor who knows the shop's addresses, and sees pages where there is HTML."""

    @property
    def seen(self):
        return Page(self.text)

    @property
    def place(self):
        """The path of the page, below the item that is bought where one is."""
        path = urlsplit(self.url).path
        return path.split("/", 3)[3] if path.startswith("/buy/") else path

    def form(self, **data):
        return {**self.seen.fields, **data}

    def click(self, text):
        return self.open(self.seen.links[text])

    def another_tab(self):
        return Customer(self.client)

    def twin(self):
        other = Customer(super().twin().client)
        other.url, other.response = self.url, self.response
        return other

    def begin(self, name="Teapot", quantity=1):
        """Come to the shop, pick an item, and say how many."""
        self.open("/")
        self.click(f"Buy {name}")
        return self.submit(quantity=quantity)

    def log_in(self, username="demo"):
        return self.submit(username=username, password=f"{username}-password")

    def come_to_confirm(self, name="Teapot", quantity=1):
        """Go the shortest way to the last page."""
        self.begin(name, quantity)
        if self.place == "identify/login/":
            self.log_in()
        self.submit(method="saved-1")
        assert self.place == "confirm/", self.seen.text

    def go_to(self, place):
        """Type the address of another page of this task."""
        return self.open(self.url.replace(self.place, place, 1))


def refill():
    """Fill the shop as its migrations do; between tests all tables are emptied."""
    if not Item.objects.exists():
        import_module("shop.migrations.0002_example_data").add_example_data(apps, None)


def item(name):
    return Item.objects.get(name=name)


def item_url(name):
    return reverse("flows:checkout", kwargs={"item": item(name).pk})


def mailed_code():
    """Return the code in the last mail."""
    return mail.outbox[-1].body.split("the code for a new password is ")[1].split()[0]
