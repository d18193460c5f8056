"""Trees of components that no handler has: what can be said of them before there is a request."""

from flows.components import Action, Scaffold
from flows.transitions import Linear


class Start(Action):
    url = ""


class Login(Action):
    pass


class Register(Action):
    url = "new/<slug:kind>/"


class Identify(Scaffold):
    action_set = [Login, Register]


class Card(Action):
    pass


class Address(Action):
    pass


class Bank(Scaffold):
    action_set = ["Account", Address]


class Account(Action):
    pass


class Pay(Scaffold):
    url = ""
    action_set = [Card, "tests.testapp.trees.Bank", Login]


class Shop(Scaffold):
    url = "shop/<int:item>/"
    action_set = [Start, Identify, Pay, Address]
    transition = Linear()
