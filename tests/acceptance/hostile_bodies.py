"""Bodies that are no proper form, and how each is answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

FORM = "application/x-www-form-urlencoded"
BOUNDARY = "x0123456789x"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"

#: The fields of a form that is filled in rightly, with its token.
Fields = Mapping[str, str]

#: How a body is answered: with one of the first statuses where Django's CSRF protection looks at it first, with one of
#: the second where that is left to the library. None: the server closes the connection on what it has not read.
#: Too much of something, which Django refuses to read.
TOO_MUCH = ((400, None), (400, None))
#: No form that can be read.
UNREADABLE = ((400,), (400,))
#: A form of another charset than UTF-8 is refused by Django, whose error page then looks for a token in it, and fails.
#: Where that is done before the library is asked it is Django's own affair.
NOT_UTF_8 = ((400, 500), (400,))
#: Read as no form at all, or as one without its token and its answers.
NOTHING = ((403,), (200,))
#: A form with an answer that is none: it is shown again.
WRONG = ((200,), (200,))
#: A form after all.
TAKEN = ((302,), (302,))
#: Refused by the server, before anybody is asked.
REFUSED = ((400, 417, 501, None),) * 2
TOO_LARGE = ((431, None),) * 2

#: The header line that says how long a body is, and one that says that it tells so itself.
LENGTH = ("Content-Length", "{length}")
CHUNKED = ("Transfer-Encoding", "chunked")


@dataclass(frozen=True)
class Body:
    """What is made of the fields of a form, its type, and the other header lines it comes with."""

    name: str
    expected: tuple[tuple[int | None, ...], tuple[int | None, ...]]
    make: Callable[[Fields], bytes]
    type: str | None = FORM
    lines: tuple[tuple[str, str], ...] = (LENGTH,)

    @property
    def is_refused(self) -> bool:
        """Whether the server refuses it, so that it makes no difference which page it is for."""
        return self.expected in (REFUSED, TOO_LARGE)

    def head(self, body: bytes) -> tuple[tuple[str, str], ...]:
        kind = (("Content-Type", self.type),) if self.type is not None else ()
        return (*kind, *((name, value.replace("{length}", str(len(body)))) for name, value in self.lines))


def form(fields: Fields) -> bytes:
    return urlencode(fields).encode()


def parts(fields: Fields, *more: bytes, end: bytes = b"--\r\n") -> bytes:
    """Return a form in parts, with more of them behind its own."""
    own = [part(f'form-data; name="{name}"', value.encode()) for name, value in fields.items()]
    return b"".join((*own, *more, b"--", BOUNDARY.encode(), end))


def part(disposition: str, value: bytes, *lines: bytes) -> bytes:
    head = b"\r\n".join((f"Content-Disposition: {disposition}".encode(), *lines))
    return b"--%b\r\n%b\r\n\r\n%b\r\n" % (BOUNDARY.encode(), head, value)


def _with(text: bytes) -> Callable[[Fields], bytes]:
    return lambda fields: form(fields) + text


def _with_parts(*more: bytes) -> Callable[[Fields], bytes]:
    return lambda fields: parts(fields, *more)


def _only(body: bytes) -> Callable[[Fields], bytes]:
    return lambda fields: body


def _up_to(length: int, make: Callable[[Fields], bytes]) -> Callable[[Fields], bytes]:
    return lambda fields: make(fields)[:length]


def _in_which(**values: str) -> Callable[[Fields], bytes]:
    return lambda fields: form({**fields, **values})


def _as_files(fields: Fields) -> bytes:
    dispositions = (f'form-data; name="{name}"; filename="x"' for name in fields)
    return parts({}, *(part(said, value.encode()) for said, value in zip(dispositions, fields.values(), strict=True)))


def _in_chunks(fields: Fields) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(form(fields)), form(fields))


A_FILE = part('form-data; name="f"; filename="x.txt"', b"x")
BAD_FILE = part('form-data; name="f"; filename="f"', b"\xff!", b"Content-Transfer-Encoding: base64")
A_PART = part('form-data; name="n"', b"x")
PATHS = (part(f'form-data; name="f"; filename="{name}"', b"x") for name in ("../../x", "/etc/x", "..", "\0", "C:\\x"))

BODIES = (
    # Too much
    Body("five megabytes", TOO_MUCH, _with(b"&text=" + b"a" * 5_000_000)),
    Body("five megabytes of a name", TOO_MUCH, _with(b"&" + b"a" * 5_000_000)),
    Body("five megabytes in parts", TOO_MUCH, _with_parts(part('form-data; name="n"', b"a" * 5_000_000)), MULTIPART),
    Body("3,000 fields", TOO_MUCH, _with(b"&a=b" * 3000)),
    Body("3,000 parts", TOO_MUCH, _with_parts(*[A_PART] * 3000), MULTIPART),
    Body("200 files", TOO_MUCH, _with_parts(*[A_FILE] * 200), MULTIPART),
    Body("a gigabyte, it says", TOO_MUCH, form, lines=(("Content-Length", str(2**30)),)),
    Body("no end of bytes, it says", TOO_MUCH, form, lines=(("Content-Length", "9" * 30),)),
    # Nothing in it
    Body("empty", NOTHING, _only(b"")),
    Body("empty parts", NOTHING, _only(b""), MULTIPART),
    *(Body(f"the type {kind!r}", NOTHING, form, kind) for kind in (None, "", "text/plain", f"{FORM}, a/b", ";;;=;\"'")),
    Body("bytes", NOTHING, _only(bytes(range(256)) * 40), "application/octet-stream"),
    Body("bytes as a form", NOTHING, _only(bytes(range(256)) * 40)),
    Body("separators", NOTHING, _only(b"&=&;==&%&%%;&=" * 60)),
    Body("JSON", NOTHING, _only(b'{"name": "x", "csrfmiddlewaretoken": null}'), "application/json"),
    Body("no JSON", NOTHING, _only(b'{"name": [[[[' + b"[" * 100_000), "application/json"),
    Body("JSON as a form", NOTHING, _only(b'{"name": "x"}')),
    Body("XML", NOTHING, _only(b'<!DOCTYPE x [<!ENTITY a "a">]><name>&a;</name>'), "text/xml"),
    Body("compressed, it says", NOTHING, _only(b"\x1f\x8b\x08"), lines=(LENGTH, ("Content-Encoding", "gzip"))),
    # Parts that are none
    Body("no boundary", UNREADABLE, parts, "multipart/form-data"),
    *(
        Body(f"the boundary {boundary[:9]}", UNREADABLE, parts, f"multipart/form-data; boundary={boundary}")
        for boundary in ("", "a" * 300, '"\xe4\xff"')
    ),
    Body("another boundary", NOTHING, parts, "multipart/form-data; boundary=y"),
    Body("parts of another kind", NOTHING, parts, MULTIPART.replace("form-data", "mixed")),
    Body("parts as a form", NOTHING, parts),
    Body("a form as parts", NOTHING, form, MULTIPART),
    Body("parts that stop in the token", NOTHING, _up_to(100, parts), MULTIPART),
    Body("parts that stop in a head", NOTHING, _up_to(40, parts), MULTIPART),
    Body("parts without names", NOTHING, _only(part("form-data", b"x") * 50), MULTIPART),
    Body("parts that are files", NOTHING, _as_files, MULTIPART),
    Body("a part with a bad head", NOTHING, _only(part("form-data\x00;;=\xff; name=\x00", b"x")), MULTIPART),
    Body("a part with a long head", UNREADABLE, _only(part('form-data; name="' + "n" * 99_999, b"x")), MULTIPART),
    Body("a file in a bad encoding", UNREADABLE, _with_parts(BAD_FILE), MULTIPART),
    # Charsets: a form has none but UTF-8, and in another there is no token in the parts
    *(
        Body(f"the charset {charset}", NOT_UTF_8, form, f"{FORM}; charset={charset}")
        for charset in ("latin-1", "utf-16", "utf-7", "utf-8; charset=latin-1")
    ),
    Body("parts in UTF-16", NOTHING, parts, f"{MULTIPART}; charset=utf-16"),
    # In which the query string has no id either
    Body("parts in EBCDIC", ((403,), (200, 404)), parts, f"{MULTIPART}; charset=cp500"),
    # Answers
    *(Body(f"the answer {answer!r}", WRONG, _in_which(name=answer)) for answer in ("", "a\0b")),
    *(Body(f"the delay {answer[:9]!r}", WRONG, _in_which(delay=answer)) for answer in ("<b>", "9" * 9999)),
    # Lengths. Under WSGI a body without one is none to Django.
    Body("stops in the token", NOTHING, _up_to(50, form)),
    Body("shorter than it is", NOTHING, form, lines=(("Content-Length", "50"),)),
    Body("no length", NOTHING, form, lines=()),
    *(
        Body(f"the length {length!r}", REFUSED, form, lines=(("Content-Length", length),))
        for length in ("", "-1", "+50", "fifty", "0x32")
    ),
    Body("two lengths", REFUSED, form, lines=(LENGTH, ("Content-Length", "50"))),
    Body("chunks", NOTHING, _in_chunks, lines=(CHUNKED,)),
    Body("bad chunks", NOTHING, form, lines=(CHUNKED,)),
    Body("chunks and a length", REFUSED, _in_chunks, lines=(LENGTH, CHUNKED)),
    Body("chunks twice", REFUSED, form, lines=(("Transfer-Encoding", "chunked, chunked"),)),
    Body("an unknown encoding", REFUSED, form, lines=(("Transfer-Encoding", "x"),)),
    # Heads
    Body("another expectation", REFUSED, form, lines=(LENGTH, ("Expect", "the-unexpected"))),
    Body("200 header lines", TOO_LARGE, form, lines=(LENGTH, *[("X-A", "x")] * 200)),
    Body("a long header line", TOO_LARGE, form, lines=(LENGTH, ("X-Long", "x" * 100_000))),
    Body("a header without a name", REFUSED, form, lines=(LENGTH, ("", "x"))),
    Body("NUL in a header", REFUSED, form, lines=(LENGTH, ("X-Nul", "a\0b"))),
    Body("a folded header", REFUSED, form, lines=(LENGTH, ("X-Folded", "a\r\n b"))),
    Body("two types", REFUSED, form, lines=(LENGTH, ("Content-Type", "text/plain"))),
)

#: Bodies that are a form after all, whatever else is in them: executed once, and nothing but the answers is kept.
JUNK = (
    Body("unknown charset", TAKEN, form, f"{FORM}; charset=klingon"),
    Body("unknown parameters", TAKEN, form, f"{FORM}; boundary=x; =; a"),
    Body("parts in an unknown charset", TAKEN, parts, f"{MULTIPART}; charset=klingon"),
    Body("parts without an end", TAKEN, lambda fields: parts(fields, end=b""), MULTIPART),
    Body("text around the parts", TAKEN, lambda fields: b"x\r\n" * 9 + parts(fields) + b"y" * 999, MULTIPART),
    Body("files that are not asked for", TAKEN, _with_parts(*[A_FILE] * 50), MULTIPART),
    Body("file names that are paths", TAKEN, _with_parts(*PATHS), MULTIPART),
    Body("names of every kind", TAKEN, _with(b"&%00=%00&%ED%A0%80=%ED%A0%80&%FF=%FF&__class__=x&=y&_t=0&[]=")),
    Body("names of ours", TAKEN, _with(b"&_t=0&_on_complete=//evil.example&_method=DELETE&state=x&answers=x")),
    Body("900 fields", TAKEN, _with(b"&a=b" * 900)),
    Body("a megabyte", TAKEN, _with(b"&junk=" + b"a" * 1_000_000)),
    Body("the answer twice", TAKEN, lambda fields: b"name=%00&name=" + b"z" * 9 + b"&" + form(fields)),
    Body("expects to be asked", TAKEN, form, lines=(LENGTH, ("Expect", "100-continue"))),
)

#: Charsets that Python knows, and no form comes in; some are no charsets, others fail over what they cannot decode.
CHARSETS = (
    *"hex rot13 base64 zip bz2 uu quopri undefined idna punycode unicode_escape raw_unicode_escape utf-16".split(),
    *r"utf-32-be utf-7 utf-8-sig cp500 hz iso2022_jp_3 mbcs aliases ../x - utf-8\ ".split(),
    *("x" * 999, "\xff"),
)
