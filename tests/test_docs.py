"""What README and documentation show is run, and what they list is complete."""

import ast
import os
import re
import shlex
import subprocess
import sys
import textwrap
import unittest
from dataclasses import dataclass
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from types import ModuleType

import django
import pytest
from django.contrib.auth.models import User
from django.template import Context, Template
from django.test import Client
from django.urls import clear_url_caches, include, path, reverse

import flows
from flows.components import Action, Scaffold
from flows.config import FlowsConf
from flows.handler import FlowHandler
from flows.serializing import codec

CHECKOUT = Path(__file__).parents[1]
README = CHECKOUT / "README.rst"
DOCS = CHECKOUT / "docs"
PAGES = [README, CHECKOUT / "CONTRIBUTING.rst", *sorted(DOCS.glob("*.rst"))]

BLOCK = re.compile(
    r"^(?P<indent> *)\.\. code-block:: (?P<language>\S+)\n"
    r"(?:(?P=indent) +:caption: (?P<caption>.+)\n)?"
    r"\n(?P<code>(?:(?P=indent) {3,}.*\n|\n)+)",
    re.MULTILINE,
)


@dataclass
class Block:
    """A piece of code in a page."""

    language: str
    caption: str
    code: str


def blocks(page, language=None):
    found = [
        Block(match["language"], match["caption"] or "", textwrap.dedent(match["code"]).strip() + "\n")
        for match in BLOCK.finditer(page.read_text(encoding="utf-8"))
    ]
    return [block for block in found if language in (None, block.language)]


def captioned(page, caption):
    (block,) = [block for block in blocks(page) if block.caption == caption]
    return block.code


@pytest.fixture
def put_package(monkeypatch, tmp_path):
    """Make a package importable, for as long as the test lasts and whatever was imported under its name before."""
    before = dict(sys.modules)
    made = []

    def forget():
        for module in list(sys.modules):
            if module.partition(".")[0] in made:
                del sys.modules[module]

    def put(name, **modules):
        package = tmp_path / "packages" / name
        package.mkdir(parents=True)
        for module, code in {"__init__": "", **modules}.items():
            (package / f"{module}.py").write_text(code, encoding="utf-8")
        made.append(name)
        forget()
        monkeypatch.syspath_prepend(package.parent)

    yield put
    forget()
    sys.modules.update({name: module for name, module in before.items() if name.partition(".")[0] in made})


@pytest.fixture
def urlconf(monkeypatch, settings):
    """Use other URLs than those of the tests: the module of this name, made of ``urlpatterns`` if they are given."""

    def use(name, urlpatterns=None):
        if urlpatterns is not None:
            module = ModuleType(name)
            module.urlpatterns = urlpatterns
            monkeypatch.setitem(sys.modules, name, module)
        settings.ROOT_URLCONF = name
        clear_url_caches()

    yield use
    clear_url_caches()


# Every page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_piece_of_python_is_python_and_imports_names_that_exist(page):
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block.code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in ("flows", "django"):
                if node.module == "django.tasks" and django.VERSION < (6, 0):
                    continue
                module = import_module(node.module)
                for alias in node.names:
                    assert hasattr(module, alias.name), f"{node.module}.{alias.name}"


def test_no_piece_of_code_is_overlooked():
    for page in PAGES:
        assert len(blocks(page)) == page.read_text(encoding="utf-8").count(".. code-block::"), page.name


# README

FORMS = """
from django import forms
from django.contrib.auth.forms import BaseUserCreationForm as RegisterForm

class SeatsForm(forms.Form):
    seats = forms.IntegerField()
"""

ORDERS = """
placed = []

def place_order(user, answers):
    placed.append((user.username, answers["seats"]))
    return f"/orders/{len(placed)}/"
"""


@pytest.fixture
def tickets(put_package, urlconf):
    """The flow in the README, at the URLs that it has there."""
    flow, urls = blocks(README, "python")
    put_package("tickets", flows=flow.code, urls=urls.code, forms=FORMS, orders=ORDERS)
    module = import_module("tickets.flows")
    urlconf("tickets.urls")
    return module


def test_the_flow_in_the_readme_is_short_and_has_the_tree_that_is_seen_there(tickets):
    assert sum(bool(line) for line in blocks(README, "python")[0].code.splitlines()) <= 40
    assert tickets.Checkout.get_children() == (tickets.ChooseSeats, tickets.Identify, tickets.Confirm)
    assert tickets.Identify.get_children() == (tickets.Login, tickets.Register)


@pytest.mark.django_db
def test_the_flow_in_the_readme_can_be_walked(tickets, client):
    from tickets.orders import placed

    User.objects.create_user("ann", password="secret")
    url = reverse("flows:checkout")
    assert f'<a href="{url}">' in Template(blocks(README, "html+django")[0].code).render(Context())
    url = client.post(url, {"seats": 2})["Location"]
    assert "identify/login" in url
    (tag,) = re.findall("{%.+%}", blocks(README, "python")[0].code)
    register = Template("{% load flows %}" + tag).render(Context({"view": client.get(url).context["view"]}))
    assert client.get(register).status_code == 200
    url = client.post(url, {"username": "ann", "password": "secret"})["Location"]
    assert "confirm" in url
    assert [client.post(url)["Location"] for _ in range(2)] == ["/orders/1/"] * 2
    assert placed == [("ann", 2)]


def test_the_readme_has_two_commands_and_the_files_they_need():
    commands = re.findall(r"^    (python3 .+)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 2
    start, test = commands
    assert start.endswith("python example/manage.py migrate && python example/manage.py runserver")
    assert test.endswith("pip install tox && tox")
    assert (CHECKOUT / "example" / "manage.py").exists()
    assert (CHECKOUT / "tox.ini").exists()


def test_the_settings_in_the_readme_are_all_there_are_with_their_defaults():
    rows = re.findall(r"^``(FLOWS_\w+)`` +``(.+?)``", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert {name: ast.literal_eval(default) for name, default in rows} == FlowsConf._meta.defaults


# Documentation: lists


def test_the_documented_settings_are_all_there_are_with_their_defaults():
    text = (DOCS / "settings.rst").read_text(encoding="utf-8")
    found = re.findall(r"^``(FLOWS_\w+)``\n-+\n\nDefault: ``(.+)``$", text, re.MULTILINE)
    assert {name: ast.literal_eval(default) for name, default in found} == FlowsConf._meta.defaults


def test_the_documented_templates_are_all_there_are():
    folder = Path(flows.__file__).parent / "templates"
    templates = {str(file.relative_to(folder).as_posix()) for file in folder.rglob("*.html")}
    text = (DOCS / "templates.rst").read_text(encoding="utf-8")
    assert set(re.findall(r"^``(flows/\w+\.html)``$", text, re.MULTILINE)) == templates


def test_the_blocks_of_the_templates_are_documented():
    folder = Path(flows.__file__).parent / "templates"
    text = (DOCS / "templates.rst").read_text(encoding="utf-8")
    for name in ("base", "action"):
        entry = re.search(rf"^``flows/{name}\.html``\n((?:    .+\n)+)", text, re.MULTILINE)[1]
        source = (folder / "flows" / f"{name}.html").read_text(encoding="utf-8")
        for block in set(re.findall(r"{% block (\w+)", source)) - ({"title", "content"} if name == "action" else set()):
            assert f"``{block}``" in entry, f"{block} of flows/{name}.html"


def test_every_page_is_in_the_contents():
    index = (DOCS / "index.rst").read_text(encoding="utf-8")
    # What is written by a command is included in a page.
    pages = {page.stem for page in DOCS.glob("*.rst") if not page.stem.endswith(("-table", "-tables"))}
    assert pages - {"index"} == set(re.findall(r"^   (\w+)$", index, re.MULTILINE))


# Documentation: code that is run


@pytest.mark.django_db
def test_children_in_any_order(put_package, client, urlconf):
    transition = captioned(DOCS / "transitions.rst", "apply/transitions.py")
    put_package("apply", transitions=transition)

    class Left(Action):
        pass

    class Right(Action):
        pass

    class Both(Scaffold):
        action_set = [Left, Right]
        transition = import_module("apply.transitions").AnyOrder()

    handler = FlowHandler()
    handler.register_entry_point(Both)
    urlconf("apply.urls", [path("", include(handler.urls))])

    url = client.post(reverse("flows:both"))["Location"]
    assert "/right/" in url
    assert client.get(url.replace("right", "left")).status_code == 200
    assert client.get(client.post(url)["Location"]).templates[0].name == "flows/done.html"


MONEYS = """
from dataclasses import dataclass

@dataclass
class Money:
    amount: object
    currency: str
"""


def test_a_type_of_a_projects_own_is_registered(put_package):
    put_package("moneys", __init__=MONEYS)
    put_package("shop", money=captioned(DOCS / "state.rst", "shop/money.py"))
    import_module("shop.money")
    money = import_module("moneys").Money(Decimal("1.10"), "EUR")
    assert codec.loads(codec.dumps({"price": money})) == {"price": money}


@pytest.fixture
def file_store(monkeypatch, put_package, tmp_path):
    """The store in the documentation, with its tests."""
    store, tests = (captioned(DOCS / "statestores.rst", f"shop/{name}.py") for name in ("file_store", "tests"))
    put_package("shop", file_store=store, tests=tests)
    module = import_module("shop.file_store")
    monkeypatch.setattr(module, "FOLDER", tmp_path / "tasks")
    return module


@pytest.mark.django_db
def test_a_journey_with_the_documented_store(file_store, settings):
    (setting,) = [block.code for block in blocks(DOCS / "statestores.rst") if block.caption == "settings.py"]
    settings.FLOWS_STATE_STORE = ast.literal_eval(setting.partition("=")[2].strip())
    client = Client()
    url = client.get(reverse("flows:journey"))["Location"]
    for name in ("one", "two", "three"):
        first, second = (client.post(url, {"name": name}) for _ in range(2))
        assert first["Location"] == second["Location"]
        url = first["Location"]
    assert client.get(url).templates[0].name == "flows/done.html"
    assert list(file_store.FOLDER.iterdir())


@pytest.mark.slow
def test_the_documented_store_passes_the_tests_for_stores(file_store):
    suite = unittest.defaultTestLoader.loadTestsFromName("shop.tests")
    result = unittest.TestResult()
    suite.run(result)
    assert result.testsRun > 20
    assert [text for _, text in result.errors + result.failures] == []


# The tutorial


class Walkthrough:
    """Does what the tutorial says, in its order: types in the files, runs the commands."""

    #: Not run: what is installed is under test, and a server would not return.
    LEFT_OUT = ("python -m pip", "python manage.py runserver")

    def __init__(self, folder):
        self.folder = folder
        self.output = []
        # Neither the settings of these tests nor their coverage, which takes a while to start.
        left_out = ("DJANGO_SETTINGS_MODULE", "COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")
        self.env = {name: value for name, value in os.environ.items() if name not in left_out}
        self.env["PYTHONPATH"] = str(Path(flows.__file__).parents[1])

    def do(self, block):
        if block.language == "console":
            for command in re.findall(r"^\$ (.+)$", block.code, re.MULTILINE):
                self.run(command)
        else:
            name, _, where = block.caption.partition(", ")
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a" if where == "at the end" else "w", encoding="utf-8") as opened:
                opened.write(block.code)

    def run(self, command):
        if command.startswith("cd "):
            self.folder /= command[3:]
        elif not command.startswith(self.LEFT_OUT):
            words = shlex.split(command.replace("django-admin", "python -m django"))
            words[0] = sys.executable
            done = subprocess.run(words, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            self.output.append(f"{command}\n{done.stdout}{done.stderr}")


#: Walks the tutorial's first page, before there are more.
FIRST_PAGE = """
from django.test import TestCase

class FirstPageTests(TestCase):
    def test_the_first_page(self):
        self.assertContains(self.client.get("/"), 'href="/buy-mug/choose-mug/"')
        self.assertContains(self.client.get("/buy-mug/choose-mug/", follow=True), "Which mug?")
        refused = self.client.post("/buy-mug/choose-mug/", {"colour": "red", "quantity": 7})
        self.assertContains(refused, "less than or equal to 6")
        done = self.client.post("/buy-mug/choose-mug/", {"colour": "red", "quantity": 1}, follow=True)
        self.assertTemplateUsed(done, "flows/done.html")
"""

#: Looks at what the tutorial's own tests do not.
LAST_PAGE = """
from django.test import TestCase

class LastPageTests(TestCase):
    def test_the_last_page(self):
        url = self.client.get("/buy-mug/choose-mug/")["Location"]
        for answers in ({"colour": "red", "quantity": 2}, {"how": "post"}, {"address": "1 Road"}):
            self.assertContains(self.client.get(url), "The mug shop")
            url = self.client.post(url, answers)["Location"]
        for text in ("2 × red", "To: 1 Road", ">Buy<", "Back"):
            self.assertContains(self.client.get(url), text)
        back = self.client.get(url).context["flow"].back_url
        self.assertContains(self.client.get(back), "1 Road")
        self.assertEqual(self.client_class().get(url).status_code, 404)
        self.assertContains(self.client.post(url, follow=True), "Thank you")
"""


@pytest.mark.slow
def test_the_tutorial_works_as_it_is_printed(tmp_path):
    walk = Walkthrough(tmp_path)
    pages = iter(blocks(DOCS / "tutorial.rst"))
    for block in pages:
        walk.do(block)
        if "runserver" in block.code:
            break
    walk.do(Block("python", "shop/test_first.py", FIRST_PAGE))
    walk.run("python manage.py test shop.test_first")
    (walk.folder / "shop" / "test_first.py").unlink()
    for block in pages:
        walk.do(block)
    own = [output for output in walk.output if output.startswith("python manage.py test\n")]
    assert len(own) == 1
    assert re.search(r"Ran 2 tests.*\nOK", own[0], re.DOTALL)
    walk.do(Block("python", "shop/test_last.py", LAST_PAGE))
    walk.run("python manage.py test")
    walk.run("python manage.py check --fail-level WARNING")
    walk.run("python manage.py makemigrations --check")
