"""Trees of components as hypothesis draws them, as a site would have them, and as the model of the route has them."""

from collections import namedtuple
from dataclasses import dataclass, replace
from types import ModuleType

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import include, path, reverse
from hypothesis import strategies as st

from flows.components import COMPLETE, Action, Scaffold
from flows.handler import FlowHandler
from flows.transitions import Linear, Transition

from tests import route_model
from tests.route_model import ANY_ORDER, CHOICE, LEAVE, LINEAR, REDIRECT, REFUSED, Place

#: What the visitor says: what skips pages, then what the action redirects, leaves the page or refuses the form for,
#: and what is not valid. After the others it ends in what is named by a number.
ANSWERS = (*"cabcab", REDIRECTS := "o", LEAVES := "l", REFUSES := "r", INVALID := "")
#: Pages of the site: where the flow, an inner scaffold, an action, and an action that stays open lead to.
OUTSIDE = (THANKS, INNER, AWAY, BANK) = ("/thanks/", "/inner/", "/away/", "/bank/")


@dataclass(frozen=True)
class Skip:
    """A component is skipped, or is not, while the visitor says something at a page, counted among those before it."""

    page: int
    says: str
    unless: bool


@dataclass(frozen=True)
class Node:
    """What a component is made from; an action where it has no children.

    Equal nodes are one class, so a class may stand in several scaffolds. In a scaffold that is neither linear nor in
    any order the actions decide.
    """

    name: str
    children: tuple["Node", ...] = ()
    is_linear: bool = False
    is_any_order: bool = False
    skip: Skip | None = None
    guarantee: str | None = None
    url: str | None = None
    #: Whether there is a complete() of its own (the root always has one), and whether that leads to a page of the site.
    has_complete: bool = False
    has_thanks: bool = False

    @property
    def height(self):
        return 1 + max(child.height for child in self.children) if self.children else 0

    @property
    def order(self):
        if not self.children:
            return None
        return LINEAR if self.is_linear else ANY_ORDER if self.is_any_order else CHOICE


SKIPS = [Skip(page, says, unless) for unless in (False, True) for page in range(4) for says in "ab"]
SKIP = st.sampled_from([None] * 2 * len(SKIPS) + SKIPS)
GUARANTEE = st.sampled_from([None, None, "transaction", "claim", "retry"])
LINEAR_ORDER = st.just({"is_linear": True})
ORDER = st.sampled_from([{"is_linear": True}] * 3 + [{"is_any_order": True}] + [{}] * 2)


def scaffolds(child, most, order=None, **options):
    """Draw a scaffold of up to ``most`` children, which are named by letters."""

    def name(children):
        return tuple(replace(child, name=letter) for letter, child in zip("abcd", children, strict=False))

    children = st.lists(child, min_size=1, max_size=most).map(name)
    node = st.builds(Node, name=st.just("walk"), children=children, guarantee=GUARANTEE, **options)
    return st.builds(lambda node, order: replace(node, **order), node, ORDER if order is None else order)


def levels(page, **options):
    """Draw what may stand in a flow: pages, and scaffolds of up to three levels."""
    level = page
    for most in (2, 2, 3):
        level = page | scaffolds(level, most, **options)
    return level


def flows():
    """Draw the root of a tree of up to three levels below it, parts of which may be skipped.

    In a scaffold where the actions decide there are pages, and groups of pages in order.
    """
    page = st.builds(Node, name=st.just("page"), skip=SKIP, guarantee=GUARANTEE)
    own = {"skip": SKIP, "has_complete": st.booleans(), "has_thanks": st.booleans()}
    section = scaffolds(page, 3, LINEAR_ORDER, **own)
    choice = scaffolds(page | scaffolds(page, 2, LINEAR_ORDER, skip=SKIP), 3, st.just({}), **own)
    groups = page | section | choice
    urls = st.sampled_from([None, "walk/<int:item>/"])
    order = st.sampled_from([{"is_linear": True}] * 2 + [{"is_any_order": True}])
    root = {"url": urls, "has_thanks": st.booleans()}
    deep = groups | scaffolds(groups, 3, LINEAR_ORDER, **own)
    alternatives = page | scaffolds(page, 3, LINEAR_ORDER, skip=SKIP)
    return scaffolds(deep, 4, order, **root) | scaffolds(alternatives, 3, st.just({}), **root)


def routed_flows(urls, page_urls):
    """Draw the root of a tree in which each component has a route, with ``{name}`` and ``{argument}`` to fill in."""
    return scaffolds(levels(st.builds(Node, name=st.just("page"), url=page_urls), url=urls), 3, url=urls)


Run = namedtuple("Run", "task position answers item")
Completion = namedtuple("Completion", "task position answers")


class AnswerForm(forms.Form):
    says = forms.CharField()
    leads = forms.IntegerField()


class AnyOrder(Transition):
    """The children may be done in any order, as a project may write it."""

    def choose_next(self, scaffold, child):
        return scaffold.first_to_do() or COMPLETE


class Tree:
    """The components of a random tree, their URLs, and what was done in them."""

    def __init__(self, node):
        self.ran, self.completions = [], []
        self._classes = {}
        self.handler = FlowHandler()
        self.handler.register_entry_point(self._make(node))
        self.root = next(pattern for pattern in self.handler.urls[0] if pattern.name).callback.position.root
        self.urlconf = self.urls_under("")
        self.pages = list(self.root.actions())
        #: The same places for the model of the route, by name.
        self.places = {place.name: place for place in self._place(node, None).everything()}
        self.nodes = {}
        self._note_nodes(node, "")

    def urls_under(self, prefix):
        """Return a URLconf in which the flow's URLs are included under a prefix."""
        urlconf = ModuleType("random_urls")
        outside = [path(url[1:], lambda request: HttpResponse("another page of the site")) for url in OUTSIDE]
        urlconf.urlpatterns = [*outside, path(prefix, include(self.handler.urls))]
        return urlconf

    def skips(self, answers, position):
        """Return whether a component says that it is to be skipped."""
        place, skip = self.places[position.name], self.nodes[position.name].skip
        sources = self._sources(place) if skip else ()
        if not sources:
            return False
        source = sources[skip.page % len(sources)].name
        return (answers.get(source, {}).get("says") == skip.says) != skip.unless

    def _sources(self, place):
        """Return the pages that may skip a place: those before it in the tree that are no alternative to it.

        None of them where a scaffold in which the actions decide would lose one that they may choose.
        """
        leftmost = place
        while leftmost.parent and leftmost.parent.order != CHOICE and leftmost.parent.children[0] is leftmost:
            leftmost = leftmost.parent
        if leftmost.parent is None or leftmost.parent.order == CHOICE:
            return []
        order = list(place.path[0].everything())
        before = [page for page in order[: order.index(place)] if page.is_page]
        return [page for page in before if common(page, place).order != CHOICE]

    def url(self, name, item=1, task=None):
        kwargs = {"item": item} if self.root.parameters else {}
        return reverse(f"flows:{name}", kwargs=kwargs) + (f"?_t={task}" if task else "")

    def _place(self, node, parent):
        name = f"{parent.name}/{node.name}" if parent else node.name
        place = Place(name, node.order, parent=parent)
        place.should_skip = lambda answers: self.skips(answers, place)
        is_alternative = any(level.order == CHOICE for level in place.path[:-1])
        place.has_complete = parent is None or bool(node.children and node.has_complete)
        # What follows in a scaffold where the actions decide, should complete() lead away, no rule says.
        place.has_redirect = place.has_complete and node.has_thanks and not is_alternative
        place.children = [self._place(child, place) for child in node.children]
        return place

    def _note_nodes(self, node, prefix):
        self.nodes[prefix + node.name] = node
        for child in node.children:
            self._note_nodes(child, f"{prefix}{node.name}/")

    def targets(self, place):
        """Return what the action at a place may end in: COMPLETE, and the places that it may name."""
        reachable = [level for each in reversed(place.path[1:]) for level in each.parent.children]
        named = list(self.nodes.values())
        found = [route_model.COMPLETE]
        for target in self.places.values():
            node = self.nodes[target.name]
            if target in reachable:  # of equal ones the nearest is meant
                is_meant = next(each for each in reachable if self.nodes[each.name] == node) is target
            else:
                is_below = target not in place.path and target.parent is not None
                is_meant = is_below and named.count(node) == 1
            if is_meant and target not in place.path[:-1] and is_clear(place, target):
                found.append(target)
        return found

    def ends_in(self, place, says, number):
        """Return what the action at a place ends in, as the model has it."""
        ends = {REDIRECTS: REDIRECT, LEAVES: LEAVE, REFUSES: REFUSED}
        targets = self.targets(place)
        return ends.get(says) or targets[int(number) % len(targets)]

    def component(self, place):
        """Return the class at a place of the model."""
        return self._classes[self.nodes[place.name]]

    def _make(self, node):
        if node not in self._classes:
            transition = {LINEAR: Linear(), ANY_ORDER: AnyOrder()}.get(node.order)
            bases, attributes = (Scaffold,), {"transition": transition}
            attributes["action_set"] = [self._make(child) for child in node.children]
            if node.name == "walk" or node.has_complete:
                attributes["complete"] = _complete
            if not node.children:
                bases, attributes = (Action,), {"form_class": AnswerForm, "form_valid": _form_valid}
            attributes |= {"tree": self, "node": node, "name": node.name, "should_skip": _should_skip}
            attributes["guarantee"] = node.guarantee
            if node.url is not None:
                # By the height: another one for each component of a path.
                attributes["url"] = node.url.format(name=node.name, argument=f"x{node.height}")
            self._classes[node] = type(f"{node.name.title()}{len(self._classes)}", bases, attributes)
        return self._classes[node]


def common(one, other):
    """Return the scaffold that holds both places."""
    return [level for level in one.path if level in other.path][-1]


def is_clear(place, target):
    """Return whether it is clear what follows where an action names a place.

    It is not where the first page of the target depends on a choice, or where what is left in between has an order of
    its own, and something to be done behind the action.
    """
    if any(level.order == CHOICE and len(level.children) > 1 for level in target.everything()):
        return False
    group = common(place, target)
    if group is place:  # itself
        return True
    if any(level.order == CHOICE for level in target.path[len(group.path) : -1]):
        return False
    between = place.path[len(group.path) : -1]
    if group.order == CHOICE:
        return all(level.order == CHOICE for level in between) or all(
            level.order == LINEAR and level.children[-1] in place.path for level in between
        )
    return len({level.order == CHOICE for level in between}) < 2


def _should_skip(self):
    return self.tree.skips(self.answers, self.position)


def _form_valid(self, form):
    says, leads = form.cleaned_data["says"], form.cleaned_data["leads"]
    self.tree.ran.append(Run(self.task.id, self.position, dict(self.answers), self.kwargs.get("item")))
    ends_in = self.tree.ends_in(self.tree.places[self.position.name], says, leads)
    if ends_in == REFUSED:
        form.add_error("says", "Not this.")
        return self.form_invalid(form)
    if ends_in == LEAVE:
        return self.leave(BANK)
    if ends_in == REDIRECT:
        return HttpResponseRedirect(AWAY)
    return COMPLETE if ends_in == route_model.COMPLETE else self.tree.component(ends_in)


def _complete(self):
    self.tree.completions.append(Completion(self.task.id, self.position, dict(self.answers)))
    place = self.tree.places[self.position.name]
    if place.has_redirect:
        return HttpResponseRedirect(INNER if place.parent else THANKS)
    return None
