"""Values of the wrong type for each field of the page that has one of every type, and odd ones of the right type."""

from datetime import date
from itertools import cycle, islice

NUL = "a\0b"
LONG = "9" * 5000
MARKUP = "<b>'\"&"

#: What is no value of the field, so that the form is shown again and says so.
WRONG = {
    "integer": ("x", "1.5", "0x1F", "1e5", "NaN", "--1", LONG, NUL),
    "float": ("x", "NaN", "-Infinity", "1e", "0x1p3", "1,5", "1e999", NUL),
    "decimal": ("x", "NaN", "sNaN1", "Infinity", "1e", "--1", "1-", NUL),
    "date": ("x", "2024-02-30", "0000-00-00", "99999-01-01", "-1", "2024-01-01T00:00", "now", NUL),
    "time": ("x", "25:00", "99:99:99", "12:00:00.x", "-1:00", LONG, NUL),
    "datetime": ("x", "2024-02-30 00:00", "10000-01-01 00:00", "2024-01-01T25:00", "2024-01-01 00:00+99:99", NUL),
    "split": ("x", "2024-02-30", "-", "0000-00-00", LONG, NUL),
    "duration": ("x", "P1Y2M3DT", "9" * 20 + " days", "1 day 2 days", NUL),
    "uuid": ("x", "g" * 32, "0" * 31, "{0}", "-" * 36, NUL),
    "email": (
        "x",
        "a@",
        "@b.example",
        "a@b@c.example",
        "a@b.example\r\nBcc: c@d.example",
        "a" * 400 + "@b.example",
        NUL,
    ),
    "url": ("javascript:alert(1)", "http://[::1", "//", "data:,x", "http://" + "a" * 3000, "http://a b/", "h" + NUL),
    "slug": (MARKUP, "a b", "\u00e4", "a/b", "a.b", "\u202ea", NUL),
    "ip": ("x", "999.1.1.1", "::g", "1.2.3", "1.2.3.4/8", "1" * 5000, NUL),
    "regex": ("b", "a" * 20, "ab\n\n", MARKUP, "\u0430b", NUL),
    "choice": ("c", "A", "a,b", "['a']", MARKUP, NUL),
    "number": ("3", "x", "1.0", "one", "-1", LONG, NUL),
    "choices": ("c", "A", "a,b", MARKUP, NUL),
    "user": ("0", "-1", "x", "1 OR 1=1", "9" * 50, "1.5", "None", "{}", NUL),
    # Not a number that is too long for SQLite: Django's own field fails over that, in every form.
    "users": ("0", "-1", "x", "1 OR 1=1", "1.5", "None", "{}", NUL),
    "json": ("{", "[1,", "{'a': 1}", "undefined", "[" * 50, '{"a": 1}}', NUL),
}


def rounds():
    """Yield what to fill all of these fields in with at once, until each value has had its turn."""
    for number in range(max(map(len, WRONG.values()))):
        values = {name: next(islice(cycle(given), number, None)) for name, given in WRONG.items()}
        values["split_0"] = values["split_1"] = values.pop("split")
        yield values


#: What is one, or is taken for one, and which a page then has to keep and to show.
ODD = (
    *({"boolean": value} for value in ("False", "0", MARKUP, NUL)),
    *({"null_boolean": value} for value in ("unknown", "2", MARKUP, NUL)),
    *({"integer": value} for value in ("\u0663", " 7 ", "1_000", "-0", "9" * 4000)),
    *({"float": value} for value in ("1e308", "-0.0", "5e-324", "1_0.0_1")),
    *({"decimal": value} for value in ("1e400", "-0", "1e-400", "9" * 5000, "\u0663.5")),
    *({"date": value} for value in ("0001-01-01", "9999-12-31", "1/2/03", str(date.max))),
    *({"time": value} for value in ("23:59:59.999999", "00:00")),
    *({"datetime": value} for value in ("0001-01-01 00:00", "9999-12-31 23:59:59.999999", "2024-03-31T02:30+14:00")),
    *({"duration": value} for value in ("-999999999 00:00:00", "999999999 23:59:59", "P0D", "P-4W")),
    *({"uuid": value} for value in ("{" + "0" * 32 + "}", "urn:uuid:" + "F" * 32)),
    *({"email": value} for value in ('"<b>\'&"@b.example', "a@[127.0.0.1]", "x+%0d%0a@b.example")),
    *({"url": value} for value in ("http://a.example/<b>'\"&", "ftp://u:p@[::1]:1/?{{x}}#%00", "b\u00fccher.example")),
    *({"ip": value} for value in ("::ffff:1.2.3.4", "0000:0000:0000:0000:0000:0000:0000:0000")),
    *({"choices": value} for value in (["a", "a", "b"], ["b"] * 900)),
    *({"json": value} for value in ('"\\u0000"', '{"~": "tuple", "v": [1]}', '{"": {"a\\u0000": [null]}}', "1" * 4000)),
    *({"json": value} for value in ("[" * 90 + "]" * 90, f'"{MARKUP[:3]}</script>{{{{x}}}}"', "1e400", "-0.0")),
    # No date has room for these in the time zone of the site
    {"datetime": "9999-12-31T23:59:59-23:59"},
    {"datetime": "0001-01-01T00:00:00+23:59"},
    # A text, to Python and to JSON, and none that a page could be written in
    {"json": '"\\ud800"'},
    {"json": '["\\udfff\\ud800", {"\\udc00": 1}]'},
    # Kept in no task: too deep, or a number that is none
    {"json": "[" * 900 + "]" * 900},
    {"json": "[NaN, -Infinity]"},
)

#: What says how many forms of several there are.
COUNTS = (
    *({"form-TOTAL_FORMS": value} for value in ("", "x", "-1", "1.5", "9" * 30, "999", "0", NUL, MARKUP)),
    *({"form-INITIAL_FORMS": value} for value in ("", "x", "-1", "99", "9" * 30, NUL)),
    {"form-TOTAL_FORMS": ["1", "x"], "form-MIN_NUM_FORMS": "x", "form-MAX_NUM_FORMS": "x"},
)
