"""Where the time of a page goes, by looking again and again where the process is.

Of this library and of views written by hand that check the owner, journey by journey in turn, so that a machine that is
slower for a while is slower for both.
"""

import signal
from collections import Counter

from .contenders.by_hand import OWNED
from .contenders.ours import OURS
from .visitor import Urlconf, Visitor, ask_in_process

PAGES = 10
#: Seconds of CPU between two looks.
INTERVAL = 0.001
#: What the files that are being executed say of what is being done.
PLACES = {
    "rendering the page": ("django/template/", "django/forms/boundfield.py", "django/forms/widgets.py"),
    "loading the session": ("sessions/backends/", "flows/sessions/"),
    "the form": ("django/forms/", "benchmarks/forms.py"),
    "the task, in the database": ("flows/statestore/django_store.py", "django/db/"),
    "the URL of the next page": ("django/urls/base.py",),
}
VIEW, REST = "this library, or the view by hand", "Django's handler, middleware, request and response"
#: Calls in which all that is called belongs to the place.
WHOLE = ("rendering the page", "loading the session")


def place_of(files):
    """Return what is being done, by the files that are being executed, the innermost first."""
    for name in WHOLE:
        if any(part in file for file in files for part in PLACES[name]):
            return name
    for file in files:
        for name, parts in PLACES.items():
            if any(part in file for part in parts):
                return name
        if "/flows/" in file or "/contenders/" in file:
            return VIEW
    return REST


class Sampler:
    """Counts where the process is while a request is handled."""

    def __init__(self):
        #: By method, contender and place.
        self.samples = Counter()
        self.request = None

    def look(self, number, frame):
        if self.request:
            files = []
            while frame:
                files.append(frame.f_code.co_filename)
                frame = frame.f_back
            self.samples[(*self.request, place_of(files))] += 1

    def asking(self, contender):
        """Return what asks this process for a contender's pages, and is looked at after the first."""

        def ask(method, url, cookies, body):
            self.request = (method, contender) if "/page-" in url else None
            try:
                return ask_in_process(method, url, cookies, body)
            finally:
                self.request = None

        return ask


def sample(journeys):
    """Walk so many journeys with each contender, and return the samples."""
    sampler = Sampler()
    urlconfs = {contender: Urlconf(contender.make(PAGES, False)) for contender in (OWNED, OURS)}
    signal.signal(signal.SIGPROF, sampler.look)
    try:
        for number in range(journeys + 1):
            if number == 1:  # after what is done once in a process
                signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
            for contender, urlconf in urlconfs.items():
                with urlconf:
                    Visitor(sampler.asking(contender)).walk()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return sampler.samples


def rows(samples):
    """Yield the rows of a table: what each place takes, of what the whole request takes by hand."""
    columns = [(method, contender) for method in ("GET", "POST") for contender in (OWNED, OURS)]
    places = [*PLACES, VIEW, REST]
    whole = {(how, who): sum(samples[how, who, place] for place in places) for how, who in columns}
    by_hand = {how: max(whole[how, OWNED], 1) for how, _ in columns}
    yield ["", *(f"{how}, {who.name}" for how, who in columns)]
    for place in places:
        yield [place, *(f"{samples[how, who, place] / by_hand[how]:.0%}" for how, who in columns)]
    yield ["together", *(f"{whole[how, who] / by_hand[how]:.0%}" for how, who in columns)]
