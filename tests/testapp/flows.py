"""The flows that the tests walk."""

import time

from django import forms
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpResponse, HttpResponseRedirect

from flows.components import COMPLETE, Action, Scaffold
from flows.preconditions import LoginRequired, PermissionRequired, RequiredState
from flows.transitions import Linear

from .models import Effect, Item

#: Seconds that an effect takes in the races.
EFFECT_TIME = 0.04


class NameForm(forms.Form):
    name = forms.CharField()


class Counted(Action):
    """Leaves a row behind each time it is executed."""

    form_class = NameForm

    def form_valid(self, form):
        time.sleep(self.request.GET.get("slow") is not None and EFFECT_TIME)
        Effect.objects.create(what=self.position.name, detail=form.cleaned_data["name"])
        return COMPLETE


class First(Counted):
    title = "The first page"


class Second(Counted):
    pass


class Third(Counted):
    pass


class Journey(Scaffold):
    """Three pages in order."""

    action_set = [First, Second, Third]
    transition = Linear()

    def complete(self):
        Effect.objects.create(what="complete", detail=",".join(a["name"] for a in self.answers.values()))


class LoginForm(forms.Form):
    user = forms.CharField()
    password = forms.CharField(widget=forms.PasswordInput)


class Login(Action):
    form_class = LoginForm

    def form_valid(self, form):
        login(self.request, User.objects.get(username=form.cleaned_data["user"]))
        Effect.objects.create(what="login")
        return COMPLETE


class Register(Action):
    form_class = NameForm


class Email(Action):
    form_class = NameForm


class Code(Action):
    form_class = NameForm


class ForgotPassword(Scaffold):
    action_set = [Email, Code]
    transition = Linear()


class Identify(Scaffold):
    action_set = [Login, Register, "ForgotPassword"]
    transition = None

    def should_skip(self):
        return self.request.user.is_authenticated


class Choose(Action):
    form_class = NameForm
    url = "choose/"

    def form_valid(self, form):
        self.state["chosen"] = form.cleaned_data["name"]
        return COMPLETE


class Method(Action):
    form_class = NameForm

    def form_valid(self, form):
        return {"card": Card, "bank": Bank, "away": HttpResponseRedirect("/elsewhere/")}.get(
            form.cleaned_data["name"], COMPLETE
        )


class Card(Action):
    form_class = NameForm

    def form_valid(self, form):
        if form.cleaned_data["name"] == "declined":
            Effect.objects.create(what="charge")
            form.add_error("name", "The card was declined.")
            return self.form_invalid(form)
        return COMPLETE


class Account(Action):
    form_class = NameForm


class Address(Action):
    form_class = NameForm


class Bank(Scaffold):
    action_set = [Account, Address]
    transition = Linear()


class Pay(Scaffold):
    action_set = [Method, Card, Bank]
    transition = None


class Confirm(Action):
    preconditions = [LoginRequired(), RequiredState("chosen")]

    def form_valid(self, form):
        Effect.objects.create(what="confirm")
        return COMPLETE


class Checkout(Scaffold):
    url = "buy/<int:item>/"
    action_set = [Choose, Identify, Pay, Confirm]
    transition = Linear()

    def complete(self):
        Effect.objects.create(what="order", detail=f"{self.kwargs['item']} {self.state['chosen']}")
        return HttpResponseRedirect("/thanks/")


class Question(Action):
    """Says which of the next pages there are."""

    form_class = NameForm


class Conditional(Action):
    form_class = NameForm

    def should_skip(self):
        wanted = self.answers.get(Question, {}).get("name", "")
        return self.position.component.name not in wanted


class Blue(Conditional):
    skip_on_back = True


class Green(Conditional):
    pass


class Colours(Scaffold):
    action_set = [Blue, Green]
    transition = Linear()


class Branching(Scaffold):
    action_set = [Question, Colours, Third]
    transition = Linear()


class Nothing(Action):
    def should_skip(self):
        return True


class Empty(Scaffold):
    """Every page of it is skipped."""

    action_set = [Nothing]
    transition = Linear()

    def complete(self):
        Effect.objects.create(what="empty")


class PickForm(forms.Form):
    item = forms.ModelChoiceField(Item.objects.all())
    secret = forms.CharField(widget=forms.PasswordInput, required=False)


class Pick(Action):
    form_class = PickForm


class Free(Scaffold):
    """No transition: the actions decide."""

    action_set = ["Menu", First, Pick]
    transition = None

    def complete(self):
        return HttpResponse("free at last")


class Menu(Action):
    form_class = NameForm

    def links(self):
        return [self.link_to(First), self.link_to(Pick, query={"a": "b"})]

    def get_context_data(self, **kwargs):
        return super().get_context_data(links=self.links() if "links" in self.request.GET else [], **kwargs)

    def form_valid(self, form):
        return {"first": First, "pick": Pick, "menu": Menu, "journey": Journey}.get(form.cleaned_data["name"], COMPLETE)


class Single(Action):
    """A flow of one page."""

    form_class = NameForm

    def form_valid(self, form):
        Effect.objects.create(what="single")
        return COMPLETE


class Gate(Scaffold):
    """The first page is for those who are not logged in."""

    action_set = ["Door", Second]
    transition = Linear()


class Door(Action):
    def should_skip(self):
        return self.request.user.is_authenticated


class Shelf(Scaffold):
    action_set = [Pick, Third]
    transition = Linear()


class Members(Action):
    preconditions = [PermissionRequired("nobody.has_this")]


class Walled(Scaffold):
    action_set = [Members]
