"""Where a browser goes that is told to go to a place, as the URL Standard has it."""

import re
import string

#: What browsers take off both ends of a URL, and out of it.
ENDS, WITHIN = "".join(map(chr, range(0x21))), str.maketrans("", "", "\t\n\r")
SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")


def host_of(location: str, here: str, *, scheme: str = "http") -> str | None:
    """Return the host and port that a redirect from ``here`` leads to; None for what is no web page.

    A backslash is a slash, several slashes are two, and a scheme without slashes is another's unless it is the same.
    """
    rest = location.strip(ENDS).translate(WITHIN)
    named = SCHEME.match(rest)
    if named:
        name, rest = named[1].lower(), rest[named.end() :]
        if name not in ("http", "https"):
            return None
    rest = re.split(r"[?#]", rest)[0].replace("\\", "/")
    if named and name != scheme:
        rest = f"//{rest.lstrip('/')}"
    if not rest.startswith("//"):
        return here
    authority = rest.lstrip("/").partition("/")[0].rpartition("@")[2]
    return authority.lower()


assert set(string.whitespace) - set(ENDS) == set()
