"""A visitor as the tests need one: keeps to what a browser sends, and knows the page he is on."""

import re
import threading

from django.db import connection
from django.test import Client

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Visitor:
    """Opens pages, fills in forms, and follows where he is led."""

    def __init__(self, client=None):
        self.client = client or Client(enforce_csrf_checks=True)
        self.url = None
        self.response = None

    @property
    def page(self):
        """The path of the page he is on."""
        return self.url.partition("?")[0]

    @property
    def task_id(self):
        return re.search(r"_t=(\w+)", self.url).group(1)

    @property
    def text(self):
        return self.response.content.decode()

    def enter(self, url):
        """Return the URL to which an entry point leads, with the id of a task."""
        response = self.client.get(url)
        assert response.status_code == 302
        return response["Location"]

    def open(self, url):
        self.url = url
        self.response = self.client.get(url)
        return self.follow()

    def form(self, **data):
        """Return what the form on the page would send."""
        return {**data, "csrfmiddlewaretoken": TOKEN.search(self.text).group(1)}

    def submit(self, **data):
        return self.send(self.url, self.form(**data))

    def submit_without_token(self, **data):
        """Send the form as a script would, with no CSRF token in the body."""
        return self.send(self.url, data)

    def send(self, url, data):
        self.response = self.client.post(url, data)
        self.url = url
        return self.follow()

    def follow(self):
        while self.response.status_code in (301, 302, 303):
            self.url = self.response["Location"]
            self.response = self.client.get(self.url)
        return self.response

    def another_tab(self):
        """Return another tab of the same browser."""
        return Visitor(self.client)

    def twin(self):
        """Return the same browser for another thread: the same cookies, nothing shared."""
        client = Client(enforce_csrf_checks=True)
        for name, morsel in self.client.cookies.items():
            client.cookies[name] = morsel.value
        other = Visitor(client)
        other.url, other.response = self.url, self.response
        return other


def at_once(*calls):
    """Run calls in threads of their own, let go together; return what they returned."""
    barrier, results = threading.Barrier(len(calls)), [None] * len(calls)

    def run(number, call):
        try:
            barrier.wait()
            results[number] = call()
        except Exception as error:
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
