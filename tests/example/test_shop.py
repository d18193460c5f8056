"""The shop around its checkout, and what its README says. In the checkout: see test_branches.py"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
from django.core.management import call_command

import flows

from shop.models import Order
from tests.example.customer import Customer

EXAMPLE = Path(__file__).parents[2] / "example"
README = EXAMPLE.joinpath("README.rst").read_text(encoding="utf-8")


def test_orders_are_on_a_page_of_their_customers_own(customer, other):
    customer.come_to_confirm("Teapot", 2)
    customer.submit()
    number = Order.objects.get().number
    customer.click("All your orders")
    assert number in customer.seen.links
    assert "2 × Teapot € 49.00" in customer.seen.text
    other.open("/orders/")
    assert other.page == "/login/"
    other.log_in("admin")
    assert other.page == "/orders/"
    assert "You have not ordered anything yet." in other.seen.text
    other.open(f"/orders/{number}/")
    assert other.response.status_code == 404


def test_orders_are_in_the_admin(customer, other):
    customer.come_to_confirm()
    customer.submit()
    order = Order.objects.get()
    other.open("/admin/")
    other.log_in("admin")
    other.open("/admin/shop/order/")
    assert order.number in other.seen.links
    other.open(f"/admin/shop/order/?q={order.number}")
    assert order.number in other.seen.links
    for path in (f"order/{order.pk}/change/", "item/", "paymentmethod/"):
        other.open(f"/admin/shop/{path}")
        assert other.response.status_code == 200


def test_logging_out_leads_home(customer):
    customer.open("/login/")
    customer.log_in()
    token = customer.client.cookies["csrftoken"].value
    customer.send("/logout/", {"csrfmiddlewaretoken": token})
    assert customer.page == "/"
    assert "Log in" in customer.seen.links


def test_the_checks_are_content_and_no_migration_is_missing():
    call_command("check", fail_level="INFO")
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.parametrize(("username", "password"), re.findall(r"^``(\w+)`` +``(\S+)``", README, re.MULTILINE))
def test_the_users_that_the_readme_names_can_log_in(username, password):
    customer = Customer()
    customer.open("/login/")
    customer.submit(username=username, password=password)
    assert customer.page == "/"
    assert username in customer.seen.text


def test_the_readme_names_users_and_files_that_are_there():
    assert len(re.findall(r"^``(\w+)`` +``(\S+)``", README, re.MULTILINE)) == 2
    files = re.findall(r"^``(\w+/\S+)``$", README, re.MULTILINE)
    assert files
    assert not [name for name in files if not EXAMPLE.joinpath(name).is_file()]


@pytest.fixture
def manage(tmp_path):
    """Function that starts ``manage.py`` of a copy of the example, with the example's own settings."""
    shutil.copytree(EXAMPLE, tmp_path / "example", ignore=shutil.ignore_patterns("*.sqlite3*", "__pycache__"))
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    environment["PYTHONPATH"] = str(Path(flows.__file__).parents[1])
    started = []

    def manage(*arguments):
        command = [sys.executable, tmp_path / "example/manage.py", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes)
        started.append(process)
        return process

    yield manage
    for process in started:
        with process:
            process.kill()


def test_it_starts_as_the_readme_says(manage):
    assert "Applying shop.0002_example_data... OK" in manage("migrate").communicate()[0]
    assert "Subject: Test email" in manage("sendtestemail", "kim@example.com").communicate()[0]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    server = manage("runserver", "--noreload", address)
    deadline = time.monotonic() + 20
    while True:
        try:
            with urlopen(f"http://{address}/") as response:
                assert "Teapot" in response.read().decode()
            break
        except OSError:
            assert server.poll() is None, server.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.05)
    with urlopen(f"http://{address}/static/shop/shop.css") as response:
        assert response.status == 200
