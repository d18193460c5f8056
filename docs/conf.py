"""Configuration of Sphinx."""

import sys
from pathlib import Path

import django
from django.conf import settings

# After the installed packages, so that an installed django-flows is the one that is described.
sys.path.append(str(Path(__file__).parents[1]))

settings.configure(INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "flows"])
django.setup()

import flows  # noqa: E402

project = "django-flows"
author = copyright = "the django-flows contributors"
version = release = flows.__version__

extensions = ["sphinx.ext.autodoc", "sphinx_copybutton"]
# The tables are included in pages of their own.
exclude_patterns = ["_build", "acceptance-table.rst", "benchmarks-tables.rst", "scale-tables.rst"]
default_role = "py:obj"
highlight_language = "python"

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"

copybutton_prompt_text = "$ "

html_theme = "furo"
html_title = f"django-flows {version}"
