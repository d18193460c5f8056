"""A response, and the page in it as a browser sees it."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from http.client import HTTPMessage
from typing import Any

REDIRECTS = (301, 302, 303, 307, 308)


@dataclass
class Response:
    """What the server answered to a request for ``url``."""

    url: str
    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def location(self) -> str | None:
        """Where a redirect leads; None if this is none."""
        return self.headers["Location"] if self.status in REDIRECTS else None

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        return json.loads(self.body)

    @cached_property
    def page(self) -> "Page":
        return Page.parse(self.text)

    def __repr__(self) -> str:
        return f"<{self.status} of {self.url}{f' to {self.location}' if self.location else ''}>"


@dataclass
class Page:
    """What is on an HTML page: its heading, links, the fields of its POST form, the answers that were remembered."""

    heading: str = ""
    links: list[str] = field(default_factory=list)
    #: Name and value of each field that the form would send, in its order; None where there is no form.
    form: dict[str, str] | None = None
    #: What the site's pages tell of the answers, by position.
    answers: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> "Page":
        parser = _Parser()
        parser.feed(text)
        return parser.page


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self.inside = ""  # the tag whose text is being read
        self.text = ""
        self.in_form = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form" and attributes.get("method", "").lower() == "post":
            self.page.form, self.in_form = self.page.form or {}, True
        elif tag == "a" and "href" in attributes:
            self.page.links.append(attributes["href"])
        elif tag == "input" and self.in_form and "name" in attributes:
            self._take_input(attributes)
        elif tag == "h1" or (tag == "script" and attributes.get("id") == "answers"):
            self.inside, self.text = tag, ""

    def _take_input(self, attributes: dict[str, str]) -> None:
        kind = attributes.get("type", "text")
        if kind in ("checkbox", "radio") and "checked" not in attributes:
            return
        if kind not in ("submit", "button", "file"):
            self.page.form[attributes["name"]] = attributes.get("value", "")

    def handle_data(self, data: str) -> None:
        self.text += data if self.inside else ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.in_form = False
        elif tag == self.inside == "h1":
            self.page.heading, self.inside = self.text.strip(), ""
        elif tag == self.inside == "script":
            self.page.answers, self.inside = json.loads(self.text), ""
