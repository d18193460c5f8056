"""Who imports whom, and how large a module is: read from the source."""

import ast
import io
import re
import sys
import tokenize
from pathlib import Path

import pytest

import flows

ROOT = Path(flows.__file__).parent
#: Lines of code, without blanks, comments and docstrings; and lines of any kind.
MOST_CODE, MOST_LINES = 250, 330


def name_of(file):
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(file): file for file in sorted(ROOT.rglob("*.py"))}


def layers():
    """Return the layer of each name in the table of the package's docstring."""
    table = re.findall(r"^(\d)\. (.*(?:\n   .*)*)", flows.__doc__, re.MULTILINE)
    return {name: int(number) for number, line in table for name in re.findall(r"``(\w+)``", line)}


def layer_of(module):
    """Return the layer of a module, which is that of the entry it is or is in; None for the package itself."""
    parts = module.split(".")
    return layers().get(parts[1]) if len(parts) > 1 else None


class Imports(ast.NodeVisitor):
    """Collects what a module imports, for type checkers too: names, and whether that is when it is imported itself."""

    def __init__(self, module, is_package):
        self.package = module if is_package else module.rpartition(".")[0]
        self.late = 0
        self.found = []

    def visit_If(self, node):
        is_for_types = ast.unparse(node.test) == "TYPE_CHECKING"
        self.late += is_for_types
        self.generic_visit(node)
        self.late -= is_for_types

    def visit_FunctionDef(self, node):
        self.late += 1
        self.generic_visit(node)
        self.late -= 1

    def visit_Import(self, node):
        self.found += [(alias.name, not self.late) for alias in node.names]

    def visit_ImportFrom(self, node):
        base = self.package.split(".")[: len(self.package.split(".")) - node.level + 1] if node.level else []
        origin = ".".join([*base, *filter(None, [node.module])])
        for alias in node.names:
            full = f"{origin}.{alias.name}"
            self.found.append((full if full in MODULES else origin, not self.late))


def imports(module):
    visitor = Imports(module, MODULES[module].name == "__init__.py")
    visitor.visit(ast.parse(MODULES[module].read_text()))
    return visitor.found


def test_every_module_is_in_the_table_of_layers_and_every_entry_is_there():
    entries = {module.split(".")[1] for module in MODULES if module != "flows"} | {"templates"}
    assert entries == layers().keys()


def test_the_reading_of_imports_finds_relative_and_late_ones():
    assert ("flows.serializing.codec", True) in imports("flows.statestore.base")
    assert ("flows.config", True) in imports("flows.statestore.base")
    assert ("redis", False) in imports("flows.statestore.redis_client")
    assert ("flows.http.views", True) in imports("flows.handler")


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_from_its_own_layer_or_a_lower_one(module):
    own = layer_of(module)
    ours = [name for name, _ in imports(module) if name.partition(".")[0] == "flows"]
    assert not (own is None and ours), "The package itself imports nothing of ours."
    assert [name for name in ours if layer_of(name) is not None and layer_of(name) > own] == []


def test_no_two_modules_import_each_other_not_even_by_way_of_others():
    left = {module: {name for name, _ in imports(module) if name in MODULES} - {module} for module in MODULES}
    while free := [module for module, names in left.items() if not names & left.keys()]:
        for module in free:
            del left[module]
    assert left == {}


@pytest.mark.parametrize(
    ("package", "known"),
    [("serializing", {"exceptions", "config"}), ("statestore", {"exceptions", "config", "serializing"})],
)
def test_what_keeps_tasks_knows_no_flows(package, known):
    own = [module for module in MODULES if module.startswith(f"flows.{package}.")]
    ours = {name.split(".")[1] for module in own for name, _ in imports(module) if name.startswith("flows.")}
    assert ours <= {package, *known}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_needs_nothing_but_django_and_appconf_to_be_imported(module):
    roots = {name.partition(".")[0] for name, at_once in imports(module) if at_once}
    assert roots - set(sys.stdlib_module_names) <= {"flows", "django", "appconf"}


@pytest.mark.parametrize("module", [name for name in MODULES if ".migrations" not in name])
def test_a_module_says_what_it_is_and_is_not_too_long(module):
    source = MODULES[module].read_text()
    if not source:
        return
    tree = ast.parse(source)
    assert ast.get_docstring(tree)
    assert lines_of_code(source, tree) <= MOST_CODE
    assert len(source.splitlines()) <= MOST_LINES


def lines_of_code(source, tree):
    layout = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in layout:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
            lines.difference_update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(lines)


def test_lines_of_code_are_those_that_are_no_comment_no_blank_and_no_docstring():
    source = '"""One."""\n\n# two\nx = (\n    1\n)\n\n\ndef f():\n    """Three\n    four.\n    """\n    return x\n'
    assert lines_of_code(source, ast.parse(source)) == 5
