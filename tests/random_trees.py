"""Trees of components as hypothesis draws them, as a site would have them, and as the rules open them to a visitor."""

from collections import Counter, namedtuple
from dataclasses import dataclass, replace
from types import ModuleType

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import include, path, reverse
from hypothesis import strategies as st

from flows.components import COMPLETE, Action, Scaffold
from flows.handler import FlowHandler
from flows.transitions import Linear

#: What the visitor says. "a" and "b" skip pages; the last two are refused after the effect, and not valid.
ANSWERS = (*"cab", REFUSED := "r", INVALID := "")
THANKS = "/thanks/"


@dataclass(frozen=True)
class Skip:
    """A component is skipped, or is not, while the visitor says something at a page, counted through the tree."""

    page: int
    says: str
    unless: bool


@dataclass(frozen=True)
class Node:
    """What a component is made from; an action where it has no children.

    Equal nodes are one class, so a class may stand in several scaffolds.
    """

    name: str
    children: tuple["Node", ...] = ()
    is_linear: bool = False
    skip: Skip | None = None
    guarantee: str | None = None
    url: str | None = None
    #: Whether complete() leads to a page of the site.
    has_thanks: bool = False

    @property
    def height(self):
        return 1 + max(child.height for child in self.children) if self.children else 0


SKIPS = [Skip(page, says, unless) for unless in (False, True) for page in range(4) for says in "ab"]
SKIP = st.sampled_from([None] * 2 * len(SKIPS) + SKIPS)
GUARANTEE = st.sampled_from([None, None, "transaction", "claim", "retry"])


def scaffolds(child, most, **options):
    """Draw a scaffold of up to ``most`` children, which are named by letters."""

    def name(children):
        return tuple(replace(child, name=letter) for letter, child in zip("abcd", children, strict=False))

    children = st.lists(child, min_size=1, max_size=most).map(name)
    is_linear = st.sampled_from([True, True, False])
    return st.builds(Node, name=st.just("walk"), children=children, is_linear=is_linear, guarantee=GUARANTEE, **options)


def levels(page, **options):
    """Draw what may stand in a flow: pages, and scaffolds of up to three levels."""
    level = page
    for most in (2, 2, 3):
        level = page | scaffolds(level, most, **options)
    return level


def flows():
    """Draw the root of a tree of up to four levels below it, parts of which may be skipped."""
    page = st.builds(Node, name=st.just("page"), skip=SKIP, guarantee=GUARANTEE)
    urls = st.sampled_from([None, "walk/<int:item>/"])
    return scaffolds(levels(page, skip=SKIP), 4, url=urls, has_thanks=st.booleans())


def routed_flows(urls, page_urls):
    """Draw the root of a tree in which each component has a route, with ``{name}`` and ``{argument}`` to fill in."""
    return scaffolds(levels(st.builds(Node, name=st.just("page"), url=page_urls), url=urls), 3, url=urls)


Run = namedtuple("Run", "task position answers item")


class AnswerForm(forms.Form):
    says = forms.CharField()
    leads = forms.IntegerField()


class Tree:
    """The components of a random tree, their URLs, and what was done in them."""

    def __init__(self, node):
        self.ran, self.completed = [], Counter()
        self._classes = {}
        self.handler = FlowHandler()
        self.handler.register_entry_point(self._make(node))
        self.root = next(pattern for pattern in self.handler.urls[0] if pattern.name).callback.position.root
        self.urlconf = self.urls_under("")
        self.pages = list(self.root.actions())

    def urls_under(self, prefix):
        """Return a URLconf in which the flow's URLs are included under a prefix."""
        urlconf = ModuleType("random_urls")
        thanks = path(THANKS[1:], lambda request: HttpResponse("thanks"))
        urlconf.urlpatterns = [thanks, path(prefix, include(self.handler.urls))]
        return urlconf

    def skips(self, answers, place):
        """Return whether a component says that it is to be skipped."""
        skip = place.component.node.skip
        if skip is None:
            return False
        source = self.pages[skip.page % len(self.pages)].name
        return (answers.get(source, {}).get("says") == skip.says) != skip.unless

    def url(self, name, item=1, task=None):
        kwargs = {"item": item} if self.root.parameters else {}
        return reverse(f"flows:{name}", kwargs=kwargs) + (f"?_t={task}" if task else "")

    def _make(self, node):
        if node not in self._classes:
            bases, attributes = (Scaffold,), {"complete": _complete, "transition": Linear() if node.is_linear else None}
            attributes["action_set"] = [self._make(child) for child in node.children]
            if not node.children:
                bases, attributes = (Action,), {"form_class": AnswerForm, "form_valid": _form_valid}
            attributes |= {"tree": self, "node": node, "name": node.name, "should_skip": _should_skip}
            attributes["guarantee"] = node.guarantee
            if node.url is not None:
                # By the height: another one for each component of a path.
                attributes["url"] = node.url.format(name=node.name, argument=f"x{node.height}")
            self._classes[node] = type(f"{node.name.title()}{len(self._classes)}", bases, attributes)
        return self._classes[node]


def _should_skip(self):
    return self.tree.skips(self.answers, self.position)


def _form_valid(self, form):
    self.tree.ran.append(Run(self.task.id, self.position, dict(self.answers), self.kwargs.get("item")))
    if form.cleaned_data["says"] == REFUSED:
        form.add_error("says", "Not this.")
        return self.form_invalid(form)
    return leads_to(self.position, form.cleaned_data["leads"])


def leads_to(place, number):
    """Return what the action at a place ends in."""
    if place.parent.component.transition:
        return COMPLETE
    outcomes = [COMPLETE, *(other.component for other in place.reachable())]
    return outcomes[number % len(outcomes)]


def _complete(self):
    self.tree.completed[self.task.id, self.position] += 1
    return HttpResponseRedirect(THANKS) if self.node.has_thanks else None


class Journey:
    """What was said in one task, and what the rules open to its visitor."""

    def __init__(self, tree, task, item, wanted):
        self.tree, self.task, self.item = tree, task, item
        self.wanted = wanted  # where it was asked to end
        self.end = None  # where it led
        self.said = {}  # by page, the last answers
        self.done = set()  # the pages that did not refuse what was said
        self.first = {}  # by scaffold in which the actions decide, the child with which its way begins
        self.chosen = {}  # by child of one, the child that followed, or COMPLETE

    def choose(self, place, leads, completed):
        """Note what the action at a place chose, in each scaffold in which the actions decide."""
        outcome = leads_to(place, leads)
        for level in reversed(place.path[1:]):
            if (
                level is not place
                and outcome is COMPLETE
                and (level not in completed or level.component.node.has_thanks)
            ):
                return  # what came out of it is a page in it, or a page elsewhere
            if level.parent.component.transition:
                continue
            target = COMPLETE if outcome is COMPLETE else place.find(outcome)
            if target is COMPLETE or target.parent is level.parent:
                if level not in self.way(level.parent)[0]:
                    self.first[level.parent] = level
                self.chosen[level] = target

    def way(self, scaffold):
        """Return the children of a scaffold that follow each other by choice, and whether the last completed it."""
        way, child = [], self.first.get(scaffold)
        while child and child is not COMPLETE and child not in way:
            way.append(child)
            child = self.chosen.get(child)
        return way, child is COMPLETE

    def seen(self, place):
        """Return what a component at a place sees of the answers."""
        pages = {page.name: page for page in self.tree.pages}
        return {name: said for name, said in self.said.items() if pages[name] is place or self.counts(pages[name])}

    def counts(self, page):
        for level in page.path[1:]:
            way, is_complete = self.way(level.parent)
            if way and level not in way and (len(way) > 1 or is_complete):
                return False
        return True

    def skips(self, level):
        return self.tree.skips(self.seen(level), level)

    @property
    def is_empty(self):
        """Whether no page is open."""
        return not any(map(self.is_open, self.tree.pages))

    def is_open(self, page, item=None):
        """Return whether a page is neither skipped nor before its time."""
        if self.end or (item and item != self.item):
            return False
        for level in page.path[1:]:
            siblings = level.parent.children if level.parent.component.transition else (level,)
            earlier = siblings[: siblings.index(level)]
            if self.skips(level) or not all(map(self.is_settled, earlier)):
                return False
            way, _ = self.way(level.parent)
            if len(way) > 1 and level not in way:
                return False
        return True

    def is_settled(self, place):
        """Return whether a place has been done, in all that is not skipped, or is skipped itself."""
        if place.is_action:
            return place in self.done or self.skips(place)
        in_order = place.children if place.component.transition else ()
        way, is_complete = self.way(place)
        is_done = self.tree.completed[self.task, place] > 0 and all(map(self.is_settled, in_order))
        return (is_done and (is_complete or not way)) or self.first_page(place) is None

    def first_page(self, place):
        depth = len(place.path) - 1
        for page in place.actions():
            if not any(self.skips(level) for level in page.path[depth:]):
                return page
        return None
