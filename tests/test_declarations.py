"""What a class declares that cannot work is refused; what is probably not meant is told of."""

import functools

import pytest
from django import forms
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin, UserPassesTestMixin
from django.contrib.messages.views import SuccessMessageMixin
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property, classproperty
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.generic import CreateView, DetailView, FormView, RedirectView, TemplateView, UpdateView, View
from django.views.generic.detail import SingleObjectMixin

from flows.components import Action, Scaffold
from flows.exceptions import DefinitionError
from flows.http.definition import check_flow, find_doubts
from flows.preconditions import LoginRequired
from flows.transitions import Linear

from tests.testapp.flows import NameForm
from tests.testapp.models import Item

NameFormSet = forms.formset_factory(NameForm)
ItemFormSet = forms.modelformset_factory(Item, fields=["name"])
ItemForm = forms.modelform_factory(Item, fields=["name"])


class Page(Action):
    pass


def action(*mixins, **attributes):
    return type("Faulty", (*mixins, Action), attributes)


def scaffold(*mixins, **attributes):
    return type("Faulty", (*mixins, Scaffold), {"action_set": [Page], **attributes})


def refused(component):
    with pytest.raises(DefinitionError) as error:
        check_flow(type("Shop", (Scaffold,), {"action_set": [component]}))
    return str(error.value)


def method(self, *args):
    """Stands for any that a project writes."""


async def coroutine(self, *args):
    """Stands for any that a project writes."""


class Logged:
    def prepare(self):
        """Write down who was here."""


# What a scaffold has no use for


class Guarded(LoginRequiredMixin):
    """As a project has for all its views."""


@pytest.mark.parametrize(
    ("mixins", "name", "source"),
    [
        ([LoginRequiredMixin], "dispatch", "LoginRequiredMixin"),
        ([PermissionRequiredMixin], "dispatch", "PermissionRequiredMixin"),
        ([UserPassesTestMixin], "dispatch", "UserPassesTestMixin"),
        ([Guarded], "dispatch", "LoginRequiredMixin"),
        ([TemplateView], "get", "TemplateView"),
        ([RedirectView], "get", "RedirectView"),
    ],
)
def test_a_view_mixin_on_a_scaffold_is_refused(mixins, name, source):
    assert refused(scaffold(*mixins)) == (
        f"Faulty has {name} from {source}, without effect, as a Scaffold is no view. "
        "Use preconditions = [LoginRequired()] or the like, or put it on its actions."
    )


@pytest.mark.parametrize("name", ["dispatch", "setup", "get", "post", "delete", "as_view"])
def test_a_scaffold_that_handles_requests_is_refused(name):
    assert refused(scaffold(**{name: method})) == (
        f"Faulty has {name}, without effect, as a Scaffold is no view. "
        "Use preconditions = [LoginRequired()] or the like, or put it on its actions."
    )


def test_a_mixin_behind_a_scaffold_is_refused_as_one_before_it():
    behind = type("Faulty", (Scaffold, LoginRequiredMixin), {"action_set": [Page]})
    assert refused(behind) == refused(scaffold(LoginRequiredMixin))


@pytest.mark.parametrize(
    "name",
    ["form_class", "template_name", "initial", "form_valid", "get_form_kwargs", "get_context_data", "success_url"],
)
def test_a_scaffold_with_what_belongs_to_a_page_is_refused(name):
    assert refused(scaffold(**{name: method})) == (
        f"Faulty has {name}, without effect, as a Scaffold is no view. Put it on its actions."
    )


def test_a_mixin_of_what_belongs_to_a_page_is_refused_on_a_scaffold():
    for mixin, name in ((SuccessMessageMixin, "form_valid"), (SingleObjectMixin, "get_context_data")):
        assert refused(scaffold(mixin)) == (
            f"Faulty has {name} from {mixin.__name__}, without effect, as a Scaffold is no view. Put it on its actions."
        )


@pytest.mark.parametrize("decorator", [never_cache, login_not_required])
def test_django_refuses_to_decorate_the_dispatch_of_a_scaffold(decorator):
    with pytest.raises(ValueError, match="must be the name of a method of the decorated class"):
        method_decorator(decorator, name="dispatch")(scaffold())


def test_a_mixin_of_hooks_has_its_effect_on_both_kinds():
    check_flow(scaffold(Logged, action_set=[action(Logged, LoginRequiredMixin, name="page")]))


@pytest.mark.parametrize(
    ("kind", "mixin", "name"),
    [(Action, Logged, "prepare"), (Scaffold, Logged, "prepare"), (Action, Guarded, "dispatch")],
)
def test_a_mixin_behind_the_component_that_it_should_change_is_refused(kind, mixin, name):
    faulty = type("Faulty", (kind, mixin), {"action_set": [Page]} if kind is Scaffold else {})
    source = "LoginRequiredMixin" if mixin is Guarded else "Logged"
    assert refused(faulty) == (
        f"Faulty has {name} from {source}, without effect, as {kind.__name__} stands before it and has its own. "
        f"Put {source} before {kind.__name__}."
    )


class Mailing(FormView):
    """A view that a project has already."""

    def form_valid(self, form):
        """Write a mail."""


class Titled(View):
    title = "Ours"


class Shown(FormView):
    """Adds to what the methods of an action do, which call it."""

    template_name_suffix = "_form"

    def dispatch(self, request, *args, **kwargs):
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs)

    def get_form_kwargs(self):
        return super().get_form_kwargs()


@pytest.mark.parametrize(
    ("view", "name", "source"),
    [
        (Mailing, "form_valid", "Mailing"),
        (Titled, "title", "Titled"),
        (type("Derived", (Mailing,), {}), "form_valid", "Mailing"),
        (UpdateView, "post", "BaseUpdateView"),
    ],
)
def test_a_view_behind_the_action_that_it_should_change_is_refused(view, name, source):
    faulty = type("Faulty", (Action, view), {})
    for made in (faulty, type("Faulty", (faulty,), {})):
        assert refused(made) == (
            f"Faulty has {name} from {source}, without effect, as Action stands before it and has its own. "
            f"Put {source} before Action."
        )


@pytest.mark.parametrize("view", [Shown, View, FormView, TemplateView, SingleObjectMixin, DetailView])
def test_a_view_behind_an_action_may_have_what_is_called_there(view):
    check_flow(type("Page", (Action, view), {}))


# What an action has no use for


def test_an_action_with_what_belongs_to_a_scaffold_is_refused():
    assert refused(action(transition=Linear())) == "Faulty is an Action and has a transition. Move it to its scaffold."
    assert refused(action(complete=method)) == (
        "Faulty is an Action and has a complete(). Move it to its scaffold, or into form_valid()."
    )
    check_flow(action(transition=None))


# What is read from the class

REMEDIES = {
    "name": "Make it a text.",
    "url": "Make it a path() route, with an argument for what differs.",
    "title": "Make it a text, and put what depends on the visitor into get_context_data() and the template.",
    "preconditions": "Make it a list of callables, which are given the component.",
    "skip_on_back": "Make it True or False.",
    "guarantee": "Make it 'transaction', 'claim' or 'retry', or None for the default of the state store.",
    "action_set": "Make it a list of components, and leave out by their should_skip() what is not for a visitor.",
    "transition": "Make it an instance of a Transition, whose methods are given the scaffold.",
}


@pytest.mark.parametrize("name", REMEDIES)
@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (property, "property"),
        (cached_property, "cached_property"),
        (functools.cached_property, "cached_property"),
        (lambda method: method, "function"),
        (classmethod, "method"),
    ],
    ids=["property", "cached_property", "functools", "function", "classmethod"],
)
def test_what_is_read_from_the_class_cannot_be_computed_for_a_visitor(name, make, kind):
    sentence = f"Faulty.{name} is a {kind}, and it is read from the class. {REMEDIES[name]}"
    assert refused(scaffold(**{name: make(method)})) == sentence
    if name not in ("action_set", "transition"):
        assert refused(action(**{name: make(method)})) == sentence


@pytest.mark.parametrize("title", [None, 5, ("The first page",)])
def test_a_title_that_is_no_text_is_refused(title):
    assert refused(action(title=title)) == (
        f"Faulty.title is {title!r}. "
        "Make it a text, and put what depends on the visitor into get_context_data() and the template."
    )


@pytest.mark.parametrize("name", [".", "..", "..."])
def test_a_name_of_dots_alone_is_refused_as_no_browser_asks_for_it(name):
    assert refused(action(name=name)) == (
        f"Faulty.name is {name!r}. "
        "Use letters, digits, hyphens, underscores and dots, not dots alone, as it stands in URLs and their names."
    )
    check_flow(action(name=f"{name}well-known"))


def test_a_title_may_be_lazy_and_may_be_computed_of_the_class():
    check_flow(action(title=gettext_lazy("Pay")))
    check_flow(action(title=classproperty(lambda cls: cls.name)))


# Hooks


@pytest.mark.parametrize("name", ["prepare", "should_skip", "handle_response", "form_valid", "form_invalid"])
def test_a_hook_that_cannot_be_called_is_refused(name):
    assert refused(action(**{name: property(method)})) == (
        f"Faulty.{name} is a property, which cannot be called. Make it a method."
    )
    assert refused(action(**{name: True})) == f"Faulty.{name} is True, which cannot be called. Make it a method."


def is_async(name):
    return (
        f"Faulty.{name}() is async, and it is called without await. "
        "Make it a plain method, and call what is async by async_to_sync()."
    )


@pytest.mark.parametrize(
    "name", ["prepare", "should_skip", "form_valid", "get_form_kwargs", "dispatch", "get", "put", "delete"]
)
def test_an_action_with_an_async_method_is_refused(name):
    assert refused(action(**{name: coroutine})) == is_async(name)
    assert refused(action(type("Mixin", (), {name: coroutine}))) == is_async(name)


@pytest.mark.parametrize("name", ["prepare", "should_skip", "handle_response", "complete"])
def test_a_scaffold_with_an_async_method_is_refused(name):
    assert refused(scaffold(**{name: coroutine})) == is_async(name)


@pytest.mark.parametrize("name", ["choose_next", "can_enter"])
def test_an_async_transition_is_refused(name):
    transition = type("Own", (Linear,), {name: coroutine})()
    assert refused(scaffold(transition=transition)) == is_async(f"transition.{name}")


@pytest.mark.parametrize("binding", [staticmethod, classmethod])
def test_an_async_method_is_refused_however_it_is_bound(binding):
    assert refused(action(should_skip=binding(coroutine))) == is_async("should_skip")
    transition = type("Own", (Linear,), {"can_enter": binding(coroutine)})()
    assert refused(scaffold(transition=transition)) == is_async("transition.can_enter")


def test_of_several_methods_of_one_name_the_one_that_is_called_counts():
    late, early = action(prepare=coroutine), action(prepare=method)
    check_flow(type("Faulty", (late,), {"prepare": method}))
    assert refused(type("Faulty", (early,), {"prepare": coroutine})) == is_async("prepare")


def test_an_async_method_of_the_projects_own_is_its_own_affair():
    check_flow(action(fetch_rates=coroutine))


async def in_stock(component):
    """Stands for any that a project writes."""


class InStock:
    __call__ = coroutine

    def __repr__(self):
        return "InStock()"


@pytest.mark.parametrize("precondition", [in_stock, InStock()])
def test_an_async_precondition_is_refused(precondition):
    assert refused(scaffold(preconditions=[precondition])) == (
        f"Faulty.preconditions holds {precondition!r}, which is async. "
        "Make it a plain function, and call what is async by async_to_sync()."
    )


def test_preconditions_that_are_no_list_are_refused():
    single = LoginRequired()
    assert refused(action(preconditions=single)) == f"Faulty.preconditions is {single!r}. Make it a list of callables."
    once = (LoginRequired() for _ in range(1))
    assert refused(action(preconditions=once)) == f"Faulty.preconditions is {once!r}. Make it a list of callables."


# Forms


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (NameForm(), "an instance of NameForm"),
        (NameFormSet(), f"an instance of {NameFormSet.__name__}"),
        (ItemFormSet(), f"an instance of {ItemFormSet.__name__}"),
        ([NameForm], "an instance of list"),
        ("shop.forms.NameForm", "'shop.forms.NameForm'"),
        (None, "None"),
        (Item, "Item"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_form_class_that_is_none_is_refused(value, said):
    assert refused(action(form_class=value)) == (
        f"Faulty.form_class is {said}, which is not the class of a form or formset. "
        "Make it the class; what that is called with comes from get_form_kwargs()."
    )


@pytest.mark.parametrize(
    "attributes",
    [
        {"form_class": NameForm},
        {"form_class": NameFormSet},
        {"form_class": functools.partial(NameForm, prefix="a")},
        {"form_class": property(lambda self: NameForm)},
        {"form_class": None, "get_form_class": lambda self: NameForm},
        {"form_class": None, "get_form": lambda self, form_class=None: NameForm()},
    ],
)
def test_a_form_class_may_be_whatever_makes_a_form(attributes):
    check_flow(action(**attributes))


def test_a_view_that_makes_a_form_of_its_model_needs_another_form_class_than_the_default():
    assert refused(action(CreateView, model=Item, fields=["name"])) == (
        "Faulty makes a form of its model, and its form_class is the default one of an Action. "
        "Make form_class a ModelForm, or None for one of its fields."
    )
    check_flow(action(CreateView, model=Item, fields=["name"], form_class=None))
    check_flow(action(CreateView, model=Item, form_class=ItemForm))


# What works, and is probably not meant


def test_a_component_without_doubts():
    for component in (
        Page,
        scaffold(),
        action(form_valid=method, links=method),
        scaffold(complete=method, basket=None),
    ):
        assert list(find_doubts(component)) == []


@pytest.mark.parametrize("name", ["success_url", "get_success_url"])
def test_where_a_form_view_would_lead_is_not_read(name):
    assert list(find_doubts(action(**{name: "/thanks/"}))) == [
        (
            f"django-flows does not read Faulty.{name}.",
            "Return a redirect from form_valid(), or from complete() of the flow.",
        )
    ]


@pytest.mark.parametrize("name", ["fields", "model", "queryset"])
def test_what_makes_a_form_of_a_model_elsewhere_is_not_read_beside_the_default_form(name):
    assert list(find_doubts(action(**{name: []}))) == [
        (
            f"django-flows does not read Faulty.{name}.",
            "Make form_class a ModelForm, such as modelform_factory(Model, fields=[…]).",
        )
    ]
    assert list(find_doubts(action(form_class=ItemForm, **{name: []}))) == []
    assert list(find_doubts(action(get_form_class=method, **{name: []}))) == []
    assert list(find_doubts(scaffold(**{name: []}))) == []


def test_the_model_of_an_object_that_is_shown_is_read():
    assert list(find_doubts(action(SingleObjectMixin, model=Item))) == []


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("done", "Call it complete()."),
        ("form_list", "Name the actions in action_set."),
        ("condition_dict", "Give the actions a should_skip()."),
        ("initial_dict", "Give the actions an initial or a get_initial()."),
        ("instance_dict", "Give the actions a get_form_kwargs()."),
    ],
)
def test_what_formtools_calls_otherwise_is_not_read(name, remedy):
    assert list(find_doubts(scaffold(**{name: method}))) == [(f"django-flows does not read Faulty.{name}.", remedy)]


def test_a_decorator_on_the_class_itself_is_not_read():
    for component in (action(), scaffold()):
        assert list(find_doubts(login_not_required(component))) == [
            (
                "django-flows does not read Faulty.login_required.",
                "Put method_decorator(login_not_required, name='dispatch') on the actions.",
            )
        ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("precondition", "preconditions"),
        ("pre_conditions", "preconditions"),
        ("prepair", "prepare"),
        ("shoud_skip", "should_skip"),
        ("handle_respone", "handle_response"),
        ("garantee", "guarantee"),
        ("skip_on_bak", "skip_on_back"),
    ],
)
def test_a_misspelt_name_is_not_read(written, meant):
    for component in (action(**{written: method}), scaffold(type("Mixin", (), {written: method}))):
        assert list(find_doubts(component)) == [
            (f"django-flows does not read Faulty.{written}.", f"Call it {meant}, if that is meant.")
        ]


def test_names_of_the_other_kind_are_not_what_is_meant():
    assert list(find_doubts(action(completed=method, transitions=[]))) == []
    assert list(find_doubts(scaffold(completed=method, form_vaild=method))) == [
        ("django-flows does not read Faulty.completed.", "Call it complete, if that is meant.")
    ]
    assert list(find_doubts(action(form_vaild=method))) == [
        ("django-flows does not read Faulty.form_vaild.", "Call it form_valid, if that is meant.")
    ]
