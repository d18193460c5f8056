"""A visitor who walks through a journey.

In the same process the time is that of the WSGI handler alone; over HTTP it is what the visitor waits.
"""

import gc
import re
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache, partial
from html import unescape
from http.client import HTTPConnection
from io import BytesIO
from urllib.parse import urlencode, urlsplit

from django.conf import global_settings, settings
from django.core.wsgi import get_wsgi_application
from django.http import parse_cookie

from .forms import ANSWERS

INPUT = re.compile(r"<input [^>]*>")
ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
END = "/end/"
FORM_TYPE = "application/x-www-form-urlencoded"


@dataclass
class Answer:
    """What a site answered to one request, and what it took."""

    #: Seconds of CPU in the same process, of waiting over HTTP.
    seconds: float
    status: int
    #: Names and values.
    headers: list[tuple[str, str]]
    body: bytes


#: Asks a site: method, URL, cookies, body.
Ask = Callable[[str, str, dict[str, str], bytes], Answer]


@dataclass
class Exchange:
    """One request, and what it took."""

    method: str
    #: As of an `Answer`.
    seconds: float
    status: int
    #: What was counted meanwhile, by `counts.Counts`.
    counts: dict = field(default_factory=dict)


class Visitor:
    """A browser without cookies, at the beginning of a journey."""

    def __init__(self, ask: Ask | None = None, observe=None):
        self.ask = ask or ask_in_process
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
        with self.observe() if self.observe else nullcontext({}) as counts:
            answer = self.ask(method, url, self.cookies, body)
        for name, value in answer.headers:
            if name == "Set-Cookie":
                self.cookies.update(parse_cookie(value.partition(";")[0]))
        exchange = Exchange(method, answer.seconds, answer.status, counts)
        return exchange, dict(answer.headers).get("Location"), answer.body


def ask_in_process(method, url, cookies, body):
    """Ask the site of this process."""
    environ, handler = _environ(method, url, body, cookies), _handler(settings.SESSION_ENGINE)
    started = []
    before = time.process_time()
    response = handler(environ, lambda status, headers: started.append((status, headers)))
    content = b"".join(response)
    response.close()
    seconds = time.process_time() - before
    ((status, headers),) = started
    return Answer(seconds, int(status.split()[0]), headers, content)


@cache
def _handler(session_engine):
    """Return the site, whose middleware finds out once which engine of sessions it has."""
    return get_wsgi_application()


def asking(host) -> Ask:
    """Return what asks the site on a host, ``127.0.0.1:8000``, over a connection for each request."""
    return partial(_ask_over_http, host)


def _ask_over_http(host, method, url, cookies, body):
    headers = {"Cookie": _cookie(cookies), "Connection": "close"}
    if body:
        headers["Content-Type"] = FORM_TYPE
    before = time.perf_counter()
    connection = HTTPConnection(host, timeout=60)
    try:
        connection.request(method, url, body or None, headers)
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    return Answer(time.perf_counter() - before, response.status, response.getheaders(), content)


def _cookie(cookies):
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


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
        "HTTP_COOKIE": _cookie(cookies),
        "CONTENT_TYPE": FORM_TYPE if body else "",
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
    """The URLs of one journey, to stand in ``ROOT_URLCONF`` of a site with an engine of sessions."""

    def __init__(self, patterns, session_engine=global_settings.SESSION_ENGINE):
        self.urlpatterns = patterns
        self.session_engine = session_engine

    def __enter__(self):
        settings.ROOT_URLCONF, settings.SESSION_ENGINE = self, self.session_engine
        gc.collect()
        return self

    def __exit__(self, *error):
        settings.ROOT_URLCONF, settings.SESSION_ENGINE = "benchmarks.urls", global_settings.SESSION_ENGINE
