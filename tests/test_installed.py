"""What tox tests is the package as it was built: complete, and not the checkout."""

import os
import sysconfig
from pathlib import Path

import pytest

import flows

CHECKOUT = Path(__file__).parents[1] / "flows"
INSTALLED = Path(sysconfig.get_path("purelib")) / "flows"

pytestmark = pytest.mark.skipif("FLOWS_TEST_INSTALLED" not in os.environ, reason="tox sets FLOWS_TEST_INSTALLED")


def files(folder):
    return {
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_the_tests_import_the_installed_package():
    assert Path(flows.__file__).parent == INSTALLED


def test_the_installed_package_holds_every_file_of_the_checkout():
    assert files(INSTALLED) == files(CHECKOUT)
