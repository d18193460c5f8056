"""A visitor who walks through a journey, in the same process: the time is that of the WSGI handler alone."""

import gc
import re
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from html import unescape
from io import BytesIO
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import parse_cookie

from .forms import ANSWERS

INPUT = re.compile(r"<input [^>]*>")
ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
END = "/end/"


@dataclass
class Exchange:
    """One request, and what it took."""

    method: str
    #: Seconds of CPU.
    seconds: float
    status: int
    #: What was counted meanwhile, by `counts.Counts`.
    counts: dict = field(default_factory=dict)


class Visitor:
    """A browser without cookies, at the beginning of a journey."""

    handler = None

    def __init__(self, observe=None):
        if Visitor.handler is None:
            Visitor.handler = get_wsgi_application()
        self.cookies = {}
        #: The exchanges so far, of each page a list: a page's GETs and then its POST.
        self.pages = []
        self.observe = observe

    def walk(self):
        """Answer page after page up to the end; return the exchanges of each page."""
        url, form = self._open("/")
        while form is not None:
            url, form = self._submit(url, form)
        return self.pages

    def _open(self, url):
        """Get a page, follow where it leads, and return its URL and its form; no form at the end."""
        seen = []
        while True:
            if urlsplit(url).path == END:
                if seen:
                    self.pages[-1] += seen
                return url, None
            exchange, location, body = self._exchange("GET", url)
            seen.append(exchange)
            if location is None:
                if exchange.status != 200:
                    raise AssertionError(f"{url} answered {exchange.status}: {body[:500]!r}")
                self.pages.append(seen)
                return url, _fields(body.decode())
            url = location

    def _submit(self, url, form):
        exchange, location, body = self._exchange("POST", url, urlencode(form).encode())
        self.pages[-1].append(exchange)
        if location is None:
            raise AssertionError(f"POST {url} answered {exchange.status}: {body[-2000:].decode()}")
        return self._open(location)

    def _exchange(self, method, url, body=b""):
        environ = _environ(method, url, body, self.cookies)
        started = []
        with self.observe() if self.observe else nullcontext({}) as counts:
            before = time.process_time()
            response = self.handler(environ, lambda status, headers: started.append((status, headers)))
            content = b"".join(response)
            response.close()
            seconds = time.process_time() - before
        ((status, headers),) = started
        for name, value in headers:
            if name == "Set-Cookie":
                self.cookies.update(parse_cookie(value.partition(";")[0]))
        exchange = Exchange(method, seconds, int(status.split()[0]), counts)
        return exchange, dict(headers).get("Location"), content


def _environ(method, url, body, cookies):
    parts = urlsplit(url)
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "testserver",
        "HTTP_COOKIE": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        "CONTENT_TYPE": "application/x-www-form-urlencoded" if body else "",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def _fields(page):
    """Return what a browser would send of the form on a page, filled in."""
    fields = {}
    for tag in INPUT.findall(page):
        attributes = {name: unescape(value) for name, value in ATTRIBUTE.findall(tag)}
        name = attributes["name"]
        hidden = attributes["type"] == "hidden"
        fields[name] = attributes["value"] if hidden else ANSWERS[re.split("[-_]", name)[-1]]
    if not fields:
        raise AssertionError(f"There is no form on this page: {page[:500]}")
    return fields


class Urlconf:
    """The URLs of one journey, to stand in ``ROOT_URLCONF``."""

    def __init__(self, patterns):
        self.urlpatterns = patterns

    def __enter__(self):
        settings.ROOT_URLCONF = self
        gc.collect()
        return self

    def __exit__(self, *error):
        settings.ROOT_URLCONF = "benchmarks.urls"
