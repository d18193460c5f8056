"""Make the site's database, or remove it: ``python -m tests.acceptance.site.prepare create``, or ``destroy``."""

import sys

import django


def create():
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection

    from .views import USERS

    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    call_command("check")  # after that: some checks ask the database what it can do
    User.objects.bulk_create(User(username=name, password="!") for name in USERS)


def destroy():
    from django.db import connection

    connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)


if __name__ == "__main__":
    django.setup()
    {"create": create, "destroy": destroy}[sys.argv[1]]()
