import os
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

SECRET_KEY = "for the tests only"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "tests.urls"
STATIC_URL = "/static/"
USE_TZ = True
# The quickest hasher: what it protects lives for one test.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "flows",
    "tests.testapp",
]

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


def _database(kind, name="flows-tests"):
    """Return the DATABASES entry; tests/conftest.py adds where a started server listens."""
    if kind == "sqlite":
        # A file: an in-memory database is one connection, shared by all threads, in which nothing can race.
        file = Path(tempfile.gettempdir()) / f"{name}-{os.getpid()}.sqlite3"
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": file, "TEST": {"NAME": file}}
    if kind == "postgres":
        return {"ENGINE": "django.db.backends.postgresql", "NAME": "flows"}
    if kind == "mariadb":
        import pymysql

        pymysql.install_as_MySQLdb()
        return {
            "ENGINE": "django.db.backends.mysql",
            "NAME": "flows",
            "OPTIONS": {"charset": "utf8mb4"},
            "TEST": {"CHARSET": "utf8mb4"},
        }
    raise ImproperlyConfigured(
        f"FLOWS_TEST_DATABASE is {kind!r}: set it to sqlite, postgres or mariadb, or leave it out for sqlite."
    )


DATABASES = {
    "default": _database(os.environ.get("FLOWS_TEST_DATABASE", "sqlite")),
    # For what may be routed elsewhere.
    "other": _database("sqlite", "flows-tests-other"),
}
