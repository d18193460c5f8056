"""A site with nothing but what every site has, and the app that is named in the environment."""

import os

SECRET_KEY = "for the benchmarks only"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    *os.environ.get("BENCHMARKS_APP", "").split(),
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
