"""What was measured, as tables for the documentation, and whether the figures to reach hold."""

from .contenders.by_hand import OWNED, OWNED_FAST
from .contenders.ours import OURS, OURS_FAST
from .counts import say
from .journeys import relate

#: A whole journey, as a multiple of views written by hand that check the owner, with either engine of sessions.
MOST_OF_OWNED = 1.0
#: At the most pages, as a multiple of each peer's journey.
MOST_OF_PEER = {"django-formtools": 0.7, "django-gandalf": 0.2}
#: At the most pages, what the last page costs as a multiple of the second.
MOST_GET_GROWTH, MOST_POST_GROWTH = 1.15, 1.5
#: By how much the conditions may make a journey dearer.
MOST_OF_PLAIN = 1.05


def costs_table(title, runs):
    """Return a table of journeys by contender and length: the medians of each run, and the first's middle half."""
    lengths = list(runs[0])
    header = ["", *(f"{pages} pages" for pages in lengths)]
    rows = [
        [contender.name, *(_ratios([run[pages][contender] for run in runs]) for pages in lengths)]
        for contender in runs[0][lengths[0]]
    ]
    return table(title, header, rows)


def _ratios(costs):
    medians = " / ".join(f"{cost.ratio.median:.2f}" for cost in costs)
    return f"{medians} ({costs[0].ratio.low:.2f}–{costs[0].ratio.high:.2f})"


def growth_table(title, runs):
    """Return a table of what the last pages of the longest journey cost as a multiple of the second."""
    longest = max(runs[0])
    rows = [
        [
            contender.name,
            " / ".join(f"{run[longest][contender].get_growth.median:.2f}" for run in runs),
            " / ".join(f"{run[longest][contender].post_growth.median:.2f}" for run in runs),
        ]
        for contender in runs[0][longest]
    ]
    return table(title, ["", "GET", "POST"], rows)


def counts_table(title, counts):
    """Return a table of what is executed and written for one page."""
    rows = [
        [
            contender.name,
            say(get),
            say(post),
            str(post["bytes"]),
            f"{get['validated']} / {post['validated']}",
            f"{get['peak'] / 1024:.0f} / {post['peak'] / 1024:.0f} kB",
        ]
        for contender, (get, post) in counts.items()
    ]
    header = ["", "SQL of a GET", "SQL of a POST", "Bytes written by a POST"]
    header += ["Forms validated, GET / POST", "Memory, GET / POST"]
    return table(title, header, rows)


def starting_table(title, imports, urls):
    """Return a table of what is made once in a process."""
    rows = [[name, f"{imports[name]:.0f} ms", *_of_urls(urls[name])] for name in imports]
    return table(title, ["", "Import", "Build", "Resolve one URL", "Memory"], rows)


def _of_urls(measured):
    if measured is None:
        return ["RecursionError", "–", "–"]
    return [
        f"{measured['build_milliseconds']:.0f} ms",
        f"{measured['resolve_microseconds']:.0f} µs",
        f"{measured['kilobytes']:.0f} kB",
    ]


def verdicts(plain, conditional):
    """Yield each figure to reach: what it is of, what was measured, the limit."""
    longest = max(plain)
    for ours, owned in ((OURS, OWNED), (OURS_FAST, OWNED_FAST)):
        for pages in plain:
            of_owned = relate(plain[pages][ours].walks, plain[pages][owned].walks).median
            yield f"{pages} pages, of {owned.name}", of_owned, MOST_OF_OWNED
    for contender, cost in plain[longest].items():
        if contender.name in MOST_OF_PEER:
            limit = MOST_OF_PEER[contender.name]
            of_peer = relate(plain[longest][OURS].walks, cost.walks).median
            yield f"{longest} pages, of {contender.name}", of_peer, limit
        elif contender is OURS:
            yield f"GET of page {longest}, of page 2", cost.get_growth.median, MOST_GET_GROWTH
            yield f"POST of page {longest}, of page 2", cost.post_growth.median, MOST_POST_GROWTH
    for pages in plain:
        added = relate(conditional[pages][OURS].walks, plain[pages][OURS].walks).median
        yield f"{pages} pages under conditions, of without", added, MOST_OF_PLAIN


def table(title, header, rows):
    """Return a list-table of reStructuredText."""
    lines = [f".. list-table:: {title}", "   :header-rows: 1", "   :stub-columns: 1", ""]
    for row in (header, *rows):
        for number, cell in enumerate(row):
            lines.append(f"   {'* ' if number == 0 else '  '}- {cell}".rstrip())
    return "\n".join([*lines, ""])
