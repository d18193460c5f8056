"""What holds of the places of any tree: their names and routes, the way between them, the links from one to another."""

import re
import uuid
from dataclasses import replace
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from django.test import RequestFactory, override_settings
from django.urls import clear_url_caches, resolve, reverse
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flows.components import Action
from flows.engine.visit import Visit
from flows.exceptions import DefinitionError, InvalidTarget
from flows.journey.links import Links
from flows.journey.route import Route
from flows.journey.task import Task
from flows.serializing import codec

from tests.random_trees import Node, Tree, flows, routed_flows

WORDS = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="/"), min_size=1)
ARGUMENTS = {
    "int": st.integers(0, 10**20),
    "slug": st.from_regex(r"[-a-zA-Z0-9_]+", fullmatch=True),
    "str": WORDS,
    "uuid": st.uuids(),
    "path": st.lists(WORDS, min_size=1).map("/".join),
}
#: Of each, a value that is in no narrower one.
SAMPLES = {"int": 7, "slug": "q-w", "uuid": uuid.UUID(int=2**127), "str": "q w"}
ARGUMENT = re.compile(r"<(\w+):(\w+)>")
PLAIN = "{name}/"
SEGMENTS = [f"{{name}}{between}<{kind}:{{argument}}>/" for between in "/-" for kind in ("int", "slug", "str", "uuid")]
#: In these no URL matches two routes: each sibling begins with its name, and what takes many segments comes last.
CLEAR = routed_flows(
    st.sampled_from([PLAIN, *SEGMENTS]), st.sampled_from([PLAIN, *SEGMENTS, "{name}/<path:{argument}>"])
)
#: In these one may. Not with paths: two other routes together may take all URLs of one.
CROWDED = st.sampled_from(["", PLAIN, "a/", *(f"<{kind}:{{argument}}>/" for kind in SAMPLES)])
pytestmark = pytest.mark.slow  # as each looks at a hundred trees

fast = settings(deadline=None, max_examples=100)


class Stranger(Action):
    pass


@pytest.fixture(autouse=True, scope="module")
def _forget_urls():
    yield
    clear_url_caches()


def places(root):
    yield root
    for child in root.children:
        yield from places(child)


def ahead_of(place):
    """Return where one may go from a place, nearest first: what stands in it, beside it, and beside what it is in.

    Then what stands below those.
    """
    beside = beside_of(place)
    below = [there for each in beside if each not in place.path for there in places(each) if there is not each]
    return [*beside, *below]


def beside_of(place):
    return [there for level in reversed(place.path) for there in level.children]


# Names and ways


@fast
@given(flows())
def test_a_place_is_named_by_the_way_to_it_and_no_other_is_named_so(node):
    tree = list(places(Tree(node).root))
    assert len({place.name for place in tree}) == len(tree)
    for place in tree:
        assert place.name == "/".join(level.component.name for level in place.path)
        assert place.route == "".join(level.component.url for level in place.path)


@fast
@given(flows())
def test_a_place_is_the_child_of_its_parent_and_the_end_of_its_path(node):
    root = Tree(node).root
    assert (root.parent, root.path) == (None, (root,))
    for place in places(root):
        assert place.root is root
        for child in place.children:
            assert child.parent is place
            assert child.path == (*place.path, child)
            assert place.child(child.component) is child
        assert place.is_action == (not place.children)
        assert list(place.actions()) == [there for there in places(place) if not there.children]
        assert all(place.actions_by_name[action.name] is action for action in place.actions())
        with pytest.raises(InvalidTarget):
            place.child(place.component)


@fast
@given(flows())
def test_from_a_place_one_finds_the_nearest_and_nothing_else(node):
    root = Tree(node).root
    for place in places(root):
        for component in {*(there.component for there in places(root)), Stranger}:
            near = [there for there in ahead_of(place) if there.component is component]
            everywhere = [there for there in root.actions() if there.component is component]
            assert near[:1] == found(place.find, component)
            beside = [there for there in beside_of(place) if there.component is component]
            assert (beside[:1] or everywhere * (len(everywhere) == 1)) == found(place.nearest, component)


def found(search, component):
    try:
        return [search(component)]
    except InvalidTarget:
        return []


@fast
@given(flows())
def test_what_cannot_be_found_is_answered_with_what_can(node):
    for place in places(Tree(node).root):
        with pytest.raises(InvalidTarget) as caught:
            place.find(Stranger)
        names = list(dict.fromkeys(there.component.__name__ for there in ahead_of(place)))
        assert str(caught.value).endswith(f"From there one may go to: {', '.join(names)}.")


# Routes


def arguments(draw, route):
    return {name: draw(ARGUMENTS[kind]) for kind, name in ARGUMENT.findall(route)}


@fast
@given(CLEAR, st.sampled_from(["", "shop/", "<slug:tenant>/", "<int:year>/<path:tenant>/in/"]), st.data())
def test_every_page_has_a_url_that_leads_to_it(node, prefix, data):
    tree = Tree(node)
    urlconf = tree.urls_under(prefix)
    for page in tree.pages:
        kwargs = arguments(data.draw, prefix + page.route)
        match = resolve(unquote(reverse(f"flows:{page.name}", urlconf, kwargs=kwargs)), urlconf)
        assert match.func.position is page
        assert match.kwargs == kwargs
    first = tree.pages[0]
    kwargs = arguments(data.draw, prefix + first.route)
    assert reverse("flows:walk", urlconf, kwargs=kwargs) == reverse(f"flows:{first.name}", urlconf, kwargs=kwargs)


@fast
@given(CLEAR, st.integers(0, 20), st.data())
def test_a_page_with_the_route_of_another_is_refused(node, number, data):
    tree = Tree(node)
    page = tree.pages[number % len(tree.pages)]
    route = re.sub(r":(\w+)>", r":other_\1>", page.route.removeprefix(tree.root.route))
    twin = Node("twin", url=route)
    children = data.draw(st.permutations([*node.children, twin]))
    with pytest.raises(DefinitionError) as caught:
        Tree(replace(node, children=tuple(children)))
    assert f"'{page.name}'" in str(caught.value)
    assert "'walk/twin'" in str(caught.value)
    assert "have the same route" in str(caught.value)


@fast
@given(routed_flows(CROWDED, CROWDED))
def test_every_page_is_reached_in_every_tree_that_is_not_refused(node):
    try:
        tree = Tree(node)
    except DefinitionError:
        assume(False)
    for page in tree.pages:
        kwargs = {name: SAMPLES[kind] for kind, name in ARGUMENT.findall(page.route)}
        url = unquote(reverse(f"flows:{page.name}", tree.urlconf, kwargs=kwargs))
        assert resolve(url, tree.urlconf).func.position is page


# Pages for one visitor


def visit_at(tree, page, answers):
    task = Task.begin("0" * 32, "flows:walk", codec, kwargs={"item": 1})
    for name, said in answers.items():
        task.remember(name, {"says": said})
        task.mark_answered(name)
    task.keep_route(Route(tuple(answers)))
    request = RequestFactory().get(tree.url(page.name))
    return Visit(request, page, task, Links(request, page), None, (), {})


ANSWERED = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=4, max_size=4)


def answers_of(tree, answered):
    """Return what is said at the first pages, which are those that skip others."""
    return {page.name: said for page, said in zip(tree.pages, answered, strict=False) if said}


def first_page(tree, answers, place):
    said = {name: {"says": answer} for name, answer in answers.items()}
    for page in place.actions():
        if not any(tree.skips(said, level) for level in page.path[len(place.path) - 1 :]):
            return page
    return None


@fast
@given(flows(), ANSWERED)
def test_the_first_page_of_a_place_is_its_first_that_is_not_skipped(node, answered):
    tree = Tree(node)
    answers = answers_of(tree, answered)
    with override_settings(ROOT_URLCONF=tree.urlconf):
        visit = visit_at(tree, tree.pages[0], answers)
        for place in places(tree.root):
            assert visit.get_first_page(place) is first_page(tree, answers, place)


@fast
@given(flows(), ANSWERED, st.integers(0, 20))
def test_a_link_leads_to_the_first_page_of_what_is_nearest_or_is_refused(node, answered, number):
    tree = Tree(node)
    page, answers = tree.pages[number % len(tree.pages)], answers_of(tree, answered)
    with override_settings(ROOT_URLCONF=tree.urlconf):
        visit = visit_at(tree, page, answers)
        for component in {*(place.component for place in places(tree.root)), Stranger}:
            near = next((place for place in ahead_of(page) if place.component is component), None)
            target = near if near is None or near.is_action else first_page(tree, answers, near)
            if target is None:
                with pytest.raises(InvalidTarget):
                    visit.component(page).link_to(component)
            else:
                url = urlsplit(visit.component(page).link_to(component, {"a": "b"}))
                assert resolve(url.path).func.position is target
                assert parse_qs(url.query) == {"a": ["b"], "_t": ["0" * 32]}
