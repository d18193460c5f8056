"""Where a link may ask a flow to lead at its end. ``{host}`` is the site's own."""

#: Targets that lead to another site, or nowhere, or would in some browser.
AWAY = (
    *r"//evil.example/ ///evil.example/ ////evil.example/ /\evil.example/ \\evil.example/ \/evil.example".split(),
    *r"/\/evil.example".split(),
    *r"https:evil.example http:/evil.example https:///evil.example/ http:\\evil.example https://evil.example/".split(),
    *r"HTTP://EVIL.EXAMPLE javascript:alert(1) JaVaScRiPt:alert(1) vbscript:x data:text/html,<b>x</b> blob:x".split(),
    *r"view:x".split(),
    *r"file:///etc/passwd ftp://{host}/ // /// //// http: http:// http:evil.example?//{host}".split(),
    *r"http://{host}@evil.example http://u:p@evil.example/ http://{host}:80@evil.example".split(),
    *r"//evil.example\@{host}/".split(),
    *r"http://{host}.evil.example http://{host}%00.evil.example http://{host}%2eevil.example".split(),
    *r"http://{host}\evil".split(),
    *r"//{host}:@evil.example https://{host}. //{host}. //{host}%2fevil.example //{host}\@evil.example".split(),
    *r"http://[::1]/".split(),
    *r"http://[::ffff:127.0.0.1]/ http://[::1 //[ http://[v1.x]/ http://0x7f.1/ //0/ http://127.0.0.1/".split(),
    *r"http://127.0.0.1:1/ http://{host}0/ http://127.0.0.1:99999999/ http://127.0.0.1:x/ http://{host}:1/".split(),
    # With what browsers take out, take for something else, or take for nothing
    *("java\tscript:alert(1)", "java\nscript:alert(1)", "\x01javascript:x", "/\t/evil.example/", "/\n/evil.example/"),
    *("/\r/evil.example", "\t//evil.example", " //evil.example", "\0//evil.example", "h\nttps://evil.example"),
    *("\x85//evil.example", "\xa0//evil.example", "\ufeff//evil.example", "\u200b//evil.example"),
    "\u2028//evil.example",
    *("http://evil\u3002example/", "//evil\uff0eexample/", "http:\uff0f\uff0fevil.example"),
    "http://\u24d4vil.example/",
    *("//127.0.0.1\u2044@evil.example", "http://evil.example\u2044{host}", "http:// {host}/"),
    *(f"//evil.example/{'a' * 2500}", f"http://{'a.' * 900}example/"),
)

#: Targets on this site, some of which a careless rewriting, such as taking out the dots, turns into ones on another.
TWISTED = (
    *"/.//evil.example/ /x/..//evil.example/ /././/evil.example /x/.././/evil.example/?a=b /%2e//evil.example".split(),
    *"../../../../https:evil.example/ ../../../../javascript:alert(1) ..//evil.example .//evil.example".split(),
    *"../..//../evil.example /.%2f/evil.example /%5Cevil.example /%2Fevil.example /%09/evil.example".split(),
    *"/;//evil.example".split(),
    *"?//evil.example #//evil.example ./https:evil.example %09//evil.example /thanks/?next=//evil.example".split(),
    *r"/thanks/#//evil.example /@evil.example /:evil.example /thanks/%0d%0aX-Evil:%201 {host}:x ://".split(),
    *("http://{host}#@evil.example\\..", "\uff0f\uff0fevil.example", f"/{'a' * 3000}", f"/{chr(0x1D4B3) * 300}"),
)

#: Targets that are followed as they are.
HERE = "/thanks/ /thanks/?a=b&c=%26#d http://{host}/thanks/ //{host}/thanks/ /th%C3%A4nks/".split()

#: Where a site lets its flows end on ``pay.example`` and ``pay.example:8443``: what is there, and what is not.
ALLOWED = "https://pay.example/ //pay.example/x http://pay.example/?a=b https://pay.example:8443/#c".split()
REFUSED = r"""
https://pay.example.evil.example/ https://pay.example@evil.example/ https://evil.example/pay.example
//evil.example#@pay.example https://pay.example:444/ https://u:p@pay.example/ ftp://pay.example/
javascript://pay.example/%0aalert(1) https://xpay.example/ https://pay.example./ https:pay.example ///pay.example/
https://evil.example\@pay.example
""".split()
