"""The example's own settings, with a database of the tests' own."""

import os
import sys
import tempfile
from pathlib import Path

# Where manage.py is: running it puts its folder there, too.
sys.path.append(str(Path(__file__).parents[2] / "example"))

from example.settings import *  # noqa: F403
from example.settings import DATABASES

# A file: an in-memory database is one connection, shared by all threads, in which nothing can race.
_file = Path(tempfile.gettempdir()) / f"flows-example-{os.getpid()}.sqlite3"
DATABASES = {"default": {**DATABASES["default"], "NAME": _file, "TEST": {"NAME": _file}}}
# Of what is committed, nothing needs to outlive a power cut.
DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA synchronous = OFF"
# The quickest hasher: what it protects lives for one test.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
