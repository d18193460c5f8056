"""What makes two requests one submission."""

import json
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.test import RequestFactory

from flows.engine.submission import Submission
from flows.tree.positions import Position

from tests.testapp.flows import Journey, Second

PLACE = Position(Journey).child(Second)
FORM = "application/x-www-form-urlencoded"
TOKEN = "t" * 64


def key(method="post", path="/journey/second/", body="name=one", content_type=FORM, place=PLACE, **options):
    request = RequestFactory().generic(method.upper(), path, body, content_type, **options)
    return Submission(request, place).key("task", 0)


def test_the_same_request_is_the_same_submission():
    assert key() == key()


@pytest.mark.parametrize(
    "other",
    [
        {"method": "put"},
        {"method": "delete"},
        {"body": "name=two"},
        {"body": "name=one&name=two"},
        {"path": "/journey/second/7/"},
        {"path": "/journey/second/?item=1"},
        {"place": PLACE.parent},
    ],
    ids=str,
)
def test_what_differs_in_method_body_path_query_or_position_is_another(other):
    assert key(**other) != key()


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_queries_tell_submissions_of_each_method_apart(method):
    keys = [key(method, f"/journey/second/?{query}", "") for query in ("item=1", "item=2", "item=1&item=2", "item=")]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
@pytest.mark.parametrize("content_type", [FORM, "multipart/form-data; boundary=x", "application/json", "text/plain"])
def test_bodies_that_django_does_not_read_as_a_form_tell_submissions_apart(method, content_type):
    assert key(method, body="name=one", content_type=content_type) != key(
        method, body="name=two", content_type=content_type
    )


def test_our_own_parameters_are_no_part_of_it(settings):
    settings.FLOWS_TASK_ID_PARAM = "task"
    assert key(path="/journey/second/?task=1&a=b&_on_complete=/x/") == key(path="/journey/second/?a=b")
    assert key(path="/journey/second/?_t=1") != key()


def test_a_file_is_part_of_it_by_its_name_type_and_content():
    def sent(**changed):
        file = {"name": "a.txt", "content": b"a", "content_type": "text/plain", **changed}
        request = RequestFactory().post("/", {"file": SimpleUploadedFile(**file)})
        return Submission(request, PLACE).key("task", 0)

    assert sent() == sent()
    assert len({sent(), sent(name="b.txt"), sent(content=b"b"), sent(content_type="text/html")}) == 4


def test_without_a_token_each_rendering_is_another():
    request = RequestFactory().post("/", {"name": "one"})
    submission = Submission(request, PLACE)
    assert not submission.has_token
    assert submission.key("task", 0) != submission.key("task", 1)


def test_with_a_token_the_rendering_is_in_the_body():
    submission = Submission(RequestFactory().post("/", {"csrfmiddlewaretoken": TOKEN}), PLACE)
    assert submission.has_token
    assert submission.key("task", 0) == submission.key("task", 1)


def test_a_token_in_a_body_that_is_no_form_is_none():
    body = QueryDict(mutable=True)
    body["csrfmiddlewaretoken"] = TOKEN
    for method, content_type, text in (("PUT", FORM, body.urlencode()), ("POST", "text/plain", body.urlencode())):
        request = RequestFactory().generic(method, "/", text, content_type)
        assert not Submission(request, PLACE).has_token


def test_whoever_knows_the_body_but_not_the_secret_key_cannot_make_the_key(settings):
    mine = key()
    settings.SECRET_KEY = "another"
    assert key() != mine


def test_a_body_that_was_read_stays_to_be_read():
    request = RequestFactory().generic("PUT", "/", BytesIO(json.dumps({"a": 1}).encode()).read(), "application/json")
    Submission(request, PLACE)
    assert json.loads(request.body) == {"a": 1}


@pytest.mark.parametrize("method", ["post", "put", "patch"])
def test_the_boundary_of_a_multipart_body_is_no_part_of_it(method):
    def sent(boundary, name="one"):
        body = f'--{boundary}\r\nContent-Disposition: form-data; name="name"\r\n\r\n{name}\r\n--{boundary}--\r\n'
        return key(method, body=body, content_type=f"multipart/form-data; boundary={boundary}")

    assert sent("x1x2x3") == sent("y4y5y6") != sent("x1x2x3", "two")
