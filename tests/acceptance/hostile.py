"""What visitors send who mean no good, or whose programs are broken: ids, methods, paths, cookies, hosts.

Queries and paths are percent-encoded. ``{id}`` is the id of a live task of the visitor's own, ``{ID}`` the same in
capitals, ``{part}`` all but its last digit, ``{encoded}`` each digit percent-encoded; ``{path}``, ``{PATH}`` and
``{host}`` are those of a page of his.
"""

from urllib.parse import quote

#: As long as an id can get: the server takes 4,094 bytes for the first line of a request.
LONGEST = 3800

#: Query strings that name no task that we made.
BROKEN_IDS = (
    # Empty, too short, too long, of the right length
    *("_t", "_t=", "_t=0", "_t={part}", "_t={id}0", "_t=0{id}", f"_t={'a' * LONGEST}", f"_t={'%00' * 1200}"),
    *(
        f"_t={56 * letter}"
        for letter in ("g", "-", "_", "%25", "*", "%3F", "%F0%9D%9F%98", "%EF%BC%90", "%D9%A0", "%FF")
    ),
    # A live one that is written otherwise, or with something before or behind it
    *"_t={ID} _t=-{part} _t=%2B{part} _t=0x{part} _t=%F0%9F%98%80{part} _t=%22{id}%22 _t=[{id}] _t={id},{id}".split(),
    *"_t={id}%".split(),
    *"_t={id}%00 _t=%00{id} _t={id}%0A _t={id}%0D%0A _t=%0D%0A{id} _t=%20{id} _t={id}+ _t={id}/".split(),
    *"_t=%EF%BB%BF{id} _t={id}%E2%80%AE _t={id}%CC%81 _t={id}? _t={id}%26x=y".split(),
    # Neither text nor what a URL should hold
    *"_t=%FF%FE _t=%C3%28 _t=%C0%80 _t=%ED%A0%80 _t=%ED%A0%BD%ED%B8%80 _t=%ZZ _t=% _t=%2 _t=%%% _t=%u0041".split(),
    # Several
    *("_t={id}&_t={id}", "_t={id}&_t=", "_t=&_t={id}", "_t={id}&_t=0&_t={id}", "_t={id}&" * 50 + "x="),
    # Tricks with what may be behind it: SQL, Redis and Lua, JSON, file systems, templates, logs, shells
    *"_t='%20OR%20'1'='1 _t={id}'-- _t={id}'%20OR%201=1;DROP%20TABLE%20x;-- _t=%25'%20ESCAPE%20'".split(),
    *"_t={id}%7D:lease".split(),
    *"_t={id}:task _t=*%0D%0AFLUSHALL%0D%0A _t=%5D%5D..redis.call('FLUSHALL')-- _t=%7B%22$ne%22:null%7D".split(),
    *"_t=%7B'_t':'{id}'%7D _t=null _t=None _t=true _t=NaN _t=1e999 _t=-1 _t=../../../etc/passwd".split(),
    *"_t=..%2F..%2F{id}".split(),
    *"_t=file:///etc/passwd _t=/{id} _t=C:%5C{id} _t=%7B%7B7*7%7D%7D _t=%25(asctime)s _t=%7B0.__class__%7D".split(),
    *"_t=$%7Bjndi:ldap://x%7D _t=`id` _t=$(id) _t=%3Cscript%3Ealert(1)%3C/script%3E _t=%22%3E%3Cimg%20src=x%3E".split(),
)

#: Query strings without the parameter, however much they look as if they had it.
NO_IDS = """
_t[]={id} _t[0]={id} _t%5B%5D={id} _t.x={id} _T={id} t={id} __t={id} _t%00={id} +_t={id} _t+={id} x;_t={id} ?_t={id}
%5F%EF%BD%94={id} =_t={id} _%CC%B2t={id}
""".split()

#: Query strings that a browser may write in the place of ``_t={id}``.
SAME_IDS = "_t={id} %5Ft={id} _%74={id} &&_t={id}& x=%FF&_t={id}&x=%00 _t={encoded} _t={id}&_t[]=0".split()

#: Methods that reach the library, and those that no request can have.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "M-SEARCH", "XYZZY")
NO_METHODS = ("post", "G", "A" * 100, "GET,POST", "GE T", "", "*", "{POST}")

#: Paths that are written in a way of their own, or are another's.
PATHS = (
    *"/{path} //{path} /.{path} /x/..{path} /x/%2e%2e{path} {path}.. {path}../ {path}..;/ {path}/ {PATH}".split(),
    *"x{path}".split(),
    *"{path}%00 {path}%0A {path}%0D%0AX-Evil:%201 {path}%20 {path}%2F {path};a=b {path}.html {path}# {path}%FF".split(),
    *r"/%2F{path} /\evil.example{path} //evil.example{path} http://evil.example{path} {path}%ED%A0%80 * ?".split(),
    *"http://{host}{path} https://{host}:1{path} http://u:p@{host}{path} http:{path} http:/{path}".split(),
    *"evil.example:80".split(),
    *("", "{path}\0", "{path}\xff", "{path}\t", "{path}" + "a/" * 1900),
)

#: Cookies, as the header says them.
COOKIES = (
    f"sessionid={'a' * 4000}",
    "sessionid=../../../etc/passwd; csrftoken=../../x",
    "sessionid=' OR 1=1 --; csrftoken=' OR 1=1 --",
    'sessionid="aaaaaaaa\\000aaaa"; csrftoken="\\000"',
    'sessionid="aaaaaaaa\\015\\012Set-Cookie: evil=1"; csrftoken="\\012"',
    "sessionid=%00%00%00%00%00%00%00%00; csrftoken=%0d%0a",
    "sessionid=\xff\xfe\xed\xa0\x80aaaaaaa; csrftoken=\xff",
    "sessionid=; csrftoken=",
    "sessionid; csrftoken; =; ;;; = =; ===",
    "sessionid=eyJfYXV0aF91c2VyX2lkIjoiMSJ9:1abcDE:0123456789abcdefghijklmnopqrstuvwxyz_-A",
    "sessionid=.eJxVjDsOwjAQ:x:y; messages=W1siX19qc29uX21lc3NhZ2UiLDAsMjUsIngiXV0:x:y",
    'messages=[[[[[; django_language="><script>alert(1)</script>',
    f"csrftoken={'x' * 64}; csrftoken={'y' * 32}",
    "csrftoken=" + "\U0001f600".encode().decode("latin-1") * 64,
    "django_language=../../../../etc; django_timezone=x",
    "; ".join(f"c{number}={number}" for number in range(700)),
    quote("<script>", safe="") * 900,
)

#: Values of the header Host that are not those of the site.
HOSTS = (
    *r"evil.example {host}.evil.example evil.example@{host} {host}@evil.example {host}/x {host}:1 {host}#".split(),
    *r"{host}?x".split(),
    *r"{host}\@evil.example 127.0.0.1:-1 127.0.0.1:x [::1 [::1]:80 * .. <script>".split(),
    *("", "' OR 1=1", "{host}, evil.example", "evil\xff.example", "a" * 500, "{host}\r\nHost: evil.example"),
)

#: Bytes that are no request.
NO_REQUESTS = (
    *(b"", b"\r\n\r\n", b"\0" * 100, b"\xff" * 9000, b"\x16\x03\x01\x02\0\x01\0\x01\xfc"),
    b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
    *(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET\r\n\r\n", b"GET {path}\r\n\r\n"),
    b"GET {path} HTTP/1.1\n\n",
    *(b"GET {path} HTTP/9.9\r\n\r\n", b"GET {path} HTTP/1.1 x\r\n\r\n", b"GET  {path}  HTTP/1.1\r\n\r\n"),
    *(b"GET {path} http/1.1\r\n\r\n", b"GET {path} HTTP/1.1\r\nHost\r\n\r\n"),
    b"GET {path} HTTP/1.1\r\n Host: x\r\n\r\n",
    *(b"GET {path} HTTP/1.1\r\nA b: c\r\n\r\n", b"GET {path} HTTP/1.1\r\nHost: x\nHost: y\r\n\r\n"),
)
