"""The rules of the route, written a second time: plain, slow, and without a line of the library.

`walk` takes what is known of a task (what was said, chosen and completed) and gives the route, what may be entered
beside it, what is due and where the visitor is. `Journey` changes what is known as a POST does. Nothing is cached:
each question walks the whole tree.

Where the rules can be read in two ways, this is what is held here:

- What comes out of a child of a scaffold without transition puts it on the way: after the last child if that one may be
  followed by any, else as the first. Until something comes out of it, it may be entered, and does not count.
- The visitor goes on in the innermost scaffold of the page they sent in which something is open.
- While the way is one child long, its siblings may be entered, even where that child completed the scaffold.
- What a child came to is what the last page on its route said; not before it has nothing open.
- The siblings of a way that completed its scaffold are no place where the visitor is: that is at the end of the walk.
- A redirect, a page that leaves and one that is refused complete nothing in the same POST, inner scaffolds included.
- complete() of an inner scaffold that answers with a redirect ends the POST. What else is due waits for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

LINEAR, CHOICE, ANY_ORDER = "linear", "choice", "any order"
#: What a page may end in, but for the place that it names.
COMPLETE, REDIRECT, LEAVE, REFUSED = "complete", "redirect", "leave", "refused"


@dataclass(eq=False)
class Place:
    """One place of a tree; a page where it has no order."""

    name: str
    order: str | None = None
    #: Whether complete() is the scaffold's own, and whether that answers with a redirect.
    has_complete: bool = False
    has_redirect: bool = False
    #: Given the answers by name, whether this place is skipped.
    should_skip: Callable[[dict[str, Any]], bool] = lambda answers: False
    parent: Place | None = None
    children: list[Place] = field(default_factory=list)

    def add(self, *children: Place) -> Place:
        for child in children:
            child.parent = self
            self.children.append(child)
        return self

    @property
    def path(self) -> list[Place]:
        return [*self.parent.path, self] if self.parent else [self]

    @property
    def is_page(self) -> bool:
        return self.order is None

    def everything(self) -> Iterator[Place]:
        yield self
        for child in self.children:
            yield from child.everything()

    def pages(self) -> list[Place]:
        return [place for place in self.everything() if place.is_page]

    def __repr__(self) -> str:
        return self.name


@dataclass
class Facts:
    """What is kept of a task."""

    said: dict[Place, Any] = field(default_factory=dict)
    #: Pages with answers that are open all the same.
    reopened: set[Place] = field(default_factory=set)
    #: By page, what it ended in when it was answered: COMPLETE, REDIRECT or the place that it named.
    ended_in: dict[Place, Any] = field(default_factory=dict)
    #: By scaffold without transition, the child with which its way begins.
    first: dict[Place, Place] = field(default_factory=dict)
    #: By child that any sibling might follow, the one that did.
    followed: dict[Place, Place] = field(default_factory=dict)
    #: Scaffolds whose complete() ran, and nothing in them was changed since.
    completed: set[Place] = field(default_factory=set)

    def is_done(self, page: Place) -> bool:
        return page in self.said and page not in self.reopened


@dataclass
class Part:
    """What the walk of one place came to. Not complete: it is open, waits for a choice, or is due."""

    is_complete: bool
    #: What its last page ended in; None as long as that decides nothing.
    came_to: Any = None
    #: What may be entered where the walk came to a stop for want of a choice.
    frontier: list[Place] = field(default_factory=list)


@dataclass
class Reached:
    """How far the walk came in one scaffold."""

    is_complete: bool
    walked: list[Place]  # children, in the order of the walk
    may_be_followed: bool = False  # by any sibling, after the last of the way


class Walk:
    """One walk through a tree: see `walk`."""

    def __init__(self, root: Place, facts: Facts) -> None:
        self.root, self.facts = root, facts
        #: The pages on the route, in order.
        self.places: list[Place] = []
        #: By page that may be entered beside the route: the page that stands before its group.
        self.enterable: dict[Place, Place | None] = {}
        self.due: list[Place] = []
        self.reached: dict[Place, Reached] = {}
        self.parts: dict[Place, Part] = {}
        #: The scaffolds that the walk came through, without those that may only be entered.
        self.walked: list[Place] = []
        self.frontier = self._walk(root).frontier

    # Questions

    @property
    def open(self) -> list[Place]:
        """The pages on the route that have to be answered."""
        return [page for page in self.places if not self.facts.is_done(page)]

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left but complete() of the root."""
        return self.root in self.due

    @property
    def shows_button(self) -> bool:
        """Whether the last place on the route shows the page with one button."""
        return bool(self.due and not self.open)

    def lets_in(self, page: Place) -> bool:
        return page in self.places or page in self.enterable

    def where(self, last_seen: Place | None = None) -> Place:
        """Return where the visitor is."""
        if last_seen in [*self.open, *self.frontier]:
            return last_seen
        for candidates in (self.open, self.frontier):
            waiting = [page for page in candidates if not self.facts.is_done(page)]
            if candidates:
                return (waiting or candidates)[0]
        return self.places[-1]

    def back_from(self, page: Place) -> Place | None:
        if page in self.places:
            return self.before(page)[-1] if self.before(page) else None
        group = next(level for level in reversed(page.path) if level in self.walked)
        inside = [other for other in self.places if group in other.path]
        return inside[-1] if inside else self.enterable[page]

    def before(self, page: Place) -> list[Place]:
        return self.places[: self.places.index(page)] if page in self.places else []

    def answers(self, place: Place) -> dict[str, Any]:
        """Return what a component at a place sees, by name: what is on the route, and what is its own.

        From a place that may only be entered, also what was said in the same alternative.
        """
        said, beside = self.facts.said, list[Place]()
        if place not in self.places and place not in self.walked:
            alternative = next((level for level in reversed(place.path[1:]) if level.parent in self.walked), place)
            beside = [page for page in self.enterable if alternative in page.path]
        return {page.name: said[page] for page in said if page in [*self.places, *beside, place]}

    def first_page(self, place: Place) -> Place | None:
        """Return the page that a component means as a target: on the route, else to be entered, else that counts."""
        for known in (self.places, self.enterable):
            if pages := [page for page in known if place in page.path]:
                return pages[0]
        return next((page for page in place.pages() if self._counts_below(page, place)), None)

    def _counts_below(self, page: Place, place: Place) -> bool:
        answers = self._seen()
        return not any(level.should_skip(answers) for level in page.path[len(place.path) - 1 :])

    # The walk

    def _seen(self) -> dict[str, Any]:
        return {page.name: self.facts.said[page] for page in self.places if page in self.facts.said}

    def _counts(self, place: Place) -> bool:
        """Return whether a place is not skipped, and has a page that is not, by what stands before."""
        if place.should_skip(self._seen()):
            return False
        return place.is_page or any(map(self._counts, place.children))

    def _walk(self, place: Place) -> Part:
        self.parts[place] = part = self._walk_inside(place)
        self.walked += [] if place.is_page else [place]
        return part

    def _walk_inside(self, place: Place) -> Part:
        if place.is_page:
            self.places.append(place)
            is_done = self.facts.is_done(place)
            return Part(is_done, self.facts.ended_in.get(place) if is_done else None)
        walks = {LINEAR: self._walk_in_order, ANY_ORDER: self._walk_in_any_order, CHOICE: self._walk_choices}
        part = walks[place.order](place)
        is_own = place.has_complete or place is self.root
        if part.is_complete and is_own and place not in self.facts.completed:
            self.due.append(place)
            part = Part(False)
        self.reached[place].is_complete = part.is_complete
        return part

    def _walk_in_order(self, scaffold: Place) -> Part:
        reached = self.reached[scaffold] = Reached(False, [])
        part = Part(True, COMPLETE)
        for child in scaffold.children:
            if self._counts(child):
                reached.walked.append(child)
                part = self._walk(child)
                if not part.is_complete:
                    return Part(False, None, part.frontier)
        # What a page names in here is where to go on, and the scaffold knows that itself.
        return Part(True, COMPLETE if _is_in(part.came_to, scaffold) else part.came_to)

    def _walk_in_any_order(self, scaffold: Place) -> Part:
        part = self._walk_in_order(scaffold)
        if part.is_complete:
            return part
        reached, before, frontier = self.reached[scaffold], self._last_before(scaffold), list(part.frontier)
        for child in scaffold.children:
            if child not in reached.walked and self._counts(child):
                frontier += self._try(child, before, is_kept_if_answered=True)
                if any(child in page.path for page in self.places):
                    reached.walked.append(child)
        return Part(False, None, frontier)

    def _walk_choices(self, scaffold: Place) -> Part:
        reached = self.reached[scaffold] = Reached(False, [])
        before, way, is_complete, frontier = self._last_before(scaffold), reached.walked, False, []
        said, child = None, self.facts.first.get(scaffold)
        while child and child not in way and self._counts(child):
            way.append(child)
            inner = self._walk(child)
            said = COMPLETE if _is_in(inner.came_to, child) else inner.came_to
            if _is_in(said, scaffold):
                child = said.path[len(scaffold.path)]
            elif not inner.is_complete:
                child, frontier = None, inner.frontier
            elif said == COMPLETE:
                child, is_complete = None, True
            else:  # a redirect, or what stands outside: any sibling may follow
                child = self.facts.followed.get(child)
                child = None if child in way else child
                reached.may_be_followed = child is None
        others = [child for child in scaffold.children if child not in way and self._counts(child)]
        is_complete = is_complete or (reached.may_be_followed and not others)
        if len(way) < 2 or reached.may_be_followed:
            for other in others:
                frontier = [*frontier, *self._try(other, before)]
        if is_complete:
            return Part(True, said)
        # What stands outside may be a choice there, even though this one is not made.
        is_outside = isinstance(said, Place) and scaffold not in said.path
        return Part(False, said if is_outside else None, frontier)

    def _last_before(self, scaffold: Place) -> Place | None:
        pages = [page for page in self.places if scaffold not in page.path]
        return pages[-1] if pages else None

    def _try(self, child: Place, before: Place | None, is_kept_if_answered: bool = False) -> list[Place]:
        """Walk a child beside the route, which may be entered, or is on the route if it is kept.

        Returns where the visitor may go on in it for want of a choice.
        """
        count, due, enterable, walked = len(self.places), list(self.due), dict(self.enterable), list(self.walked)
        part, pages = self._walk(child), self.places[count:]
        if is_kept_if_answered and any(map(self.facts.is_done, pages)):
            return part.frontier
        del self.places[count:]
        self.walked = walked
        found = [*pages, *(page for page in self.enterable if page not in enterable)]
        self.due, self.enterable = due, enterable | dict.fromkeys(found, before)
        return found


def walk(root: Place, facts: Facts) -> Walk:
    """Return the route of a task."""
    return Walk(root, facts)


def _is_in(said: Any, place: Place) -> bool:
    """Return whether what a page ended in is a place below another."""
    return isinstance(said, Place) and said is not place and place in said.path


@dataclass
class Outcome:
    """What a POST has to come to."""

    #: The pages one of which it leads to. Empty where the response is the page's own.
    leads: set[Place] = field(default_factory=set)
    #: REDIRECT, LEAVE or REFUSED; COMPLETE where a redirect of an inner complete() is the response.
    response: str | None = None
    #: The scaffolds whose complete() runs, in order, with the answers that it sees.
    completed: list[tuple[Place, dict[str, Any]]] = field(default_factory=list)
    #: Whether the root is complete: it has to be, must not be, or either (None).
    ends: bool | None = False


class Journey:
    """One task: what is known of it, and how a POST changes that."""

    def __init__(self, root: Place) -> None:
        self.root, self.facts = root, Facts()
        #: The pages that may have been seen last: it does not matter enough for a rule to say which in every case.
        self.last_seen: set[Place | None] = {None}

    @property
    def walk(self) -> Walk:
        return walk(self.root, self.facts)

    def where(self) -> set[Place]:
        """Return the pages where the visitor may be; one, but for what was seen last."""
        return {self.walk.where(seen) for seen in self.last_seen}

    def see(self, page: Place) -> None:
        """Note that a page was shown by a GET."""
        found = self.walk
        several = found.open or found.frontier
        self.last_seen = {page} if page in several and len(several) > 1 else {*self.last_seen, page}

    def post(self, page: Place, says: Any, ends_in: Any) -> Outcome:
        """Send a valid form from a page. It ends in COMPLETE, REDIRECT, LEAVE, REFUSED, or the place that it names."""
        facts, before = self.facts, self.walk
        was_done, was_last = facts.is_done(page), before.places[-1:] == [page]
        if facts.said.get(page) != says:
            self._undo_completion(page)
        facts.said[page] = says
        self.last_seen.add(page)
        if ends_in in (REFUSED, LEAVE):
            self._reopen(page)
            return Outcome(response=ends_in)
        facts.reopened.discard(page)
        kept = dict(facts.first), dict(facts.followed)
        is_new = self._put_on_the_way(page, before)
        named = ends_in if isinstance(ends_in, Place) else None
        if named and (back := self._leads_back(page, named)):
            facts.first, facts.followed = kept
            self._reopen(page)
            self._reopen(back)
            return self._go_on(page, back, can_end=False)
        is_new = is_new or facts.ended_in.get(page) != ends_in
        facts.ended_in[page] = ends_in
        if ends_in == REDIRECT:
            self._take_off_what_nothing_came_out_of(page, kept)
            return Outcome(response=REDIRECT)
        return self._go_on(page, named, is_new=is_new, can_end=not was_done, was_last=was_last, kept=kept)

    def press(self, page: Place) -> Outcome:
        """Press the button of the page with nothing but that."""
        return self._go_on(page, None, can_end=True)

    def _put_on_the_way(self, page: Place, before: Walk) -> bool:
        """Let a page that is answered choose, in each scaffold without transition, the child that holds it."""
        is_new = False
        for level in page.path[1:]:
            reached = before.reached.get(level.parent)
            if level.parent.order != CHOICE or (reached and level in reached.walked):
                continue
            is_new = True
            if reached and reached.walked and reached.may_be_followed:
                self.facts.followed[reached.walked[-1]] = level
            else:
                self.facts.first[level.parent] = level
        return is_new

    def _take_off_what_nothing_came_out_of(self, page: Place, kept: tuple[dict[Place, Place], ...]) -> None:
        """Put back the ways of scaffolds without transition where the child with the page came to nothing yet."""
        found = self.walk
        for level in page.path[1:]:
            if level.parent.order == CHOICE and level in found.parts and found.parts[level].came_to is None:
                for ways, earlier in zip((self.facts.first, self.facts.followed), kept, strict=True):
                    for key in [key for key in ways if ways[key] is level and earlier.get(key) is not level]:
                        ways.pop(key)
                        ways.update({key: earlier[key]} if key in earlier else {})

    def _leads_back(self, page: Place, named: Place) -> Place | None:
        """Return the page that is open again, where what was named does not stand behind the page on the route."""
        found = self.walk
        first = found.first_page(named)
        return first if first in [*found.before(page), page] else None

    def _reopen(self, page: Place) -> None:
        self.facts.reopened.add(page)
        self._undo_completion(page)

    def _undo_completion(self, page: Place) -> None:
        self.facts.completed -= set(page.path)

    def _go_on(
        self,
        page: Place,
        named: Place | None,
        *,
        can_end: bool,
        is_new: bool = False,
        was_last: bool = False,
        kept: tuple[dict[Place, Place], ...] = ({}, {}),
    ) -> Outcome:
        """Complete what is due, one after the other, and lead on."""
        outcome = Outcome()
        while inner := [scaffold for scaffold in self.walk.due if scaffold is not self.root]:
            outcome.completed.append((inner[0], self.walk.answers(inner[0])))
            self.facts.completed.add(inner[0])
            if inner[0].has_redirect:
                outcome.response = COMPLETE
                return outcome
        if kept != ({}, {}) or is_new:
            self._take_off_what_nothing_came_out_of(page, kept)
        found = self.walk
        if found.is_complete:
            is_last = found.places[-1] is page
            outcome.ends = can_end or (is_last if is_last is was_last else None)
        outcome.leads = self._leads(found, page, named, is_new)
        return outcome

    def _leads(self, found: Walk, page: Place, named: Place | None, is_new: bool) -> set[Place]:
        if named and (first := found.first_page(named)) and found.lets_in(first):
            chooses = _common(page, named).order == CHOICE
            if not self.facts.is_done(first) or (is_new and chooses):
                return {first}
        for level in reversed(page.path[:-1]):
            if level in found.parts and found.parts[level].is_complete:
                continue
            inside = [other for other in found.open if level in other.path]
            if not any(level in other.path for other in found.places):
                inside = [other for other in found.enterable if level in other.path and not self.facts.is_done(other)]
            if inside:
                return {inside[0]}
            waiting = [other for other in found.frontier if level in other.path and level in found.walked]
            if waiting:
                return {next((other for other in waiting if not self.facts.is_done(other)), waiting[0])}
        following = found.places[found.places.index(page) + 1 :] if page in found.places else []
        return {following[0]} if following else self.where()


def _common(one: Place, other: Place) -> Place:
    """Return the scaffold that holds both places, or the first itself."""
    return [level for level in one.path if level in other.path][-1]


@dataclass
class Step:
    """What ``flow.steps`` has to say of a place."""

    statuses: set[str]
    page: Place | None
    children: Steps


@dataclass
class Steps:
    """The steps on one level: those that have to be there, and those that may be."""

    must: dict[str, Step] = field(default_factory=dict)
    may: dict[str, Step] = field(default_factory=dict)


def steps(found: Walk, current: Place, scaffold: Place | None = None) -> Steps:
    """Return the steps that the page ``current`` shows, of what stands in a scaffold (the root)."""
    scaffold, result = scaffold or found.root, Steps()
    for child in scaffold.children:
        step = _step(found, current, child)
        rule = _choice_is_listed if scaffold.order == CHOICE else _is_listed
        is_listed = rule(found, current, child)
        if is_listed is not False:
            (result.may if is_listed is None else result.must)[child.name] = step
    return result


def _step(found: Walk, current: Place, place: Place) -> Step:
    known = [page for page in [*found.places, *found.enterable] if place in page.path]
    if place.is_page:
        children = Steps()
    elif place.order == CHOICE:
        # A choice is no step, but what it leads through is.
        inner, children = steps(found, current, place), Steps()
        for each, is_sure in [*((s, True) for s in inner.must.values()), *((s, False) for s in inner.may.values())]:
            (children.must if is_sure else children.may).update(each.children.must)
            children.may.update(each.children.may)
    else:
        children = steps(found, current, place)
    return Step(_statuses(found, current, place), known[0] if known else None, children)


def _statuses(found: Walk, current: Place, place: Place) -> set[str]:
    if place in current.path:
        return {"current"}
    on_route = [page for page in found.places if place in page.path]
    if not on_route:
        return {"upcoming"} if not any(place in page.path for page in found.enterable) else {"upcoming", "done"}
    if any(page in found.open for page in on_route):
        return {"upcoming"}
    is_complete = place.is_page or found.reached[place].is_complete
    return {"done"} if is_complete else {"upcoming", "done"}


def _is_listed(found: Walk, current: Place, child: Place) -> bool | None:
    """Return whether a child of an ordered scaffold is a step; None where the rules leave it open."""
    scaffold = child.parent
    known = [page for page in [*found.places, *found.enterable] if child in page.path]
    reached = found.reached.get(scaffold)
    if known or reached is None:
        return True
    siblings = scaffold.children
    walked = max((siblings.index(each) for each in reached.walked), default=-1)
    # What is due has been walked to its end.
    if reached.is_complete or scaffold in found.due or siblings.index(child) < walked:
        return False
    return None if scaffold.order == ANY_ORDER else True


def _choice_is_listed(found: Walk, current: Place, child: Place) -> bool | None:
    """Return whether a child of a scaffold without transition is a step: one that is chosen, or where one is."""
    if child in current.path:
        return True
    pages = [page for page in found.places if child in page.path]
    if not pages:
        return None if any(child in page.path for page in found.enterable) else False
    return None if "upcoming" in _statuses(found, current, child) else True
