"""Requests as bytes, for what no browser sends, and many trials side by side."""

import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from typing import Any

from .client import TIMEOUT, Browser
from .page import Response
from .site.middleware import RUN_HEADER

#: Trials at once. More than the site has processes, so that each has something to do.
AT_ONCE = 8

#: What to do when everything is sent: leave the connection open, end our side of it, or reset it without listening.
OPEN, FINISH, RESET = "open", "finish", "reset"


def head(browser: Browser, method: str, target: str, *lines: tuple[str, str], version: str = "HTTP/1.1") -> bytes:
    """Return the head of a request with this visitor's cookies, and with these lines in the place of the usual ones."""
    given = {name.lower() for name, _ in lines}
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    usual = [("Host", browser.host), ("Connection", "close"), (RUN_HEADER, browser.run)]
    usual += [("Cookie", cookies)] if cookies else []
    kept = [line for line in usual if line[0].lower() not in given]
    text = "".join(f"{name}: {value}\r\n" for name, value in (*kept, *lines))
    return f"{method} {target} {version}\r\n{text}\r\n".encode("latin-1")


def exchange(host: str, request: bytes, *, method: str = "GET", then: str = OPEN, wait: float = 0.0) -> Response | None:
    """Send bytes and return the answer; None where the server closed the connection without one.

    What the server says before it has read everything counts, if it can still be read.
    """
    with _connect(host) as sock:
        try:
            sock.sendall(request)
            time.sleep(wait)
            if then == RESET:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return None
            if then == FINISH:
                sock.shutdown(socket.SHUT_WR)
        except ConnectionError:
            pass  # it does not want the rest
        try:
            return _answer(sock, method)
        except (HTTPException, ConnectionError):
            return None


@contextmanager
def slowly(host: str, request: bytes, *, upto: int) -> Iterator[Callable[[], Response]]:
    """Send the beginning of a request; what is yielded sends the rest and returns the answer."""
    with _connect(host) as sock:
        sock.sendall(request[:upto])

        def finish() -> Response:
            sock.sendall(request[upto:])
            return _answer(sock, "POST")

        yield finish


def in_parallel(call: Callable[..., Any], trials: Iterable[Any]) -> list[Any]:
    """Return what ``call`` returned for each trial; several are under way at a time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(call, trials))


def _connect(host: str) -> socket.socket:
    name, _, port = host.partition(":")
    return socket.create_connection((name, int(port)), timeout=TIMEOUT)


def _answer(sock: socket.socket, method: str) -> Response:
    with HTTPResponse(sock, method=method) as answer:
        answer.begin()
        return Response("(raw)", answer.status, answer.headers, answer.read())
