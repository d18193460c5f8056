"""Texts and route arguments that do harm where they are not escaped, or get lost where they are not kept."""

#: What a page says that the others are compared with.
PLAIN_TITLE = "PLAINTITLE"
#: Titles and answers.
TEXTS = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "</title></h1></textarea></script><svg/onload=alert(1)><!--",
    "\" autofocus onfocus=\"alert(1)\" x='' y=' onclick=alert(1) '",
    "{{ 7|add:'7' }}{% now 'Y' %}{{ request.COOKIES }}{# gone #}{% debug %}",
    "%s %(title)s %d %% {0} {title} ${x} #{y} <%= z %>",
    "&lt;b&gt; &amp;amp; &#60;script&#62; &nbsp &unknown; &#0; &#x110000;",
    "\u202eesrever\u202c \u2066isolated\u2069 \u200f\u200e\ufeff\u00ad\u200b\u2028\u2029",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f3f3\ufe0f\u200d\U0001f308 \U0001d54f \U0010fffd",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319" * 20,
    "one\r\nSet-Cookie: evil=1\r\n\r\n<b>two</b>\rthree\nfour\tfive\x0b\x0c\x1b[31m\x7f\x85",
    "a\x00b<\x00script>c\x00",
    "  blanks before, behind  and \u00a0 between\u3000  ",
    "w" * 100_000,
    "<" * 2_000 + "&" * 2_000 + "'" * 2_000 + '"' * 2_000,
    "javascript:alert(1)//data:text/html,<b>",
    "]]>--><![CDATA[<?php echo 1 ?>]]><!DOCTYPE x [<!ENTITY e 'x'>]>&e;",
)

#: What a `str` converter lets through, and a `path` converter: percent-encoded. No "." and "..", which a browser takes
#: out of a path before it sends it.
CODES = (
    *"%3Cscript%3E %22onclick=%22x ... %00 %0D%0AX-Evil:%201 %25%32%66 %FF%FE %F0%9F%98%80 a+b%20c %26amp%3B '".split(),
    *("%7B%7Bx%7D%7D", "_t=0", "%3F_t%3D0%23", "%5C%5Cevil.example", "%E2%80%AE", "x" * 1200),
)
WAYS = """
a/.../b / //evil.example a//b/ %5C..%5C %252e%252e/%252e a%0Db %3Cb%3E/%22/%27 %00/%00 ;x=1/@/:8/ %F0%9F%98%80/%ED%A0%80
http://evil.example %23/%3F/%25 a%20b/+/%2B ~/*/$/!/
""".split()
