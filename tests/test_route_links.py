"""Where a component may lead and link to, and flows that are begun with answers."""

import pytest
from django import forms
from django.http import HttpResponse
from django.urls import path

from flows.components import Action, Scaffold
from flows.exceptions import InvalidTarget
from flows.transitions import Linear

from tests.route_pages import Page, Told, Walker, completions, effects, give_template, serve, walk, warnings
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db


class Linking(Page):
    """Links to pages where the query string asks for it."""

    def links(self):
        targets = (Start, Group, Deep, Deeper, Shared, Last) if "links" in self.request.GET else ()
        return {target.__name__: self.link_to(target) for target in targets}

    def get_context_data(self, **kwargs):
        return super().get_context_data(links=self.links(), **kwargs)


class Shared(Page):
    """Stands in several places."""


class Start(Linking):
    ends = {
        "group": lambda page: Group,
        "send": lambda page: page.send_to(Deep, query={"from": "start"}),
        "far": lambda page: Last,
        "send far": lambda page: page.send_to(Last),
        "outside": lambda page: Outside,
        "link outside": lambda page: page.leave(page.link_to(Outside)),
        "send outside": lambda page: page.send_to(Outside),
    }


class Hidden(Page):
    def should_skip(self):
        return True


class Deep(Linking):
    pass


class Deeper(Page):
    pass


class Deepest(Scaffold):
    action_set = [Deeper]


class Group(Scaffold):
    action_set = [Hidden, Deep, Deepest, Shared]
    transition = Linear()


class Last(Page):
    pass


class Reaching(Told):
    action_set = [Start, Group, Shared, Last]


class Outside(Page):
    pass


def links(walker):
    """Return where the page that the visitor is on links to, as names of pages."""
    walker.open(walker.url + "&links=yes")
    ending = f"/?_t={walker.task_id}"
    found = walker.response.context["links"].items()
    return {name: url.removeprefix("/reaching/").removesuffix(ending) for name, url in found}


# What can be reached


def test_a_link_may_lead_to_a_sibling_and_down_into_it(settings):
    assert links(walk(settings, Reaching)) == {
        "Start": "start",
        "Group": "group/deep",
        "Deep": "group/deep",
        "Deeper": "group/deepest/deeper",
        "Shared": "shared",
        "Last": "last",
    }


def test_of_a_component_that_stands_in_several_places_the_nearest_is_meant(settings):
    walker = walk(settings, Reaching, "one")
    assert walker.at == "group/deep"
    assert links(walker) == {
        "Start": "start",
        "Group": "group/deep",
        "Deep": "group/deep",
        "Deeper": "group/deepest/deeper",
        "Shared": "group/shared",
        "Last": "last",
    }


@pytest.mark.parametrize("end", ["outside", "link outside", "send outside"])
def test_what_cannot_be_reached_is_refused_with_a_list_of_what_can(settings, end):
    walker = walk(settings, Reaching)
    with pytest.raises(InvalidTarget) as error:
        walker.say(end)
    before, _, names = str(error.value).partition(" From there one may go to: ")
    assert before == "Outside cannot be reached from 'reaching/start'."
    everything = ["Deep", "Deeper", "Deepest", "Group", "Hidden", "Last", "Shared", "Start"]
    assert sorted(names.removesuffix(".").split(", ")) == everything


def test_an_outcome_that_names_a_group_leads_to_its_first_page_that_counts(settings):
    assert walk(settings, Reaching, "group").at == "group/deep"


def test_send_to_what_comes_next_leads_there_with_its_query(settings):
    walker = walk(settings, Reaching, "send")
    assert walker.url == f"/reaching/group/deep/?from=start&_t={walker.task_id}"
    assert walker.say("two") == "group/deepest/deeper"
    assert walker.said == "start=send deep=two"


@pytest.mark.parametrize("end", ["far", "send far"])
def test_an_outcome_that_names_what_is_not_open_leads_to_what_is_and_is_warned_of_in_debug(settings, caplog, end):
    settings.DEBUG = True
    walker = walk(settings, Reaching, end)
    assert walker.at == "group/deep"
    (warning,) = warnings(caplog)
    assert "Start" in warning
    assert "Last" in warning


@pytest.mark.parametrize("end", ["group", "send", "plain"])
def test_an_outcome_that_names_what_is_open_is_not_warned_of(settings, caplog, end):
    settings.DEBUG = True
    assert walk(settings, Reaching, end).at == "group/deep"
    assert warnings(caplog) == []


def test_an_outcome_that_names_what_is_not_open_is_not_warned_of_where_debug_is_off(settings, caplog):
    assert walk(settings, Reaching, "far").at == "group/deep"
    assert warnings(caplog) == []


# Links in templates


def show(settings, text):
    """Return what a template shows on a page of a flow, without the id of the task."""
    give_template(settings, "linking.html", "{% load flows %}" + text)

    class Templated(Page):
        template_name = "linking.html"

    class Showing(Scaffold):
        name = "reaching"
        action_set = [Templated, Group, Last]
        transition = Linear()

    walker = walk(settings, Showing)
    return walker.text.replace(walker.task_id, "ID")


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("last", "last"),
        ("group", "group/deep"),
        ("deeper", "group/deepest/deeper"),
        ("reaching/group/deepest/deeper", "group/deepest/deeper"),
        ("reaching/group/deepest", "group/deepest/deeper"),
    ],
)
def test_a_template_links_to_a_page_by_its_name_or_its_position(settings, name, place):
    assert show(settings, f'{{% link_to "{name}" %}}') == f"/reaching/{place}/?_t=ID"


def test_a_link_in_a_template_may_be_kept_in_a_variable(settings):
    assert show(settings, '{% link_to "last" as url %}<a href="{{ url }}">') == '<a href="/reaching/last/?_t=ID">'


def test_a_link_in_a_template_to_what_cannot_be_reached_says_so(settings):
    with pytest.raises(InvalidTarget, match="nowhere"):
        show(settings, '{% link_to "nowhere" %}')


# Flows that are begun with answers


class AmountForm(forms.Form):
    amount = forms.IntegerField(min_value=1)


class Amount(Action):
    form_class = AmountForm


class Begun(Told):
    class Start(Page):
        pass

    action_set = [Start, Amount, Last]


def begin(settings, answers):
    """Return a visitor who follows a link to a flow that is begun with answers."""

    def link(request):
        return HttpResponse(handler.flow_entry_link(request, Begun, initial_answers=answers))

    handler = serve(settings, Begun, path("link/", link))
    walker = Walker(Begun)
    walker.open(walker.client.get("/link/").content.decode())
    walker.first = walker.url
    return walker


def test_initial_answers_that_the_form_accepts_are_answers(settings):
    walker = begin(settings, {Begun.Start: {"says": "one"}})
    assert walker.go() == "amount"
    assert walker.response.context["answers"][Begun.Start] == {"says": "one"}
    assert effects() == []


def test_a_page_with_initial_answers_shows_them_and_can_be_changed(settings):
    walker = begin(settings, {Begun.Start: {"says": "one"}})
    assert walker.go("start") == "start"
    assert 'value="one"' in walker.text
    assert walker.say("uno") == "amount"
    assert walker.said == "start=uno"


def test_initial_answers_are_cleaned_by_the_form(settings):
    walker = begin(settings, {Begun.Start: {"says": "one"}, Amount: {"amount": "3"}})
    assert walker.go() == "last"
    assert walker.response.context["answers"][Amount] == {"amount": 3}


@pytest.mark.parametrize("amount", ["0", "many", ""])
def test_initial_answers_that_the_form_refuses_are_asked(settings, amount):
    walker = begin(settings, {Begun.Start: {"says": "one"}, Amount: {"amount": amount}})
    assert walker.go() == "amount"
    assert walker.go("last") == "amount"
    walker.submit(amount="5")
    assert walker.at == "last"


def test_initial_answers_of_a_later_page_wait_until_the_route_reaches_it(settings):
    walker = begin(settings, {Last: {"says": "three"}})
    assert walker.go("last") == "start"
    assert walker.said == ""
    walker.say("one")
    walker.submit(amount="2")
    assert completions("begun") == ["start=one amount=None last=three"]


def test_a_task_that_was_begun_with_answers_is_its_visitors_own(settings):
    walker = begin(settings, {Begun.Start: {"says": "one"}})
    assert Visitor().open(walker.url).status_code == 404
