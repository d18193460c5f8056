"""A browser as the tests need one: one connection for each request, cookies, forms, and no more help than that."""

import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from http.client import HTTPException, HTTPResponse
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urljoin, urlsplit

from .faults import HEADER as FAULT_HEADER
from .page import Page, Response
from .site.middleware import RUN_HEADER

#: Longer than anything that the site waits for.
TIMEOUT = 60

#: What else than letters and digits a URL may hold and a browser leaves alone.
AS_IT_IS = "/?%:@!$&'()*+,;=~"

#: The fields of a form, or a body that is sent as it is.
Form = Mapping[str, Any] | Iterable[tuple[str, Any]] | bytes


class Dropped(Exception):
    """The server closed the connection without an answer, as it does when its process is killed."""


class Browser:
    """A visitor's browser with one tab.

    ``open``, ``submit`` and ``follow`` move the tab: ``url``, ``response`` and ``page`` are then those of where it
    ended up. ``send``, ``get``, ``raw`` and ``abandon`` do not move it. All of them take and send the cookies.
    ``run`` marks all that this browser makes the site do.
    """

    def __init__(self, host: str, *, run: str | None = None, cookies: dict[str, str] | None = None) -> None:
        self.host = host
        self.run = run or secrets.token_hex(6)
        self.cookies = {} if cookies is None else cookies
        self.url = "/"
        self.response: Response | None = None

    # Where the tab is

    @property
    def page(self) -> Page:
        return self.response.page

    @property
    def path(self) -> str:
        return self.url.partition("?")[0]

    @property
    def task_id(self) -> str:
        """The id of the task in the URL."""
        return parse_qs(urlsplit(self.url).query)["_t"][0]

    # What moves it

    def open(self, url: str) -> Response:
        """Open a page and follow where it leads."""
        return self.follow(self.get(url))

    def submit(self, **data: Any) -> Response:
        """Send the form on the page, filled in like this, and follow where that leads."""
        return self.follow(self.send(self.url, self.form(**data)))

    def follow(self, response: Response) -> Response:
        """Go to where a response leads, on this site."""
        for _ in range(10):
            self.url, self.response = response.url, response
            if response.location is None or urlsplit(response.location).netloc not in ("", self.host):
                return response
            response = self.get(urljoin(response.url, response.location))
        raise AssertionError(f"{response.url} leads round in a circle.")

    # What does not

    def form(self, **data: Any) -> dict[str, Any]:
        """Return what the form on the page would send, filled in like this: its hidden fields and its token too."""
        if self.page.form is None:
            raise AssertionError(f"There is no form at {self.url}: {self.response} {self.response.text[:500]}")
        return {**self.page.form, **data}

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Response:
        """Get a URL without following it."""
        return self._exchange("GET", url, b"", headers)

    def send(
        self, url: str, form: Form, headers: Mapping[str, str] | None = None, *, fault: str = "", method: str = "POST"
    ) -> Response:
        """Send a form, without following where it leads.

        ``fault`` is one of ``faults.py``, such as ``kill@after-effect``. A body that is no list of fields comes as
        bytes, with its ``Content-Type`` among the headers. Raises `Dropped`.
        """
        return self._exchange(method, url, _encode(form), {**self._posting(url, fault), **(headers or {})})

    def abandon(self, url: str, form: Form, *, after: float = 0.0, fault: str = "") -> None:
        """Send a form, and hang up after so many seconds without having listened, as one who closes the tab does."""
        with self._connect() as sock:
            sock.sendall(self._request("POST", url, _encode(form), self._posting(url, fault)))
            time.sleep(after)
            # With a reset, so that the server cannot but notice when it writes.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def raw(self, request: bytes) -> Response:
        """Send bytes that may be no proper request. Raises `Dropped`."""
        return self._answer("(raw)", request)

    # Several at once

    def another_tab(self) -> "Browser":
        """Return another tab: the cookies are one, the place is its own."""
        tab = Browser(self.host, run=self.run, cookies=self.cookies)
        tab.url, tab.response = self.url, self.response
        return tab

    def at(self, host: str) -> "Browser":
        """Return a tab that asks another server of the site for what this one shows."""
        tab = self.another_tab()
        tab.host = host
        return tab

    def twin(self) -> "Browser":
        """Return the same browser for another thread: the same cookies now, and nothing shared."""
        twin = self.another_tab()
        twin.cookies = dict(self.cookies)
        return twin

    def doubled(self, times: int = 2, **data: Any) -> tuple[list[Response], list["Browser"]]:
        """Send the form on the page several times at one instant; return the answers and the twins that got them."""
        form, twins = self.form(**data), [self.twin() for _ in range(times)]
        responses = at_once(*(lambda twin=twin: twin.send(self.url, form) for twin in twins))
        return responses, twins

    # Who it is

    def log_in(self, user: str) -> None:
        """Log in as "anna" or "bea", with a page that is no part of a flow."""
        assert self.send("/login/", {"user": user}).status == 200

    def log_out(self) -> None:
        assert self.send("/logout/", {}).status == 200

    # The connection

    def _exchange(self, method: str, url: str, body: bytes, headers: Mapping[str, str] | None) -> Response:
        return self._answer(url, self._request(method, url, body, headers or {}), method)

    def _request(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        parts = urlsplit(url)
        target = quote(parts.path or "/", safe=AS_IT_IS) + (
            f"?{quote(parts.query, safe=AS_IT_IS)}" if parts.query else ""
        )
        lines = {"Host": self.host, "Connection": "close", RUN_HEADER: self.run}
        if self.cookies:
            lines["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body or method not in ("GET", "HEAD"):
            lines["Content-Length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in {**lines, **headers}.items())
        return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body

    def _posting(self, url: str, fault: str) -> dict[str, str]:
        """Return the headers of a browser that sends a form."""
        origin = f"http://{self.host}"
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": origin,
            "Referer": urljoin(origin, url),
        }
        return {**headers, FAULT_HEADER: fault} if fault else headers

    def _connect(self) -> socket.socket:
        name, _, port = self.host.partition(":")
        return socket.create_connection((name, int(port)), timeout=TIMEOUT)

    def _answer(self, url: str, request: bytes, method: str = "GET") -> Response:
        try:
            with self._connect() as sock, HTTPResponse(sock, method=method) as answer:
                sock.sendall(request)
                answer.begin()
                response = Response(url, answer.status, answer.headers, answer.read())
        except (HTTPException, ConnectionError) as error:
            raise Dropped(f"{url}: {error!r}") from error
        self._take_cookies(response)
        return response

    def _take_cookies(self, response: Response) -> None:
        for line in response.headers.get_all("Set-Cookie", ()):
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run calls in threads of their own, let go together; return what each returned.

    For a call that was `Dropped`, that exception; any other is raised here.
    """
    barrier, results = threading.Barrier(len(calls)), [None] * len(calls)

    def run(number: int, call: Callable[[], Any]) -> None:
        try:
            barrier.wait()
            results[number] = call()
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, Dropped):
            raise result
    return results


def _encode(form: Form) -> bytes:
    return form if isinstance(form, bytes) else urlencode(form, doseq=True).encode()
