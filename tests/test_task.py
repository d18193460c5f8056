"""A task without a request or a store: what is in its document, and what changes it."""

import datetime
import json

import pytest
from django.test import override_settings

from flows.exceptions import NotStorable, StateDamaged, TaskTooLarge
from flows.journey.route import ANY, COMPLETED, Route, get_way
from flows.journey.task import Task
from flows.serializing import codec, documents

KEPT = {"a": 1, "when": datetime.date(2026, 2, 28)}
ROUTE = Route(("shop/first", "shop/second", "shop/"), frozenset({"shop/second", "shop/"}))


def begin(**options):
    return Task.begin("id", "flows:shop", codec, **{"kwargs": {}, **options})


def kept(task):
    """Return the task as the next request finds it."""
    return Task(task.id, json.loads(json.dumps(task.to_dict())), codec, is_stored=True)


# What comes back


def test_a_task_comes_back_with_all_that_was_in_it():
    task = begin(kwargs={"item": 7}, state=KEPT, on_complete_url="/thanks/")
    task.remember("shop/first", {"name": "Ada", "born": datetime.date(1815, 12, 10)})
    task.mark_answered("shop/first")
    task.keep_route(ROUTE)
    task.choose("shop/first", "shop/second")
    task.mark_seen("shop/second")
    task.keep_query("shop/first", "plan=gold")
    task.record("key", {"position": "shop/second"})
    task = kept(task)
    assert (task.flow, task.state, task.kwargs, task.on_complete_url) == (
        "flows:shop",
        KEPT,
        {"item": 7},
        "/thanks/",
    )
    assert task.answers_at("shop/first") == {"name": "Ada", "born": datetime.date(1815, 12, 10)}
    assert list(task.answered) == ["shop/first"]
    assert task.is_answered("shop/first")
    assert (task.route, task.last_seen) == (ROUTE, "shop/second")
    assert task.choices == {"shop/first": "shop/second"}
    assert task.get_query("shop/first") == "plan=gold"
    assert task.result_of("key") == {"position": "shop/second"}
    assert task.is_stored
    assert not task.ended


def test_the_state_is_the_projects_own_and_holds_no_key_of_ours():
    assert kept(begin()).state == {}


def test_the_state_that_a_task_is_begun_with_is_not_the_callers_dict():
    state = {"a": [1]}
    task = begin(state=state)
    task.state["a"].append(2)
    assert state == {"a": [1]}


@pytest.mark.parametrize("document", [None, [], "text", {}, {"flow": "flows:shop"}, {"ended": ""}])
def test_what_is_no_document_of_a_task_is_damaged(document):
    with pytest.raises(StateDamaged, match=r"^This is not the document of a task: "):
        Task("id", document, codec, is_stored=True)


# What changes it


def test_a_task_that_was_only_read_has_not_changed():
    task = kept(begin(kwargs={"item": 7}, state=KEPT))
    assert (task.state, task.kwargs) == (KEPT, {"item": 7})
    assert not task.changed


@pytest.mark.parametrize(
    "change",
    [
        lambda task: task.state.update(b=2),
        lambda task: task.state.update(a=1.0),
        lambda task: task.state.update(a=True),
        lambda task: task.state.clear(),
        lambda task: task.state["list"].append(1),
        lambda task: task.mark_answered("shop/first"),
        lambda task: task.mark_seen("shop/first"),
        lambda task: task.keep_route(ROUTE),
        lambda task: task.choose("shop/first", ""),
        lambda task: task.mark_completed("shop/inner"),
        lambda task: task.keep_query("shop/first", "a=b"),
        lambda task: task.remember("shop/first", {}),
        lambda task: task.record("key", {}),
        lambda task: task.merge_kwargs({"item": 8}),
        lambda task: task.mark_submitted("shop/first"),
        lambda task: task.end(""),
    ],
)
def test_a_change_is_seen(change):
    task = kept(begin(kwargs={"item": 7}, state={"a": 1, "list": []}))
    change(task)
    assert task.changed


@pytest.mark.parametrize(
    "change",
    [
        lambda task: task.mark_answered("shop/first"),
        lambda task: task.mark_seen("shop/first"),
        lambda task: task.keep_route(ROUTE),
        lambda task: task.choose("shop/first", "shop/second"),
        lambda task: task.keep_query("shop/first", ""),
        lambda task: task.undo_completion("shop/first"),
        lambda task: task.merge_kwargs({"item": 7}),
        lambda task: task.mark_rendered("shop/first"),
        lambda task: task.state.update(a=1),
    ],
)
def test_what_is_so_already_is_no_change(change):
    task = begin(kwargs={"item": 7}, state={"a": 1})
    task.mark_answered("shop/first")
    task.mark_seen("shop/first")
    task.keep_route(ROUTE)
    task.choose("shop/first", "shop/second")
    task = kept(task)
    change(task)
    assert not task.changed


def test_what_cannot_be_stored_is_found_when_asked_whether_the_task_changed():
    task = kept(begin())
    task.state["a"] = object()
    with pytest.raises(NotStorable, match=r"^state\['a'\] is a builtins.object, "):
        task.changed  # noqa: B018


def test_answers_that_cannot_be_stored_are_refused_at_once_and_named_by_their_position():
    task = begin()
    with pytest.raises(NotStorable, match=r"^answers\['shop/first'\]\['name'\] is a builtins.object, "):
        task.remember("shop/first", {"name": object()})


# What is answered, and complete


def test_a_page_is_open_from_its_answers_on_until_it_is_marked_as_answered():
    task = begin()
    task.remember("shop/first", {})
    assert not task.is_answered("shop/first")
    task.mark_answered("shop/first")
    assert kept(task).is_answered("shop/first")
    task.reopen("shop/first")
    assert not kept(task).is_answered("shop/first")
    assert task.answers_at("shop/first") == {}


@pytest.mark.parametrize(("answers", "is_completed"), [({"name": "Ada"}, True), ({"name": "Zoë"}, False)])
def test_another_answer_undoes_the_completion_of_what_holds_it(answers, is_completed):
    task = begin()
    task.remember("shop/inner/first", {"name": "Ada"})
    task.mark_answered("shop/inner/first")
    for key in ("shop/inner", "shop/inner-2", "shop/other"):
        task.mark_completed(key)
    task.remember("shop/inner/first", answers)
    assert task.is_completed("shop/inner") is is_completed
    assert task.is_completed("shop/inner-2")
    assert task.is_completed("shop/other")


def test_a_choice_begins_the_way_or_follows_what_let_any_follow():
    task = begin()
    task.put_on_way("pay/", "pay/method", after=None)
    task.choose("pay/method", ANY)
    task.put_on_way("pay/", "pay/voucher", after="pay/method")
    task.choose("pay/voucher", COMPLETED)
    assert get_way(task.choices, "pay/") == ["pay/method", "pay/voucher"]
    task.put_on_way("pay/", "pay/card", after=None)
    assert get_way(task.choices, "pay/") == ["pay/card"]


def test_what_is_pending_is_recorded_once_something_else_is():
    task = begin()
    task.set_pending(submission="a", position="shop/first", place="shop", url="/", is_claimed=True)
    assert kept(task).is_claimed
    task.release()
    assert not task.is_claimed
    assert task.result_of("a") is None
    task.set_pending(submission="b", position="shop/first", place="shop/first", url="/", is_claimed=True)
    assert task.result_of("a") == {"position": ""}
    task.release()
    assert task.pending is None


def test_answers_are_measured_with_what_was_read_and_without_those_they_replace():
    with override_settings(FLOWS_MAX_STATE_BYTES=20_000):
        task = begin()
        task.remember("shop/first", "x" * 8_000)
        task = Task("id", documents.from_text(documents.to_text(task.to_dict())), codec, is_stored=True)
        task.remember("shop/first", "y" * 8_000)
        for _ in range(2):
            with pytest.raises(TaskTooLarge) as error:
                task.remember("shop/second", "z" * 2_000)
        length = len(documents.to_text(task.to_dict())) + 1_998
        assert str(error.value) == (
            f"With answers['shop/second'] the task would be {length} bytes long, and FLOWS_MAX_STATE_BYTES is 20000. "
            f"Bound what the form takes, or set a higher limit."
        )
        assert list(task.answered) == ["shop/first"]
    with override_settings(FLOWS_MAX_STATE_BYTES=None):
        task.remember("shop/second", "z" * 2_000)
    assert task.answers_at("shop/second") == "z" * 2_000


def test_route_arguments_are_added_to_those_of_the_task():
    task = kept(begin(kwargs={"item": 7}))
    task.merge_kwargs({"kind": "red"})
    assert kept(task).kwargs == task.kwargs == {"item": 7, "kind": "red"}


def test_answers_that_are_given_again_replace_those_before():
    task = kept(begin())
    task.remember("a", {"name": "one"})
    assert task.answers_at("a") == {"name": "one"}
    task.remember("a", {"name": "two"})
    assert task.answers_at("a") == {"name": "two"}


# Which submissions were executed


def test_a_submission_that_was_not_executed_has_no_result():
    assert begin().result_of("key") is None


def test_a_page_that_is_shown_after_a_submission_without_a_token_is_another_rendering():
    task = begin()
    assert task.render_count("a") == 0
    task.mark_rendered("a")
    assert task.render_count("a") == 0
    task.mark_submitted("a")
    assert task.render_count("a") == 0
    task.mark_rendered("a")
    assert task.render_count("a") == 1
    task.mark_rendered("a")
    assert kept(task).render_count("a") == 1
    assert task.render_count("b") == 0


# The end


def test_an_ended_task_keeps_where_it_led_and_no_data():
    task = begin(kwargs={"item": 7}, state={"secret": 1}, on_complete_url="/thanks/")
    task.remember("a", {"name": "Ada"})
    assert task.state
    task.end("/orders/1/")
    assert task.to_dict() == {"flow": "flows:shop", "ended": "/orders/1/"}
    task = kept(task)
    assert task.ended
    assert (task.flow, task.ended_at) == ("flows:shop", "/orders/1/")


def test_a_task_that_ended_nowhere_has_ended():
    task = begin()
    task.end("")
    assert kept(task).ended
    assert kept(task).ended_at == ""


# What is noted of submissions is bounded


def again(task):
    return Task(task.id, documents.from_text(documents.to_text(task.to_dict())), codec, is_stored=True)


def test_what_many_submissions_came_to_takes_a_tenth_of_the_task_at_most():
    with override_settings(FLOWS_MAX_STATE_BYTES=100_000):
        task = begin()
        for number in range(300):
            task.record(f"key-{number}", {"url": f"/{number}/{'x' * 1900}"})
            task = again(task)
        assert len(documents.to_text(task.to_dict())) < 13_000
        assert task.result_of("key-299") == {"url": f"/299/{'x' * 1900}"}
        assert task.result_of("key-298") == {"url": f"/298/{'x' * 1900}"}
        assert task.result_of("key-290") == {"position": ""}
        assert task.result_of("key-0") is None


def test_the_pages_that_many_submissions_led_to_are_remembered():
    task = begin()
    for number in range(1000):
        task.record(f"{number:032}", {"position": f"journey/page-{number}"})
        task = again(task)
    assert task.result_of(f"{0:032}") == {"position": "journey/page-0"}


@pytest.mark.parametrize("characters", ["z", "é", "\N{GRINNING FACE}"])
def test_long_errors_are_shown_again_in_part(characters):
    task = begin()
    task.record("key", {"errors": {"name": [characters * 50_000, "Second"], "other": ["Third"]}})
    (errors,) = again(task).result_of("key").values()
    assert errors["name"][0] == characters * 400 + "…"
    assert len(documents.to_text(task.to_dict())) < 7_000


def test_many_errors_are_shown_again_in_part():
    task = begin()
    task.record("key", {"errors": {f"field-{number}": ["Wrong."] for number in range(5_000)}})
    errors = again(task).result_of("key")["errors"]
    assert errors["field-0"] == ["Wrong."]
    assert len(documents.to_text(task.to_dict())) < 7_000


def test_of_a_redirect_that_is_too_long_to_be_kept_it_is_known_that_there_was_one():
    task = begin()
    task.record("key", {"url": f"/{'x' * 50_000}"})
    assert again(task).result_of("key") == {"position": ""}
