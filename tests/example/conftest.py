import os

import pytest

if os.environ["DJANGO_SETTINGS_MODULE"] != "tests.example.settings":
    raise pytest.UsageError("The example has settings of its own: pytest --ds=tests.example.settings tests/example")

from tests.example.customer import Customer, refill


@pytest.fixture(autouse=True)
def shop(django_db_reset_sequences):
    """The shop as its migrations fill it. Transactions are real, and so is what happens on commit."""
    refill()


@pytest.fixture
def customer():
    return Customer()


@pytest.fixture
def other():
    """A second customer, in another browser."""
    return Customer()
