"""The site under test. What differs from setup to setup comes from the environment: see ``server.py`` above this."""

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

from tests.acceptance.setups import LEASE, LOCK_WAIT, Setup

SETUP = Setup.parse(os.environ["ACCEPTANCE_SETUP"])
#: A folder of this site's own.
FOLDER = Path(os.environ["ACCEPTANCE_FOLDER"])
#: Tells this site from others on the same servers.
NAME = os.environ["ACCEPTANCE_NAME"]
#: What a case sets otherwise.
GIVEN = json.loads(os.environ.get("ACCEPTANCE_SETTINGS", "{}"))

SECRET_KEY = "for the acceptance tests only"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "tests.acceptance.site.urls"
LOGIN_URL = "/login/"
STATIC_URL = "/static/"
USE_TZ = True

INSTALLED_APPS = [
    "tests.acceptance.site",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "flows",
]

MIDDLEWARE = [
    # Outermost: what comes before the response comes after all that the others do.
    "tests.acceptance.site.middleware.fault_middleware",
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


def _database():
    if SETUP.is_sqlite:
        # What docs/deployment.rst recommends. Without IMMEDIATE a transaction that reads first and writes later
        # fails at once when another wrote in between, however long the timeout.
        options = {"transaction_mode": "IMMEDIATE", "timeout": GIVEN.get("SQLITE_TIMEOUT", 20)}
        if SETUP.kind == "sqlite-wal":
            options["init_command"] = "PRAGMA journal_mode=wal"
        file = FOLDER / "site.sqlite3"
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": file, "OPTIONS": options, "TEST": {"NAME": file}}
    entry = {
        **json.loads(os.environ["ACCEPTANCE_DATABASE"]),
        "NAME": NAME,
        # Kept open from request to request: what one request leaves behind in its connection is there for the next.
        "CONN_MAX_AGE": None,
        "TEST": {"NAME": NAME, "CHARSET": "utf8mb4"},
    }
    if SETUP.kind.startswith("mariadb"):
        import pymysql

        pymysql.install_as_MySQLdb()
        level = {"mariadb-rc": "read committed", "mariadb-rr": "repeatable read"}[SETUP.kind]
        options = {"charset": "utf8mb4", "isolation_level": level}
        return {**entry, "ENGINE": "django.db.backends.mysql", "OPTIONS": options}
    del entry["TEST"]["CHARSET"]
    return {**entry, "ENGINE": "django.db.backends.postgresql"}


DATABASES = {"default": {**_database(), "ATOMIC_REQUESTS": SETUP.atomic}}

REDIS_URL = os.environ.get("ACCEPTANCE_REDIS", "")
if SETUP.sessions == "redis":
    SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": NAME,
        }
    }
else:
    SESSION_ENGINE = "django.contrib.sessions.backends.db"

FLOWS_LOCK_WAIT = LOCK_WAIT
if SETUP.kind == "redis":
    FLOWS_STATE_STORE = "tests.acceptance.site.faulty_redis_store"
    FLOWS_REDIS_STATE_STORE_HOST = urlsplit(REDIS_URL).hostname
    FLOWS_REDIS_STATE_STORE_PORT = urlsplit(REDIS_URL).port or 6379
    FLOWS_REDIS_STATE_STORE_DB = int(urlsplit(REDIS_URL).path.strip("/") or 0)
    FLOWS_REDIS_STATE_STORE_USER = urlsplit(REDIS_URL).username or ""
    FLOWS_REDIS_STATE_STORE_PASSWORD = urlsplit(REDIS_URL).password or ""
    FLOWS_REDIS_STATE_STORE_PREFIX = f"{NAME}:"
    FLOWS_REDIS_STATE_STORE_LEASE = LEASE
else:
    FLOWS_STATE_STORE = "tests.acceptance.site.faulty_django_store"

# The server keeps what comes here, and a test that fails shows it.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    # Its other handlers are for runserver and for admins.
    "loggers": {"django": {"handlers": [], "propagate": True}},
}

globals().update(GIVEN)
