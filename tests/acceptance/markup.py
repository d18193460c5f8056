"""What is on an HTML page, so that it can be said of two pages that they differ in nothing but some words."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

#: Attributes whose values are URLs, which are looked at on their own, and what holds a token.
URLS, TOKEN = ("href", "action", "src"), "csrfmiddlewaretoken"


@dataclass
class Markup:
    """The tags of a page in their order, each with its attributes and the text behind it."""

    tags: list[tuple[str, dict[str, str | None], str]] = field(default_factory=list)

    @classmethod
    def parse(cls, text: str) -> "Markup":
        parser = _Parser()
        parser.feed(text)
        parser.close()
        return parser.markup

    @property
    def structure(self) -> list[tuple[str, tuple[str, ...]]]:
        """The tags with the names of their attributes."""
        return [(tag, tuple(attributes)) for tag, attributes, _ in self.tags]

    @property
    def urls(self) -> list[str | None]:
        return [value for _, attributes, _ in self.tags for name, value in attributes.items() if name in URLS]

    def told(self, words: dict[str, str]) -> list[tuple[str, object]]:
        """Return all texts and values of attributes, with each of ``words`` in the place of its key."""
        found: list[tuple[str, object]] = []
        for tag, attributes, text in self.tags:
            if tag != "script":  # which holds data that is read otherwise
                found.append((tag, _put(text, words)))
            if attributes.get("name") != TOKEN:
                found += [(name, _put(value, words)) for name, value in attributes.items() if name not in URLS]
        return found


def _put(text: str | None, words: dict[str, str]) -> str | None:
    for word, other in words.items():
        text = text and text.replace(word, other)
    return text


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.markup = Markup()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # A list, should the page hold an attribute twice.
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {names}"
        self.markup.tags.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self.markup.tags.append((f"/{tag}", {}, ""))

    def handle_data(self, data: str) -> None:
        if self.markup.tags:
            tag, attributes, text = self.markup.tags[-1]
            self.markup.tags[-1] = (tag, attributes, text + data)

    def handle_comment(self, data: str) -> None:
        self.markup.tags.append(("comment", {}, data))

    def handle_decl(self, decl: str) -> None:
        self.markup.tags.append(("declaration", {}, decl))

    def handle_pi(self, data: str) -> None:
        self.markup.tags.append(("processing instruction", {}, data))

    def unknown_decl(self, data: str) -> None:
        self.markup.tags.append(("section", {}, data))
