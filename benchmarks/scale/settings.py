"""One site on real servers, as the environment says: which database, which Redis, whose journey."""

import json
import os

from benchmarks.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.scale.urls"

if database := os.environ.get("BENCHMARKS_DATABASE"):
    DATABASES = {"default": {"CONN_MAX_AGE": None, **json.loads(database)}}
    if DATABASES["default"]["ENGINE"].endswith("mysql"):
        import pymysql

        pymysql.install_as_MySQLdb()

# Longer than what is measured takes.
FLOWS_TASK_IDLE_TIMEOUT = 24 * 3600

#: Sessions, and this library's tasks, are in Redis where there is one.
if REDIS_URL := os.environ.get("BENCHMARKS_REDIS"):
    FLOWS_STATE_STORE = "flows.statestore.redis_store"
    FLOWS_REDIS_STATE_STORE_URL = REDIS_URL
    SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
    # To the owner a lost session is a lost journey, here as with every peer.
    SILENCED_SYSTEM_CHECKS = ["flows.W001"]
