"""One site for all contenders: SQLite, sessions in the database, CSRF protection on."""

import os
from importlib.util import find_spec
from pathlib import Path

SECRET_KEY = "for the benchmarks only"
ALLOWED_HOSTS = ["*"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "benchmarks.urls"
USE_TZ = True

#: A contender that is not installed is left out, such as one that does not know the newest Django.
PEERS = [name for name in ("formtools", "gandalf") if find_spec(name)]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    *PEERS,
    "flows",
    "benchmarks",
]

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    },
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(os.environ.get("BENCHMARKS_FOLDER", ".")) / "benchmarks.sqlite3",
        # One connection for all requests, as a site in earnest has it.
        "CONN_MAX_AGE": None,
    },
}
