"""The way of a request: hooks from the root to the leaf, the action, hooks back to the root."""

from datetime import timedelta

import pytest
from django import forms
from django.contrib.auth import logout
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import F
from django.forms import formset_factory
from django.http import HttpResponse, HttpResponseRedirect
from django.test import Client
from django.urls import include, path, reverse

from flows.components import COMPLETE, Action, Scaffold
from flows.exceptions import InvalidOutcome, NotStorable
from flows.handler import FlowHandler
from flows.models import StoredTask
from flows.preconditions import PermissionRequired, RequiredState
from flows.statestore import redis_store
from flows.statestore.redis_client import get_client
from flows.transitions import Linear, Transition

from tests.testapp.flows import NameForm
from tests.testapp.models import Effect
from tests.visitor import Visitor

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class Log:
    """Notes in the state in which order the hooks ran."""

    def note(self, hook):
        self.state.setdefault("log", []).append(f"{self.name}.{hook}")

    def prepare(self):
        self.note("prepare")

    def handle_response(self, outcome):
        self.note("handle_response")
        return outcome


class Leaf(Log, Action):
    form_class = NameForm

    def form_valid(self, form):
        self.note("form_valid")
        return COMPLETE


class Other(Action):
    form_class = NameForm


class Inner(Log, Scaffold):
    action_set = [Leaf]

    def complete(self):
        self.note("complete")


class Hooks(Log, Scaffold):
    action_set = [Inner, Other]
    transition = Linear()


class Decide(Action):
    """Does what its form says."""

    form_class = NameForm

    def form_valid(self, form):
        name = form.cleaned_data["name"]
        if name == "forget":
            return None
        if name == "store":
            self.state["deep"] = {"list": [object()]}
        if name == "count":
            self.state.setdefault("deep", {"count": 0})["count"] += 1
        if name == "logout":
            logout(self.request)
        if name == "forbid":
            raise PermissionDenied
        if name == "page":
            return HttpResponse("a page", status=200)
        if name == "key":
            Effect.objects.create(what="key", detail=self.submission_key)
        return COMPLETE

    def form_invalid(self, form):
        self.state["tries"] = self.state.get("tries", 0) + 1
        return super().form_invalid(form)


class Last(Action):
    form_class = NameForm


class Deciding(Scaffold):
    action_set = [Other, Decide, Last]
    transition = Linear()
    refusals = 1

    def complete(self):
        if self.answers[Last]["name"] == "again":
            return Decide
        Effect.objects.create(what="complete")
        return None


class Callback(Action):
    """Comes back from elsewhere by GET."""

    def get(self, request, *args, **kwargs):
        return Last if "last" in request.GET else COMPLETE


class Calling(Scaffold):
    action_set = [Other, Callback, Last]
    transition = Linear()


class CalledLast(Scaffold):
    action_set = [Other, Callback]
    transition = Linear()

    def complete(self):
        Effect.objects.create(what="complete")


class Guarded(Action):
    preconditions = [RequiredState("never", otherwise=Other)]


class Barred(Action):
    preconditions = [RequiredState("never")]


class Bars(Scaffold):
    action_set = [Other, Guarded]
    transition = Linear()


class Free(Barred):
    pass


class Walled(Scaffold):
    action_set = [Barred, Free]


class PickItem(Action):
    form_class = NameForm

    def form_valid(self, form):
        self.kwargs["item"] = form.cleaned_data["name"]
        return COMPLETE


class ShowItem(Action):
    form_class = NameForm
    url = "show/<int:item>/"


class Picking(Scaffold):
    action_set = [PickItem, ShowItem]
    transition = Linear()


class Prepared(Scaffold):
    action_set = [Other, Last]

    def prepare(self):
        return {"response": HttpResponseRedirect("/elsewhere/"), "component": Last, "complete": COMPLETE}.get(
            self.request.GET.get("prepare")
        )


class UploadForm(forms.Form):
    file = forms.FileField()


class Upload(Action):
    form_class = UploadForm

    def form_valid(self, form):
        Effect.objects.create(what="upload")
        return COMPLETE


class KeepName(Upload):
    def get_answers(self, form):
        return {"file": form.cleaned_data["file"].name}


class Uploads(Scaffold):
    action_set = [KeepName, Upload]
    transition = Linear()


class Several(Action):
    form_class = formset_factory(NameForm, extra=2)


class Formsets(Scaffold):
    action_set = [Several, Last]
    transition = Linear()


class Circle(Transition):
    """Goes round for ever."""

    def choose_next(self, scaffold, child):
        return SkippedB if child is SkippedA else SkippedA


class SkippedA(Action):
    def should_skip(self):
        return bool(self.answers)


class SkippedB(SkippedA):
    def should_skip(self):
        return True


class Endless(Scaffold):
    action_set = [SkippedA, SkippedB]
    transition = Circle()


class SaleIsOpen(Linear):
    """Lets nobody in while the sale is closed."""

    def can_enter(self, scaffold, child):
        return not closed and super().can_enter(scaffold, child)


class Sale(Scaffold):
    action_set = [Other, Last]
    transition = SaleIsOpen()

    def complete(self):
        Effect.objects.create(what="complete")


#: Holds something while the sale is closed.
closed = []


class Unasked(Action):
    """A page for others."""

    def should_skip(self):
        return True


class Approve(Scaffold):
    """Every page is skipped; what remains is to complete it."""

    preconditions = [PermissionRequired("testapp.approve")]
    action_set = [Unasked]
    transition = Linear()

    def prepare(self):
        Effect.objects.create(what="prepare")

    def complete(self):
        Effect.objects.create(what="complete")


class Diverted(Approve):
    """Its precondition leads to a page that is skipped too."""

    preconditions = [RequiredState("never", otherwise=Unasked)]


class WhileItIsOpen(Action):
    """Leads to a page that is skipped when the sale is closed."""

    preconditions = [lambda component: Unasked if closed else None]


class Market(Scaffold):
    action_set = [WhileItIsOpen, Unasked]
    transition = Linear()


class OneClick(Approve):
    url = "one-click/<int:item>/"
    preconditions = []


class Checked(Action):
    """Has nothing to ask."""

    def prepare(self):
        return COMPLETE


class Counting(Scaffold):
    action_set = [Checked]
    transition = Linear()

    def complete(self):
        Effect.objects.create(what="counted", detail=self.submission_key)


class Counted(Scaffold):
    action_set = [Other, Counting, Last]
    transition = Linear()


class CountingClaimed(Counting):
    guarantee = "claim"


class Claims(Scaffold):
    action_set = [Other, CountingClaimed, Last]
    transition = Linear()


class Gift(Scaffold):
    url = "gift/<slug:to>/"
    action_set = [Other, "Linked"]


class Linked(Action):
    form_class = NameForm


class Away(Scaffold):
    """One page, and the end leads elsewhere."""

    action_set = [Other]
    transition = Linear()

    def complete(self):
        Effect.objects.create(what="complete")
        return HttpResponseRedirect("/elsewhere/")


FLOWS = [
    Hooks,
    Deciding,
    Calling,
    CalledLast,
    Bars,
    Walled,
    Prepared,
    Uploads,
    Formsets,
    Endless,
    Gift,
    Away,
    Sale,
    Approve,
    Market,
    Diverted,
    OneClick,
    Counted,
    Claims,
    Picking,
]
handler = FlowHandler()
for flow in FLOWS:
    handler.register_entry_point(flow)
urlpatterns = [path("", include(handler.urls))]


def begin(flow, *answers, **kwargs):
    visitor = Visitor()
    visitor.open(reverse(f"flows:{flow}", kwargs=kwargs))
    for answer in answers:
        visitor.submit(name=answer)
    return visitor


def state(visitor):
    return visitor.response.context["state"]


def test_hooks_run_from_the_root_to_the_leaf_and_back():
    visitor = begin("hooks", "x")
    assert visitor.page == "/hooks/other/"
    assert state(visitor)["log"] == [
        "hooks.prepare",
        "inner.prepare",
        "leaf.prepare",
        "leaf.form_valid",
        "leaf.handle_response",
        "inner.complete",
        "inner.handle_response",
        "hooks.handle_response",
        # The page that is shown now
        "hooks.prepare",
        "hooks.handle_response",
    ]


def test_what_a_hook_changes_on_get_is_kept():
    visitor = begin("hooks", "x")
    before = len(state(visitor)["log"])
    visitor.open(visitor.url)
    assert len(state(visitor)["log"]) > before


@pytest.mark.parametrize("answer", ["forget"])
def test_what_is_no_outcome_says_who_and_what_and_keeps_nothing(answer):
    visitor = begin("deciding", "x")
    before = StoredTask.objects.get().data
    with pytest.raises(InvalidOutcome) as error:
        visitor.submit(name=answer)
    assert str(error.value) == (
        "Decide at 'deciding/decide' ended in None, which is not an outcome. "
        "Return COMPLETE, a component class or an HttpResponse."
    )
    assert StoredTask.objects.get().data == before


def test_state_that_cannot_be_kept_says_where_and_keeps_nothing():
    visitor = begin("deciding", "x")
    with pytest.raises(NotStorable, match=r"^state\['deep'\]\['list'\]\[0\] is a builtins.object, which"):
        visitor.submit(name="store")
    assert "deep" not in StoredTask.objects.get().data


def test_nested_changes_of_the_state_are_kept():
    visitor = begin("deciding", "x", "count")
    visitor.open(visitor.response.context["flow"].back_url)
    visitor.submit(name="count")
    assert state(visitor)["deep"] == {"count": 2}


def test_state_that_an_invalid_submission_changed_is_kept():
    visitor = begin("deciding", "x", "", "")
    assert state(visitor)["tries"] == 2
    assert state(begin("deciding", "x")) == {}


def test_an_invalid_submission_that_is_sent_twice_changes_the_state_once():
    visitor = begin("deciding", "x")
    url, form = visitor.url, visitor.form(name="")
    for _ in range(3):
        visitor.send(url, form)
        assert "This field is required." in visitor.text
    assert state(visitor)["tries"] == 1


def test_an_invalid_submission_without_a_token_changes_the_state_again_after_the_page_was_shown_again():
    visitor = begin("deciding", "x")
    visitor.client.handler.enforce_csrf_checks = False
    for tries in (1, 2):
        visitor.open(visitor.url)
        for _ in range(2):
            visitor.send(visitor.url, {"name": ""})
            assert state(visitor)["tries"] == tries


def test_an_action_that_ends_the_session_takes_the_task_along():
    visitor = begin("deciding", "x")
    old = visitor.client.cookies["sessionid"].value
    visitor.submit(name="logout")
    assert visitor.response.status_code == 200
    assert visitor.page == "/deciding/last/"
    assert visitor.client.cookies["sessionid"].value != old


def test_an_action_may_forbid():
    visitor = begin("deciding", "x")
    visitor.submit(name="forbid")
    assert visitor.response.status_code == 403


def test_an_action_that_answers_with_a_page_is_executed_once():
    visitor = begin("deciding", "x")
    url, form = visitor.url, visitor.form(name="page")
    assert visitor.client.post(url, form).content == b"a page"
    visitor.send(url, form)
    assert visitor.url == url
    assert 'value="page"' in visitor.text


def test_the_submission_key_is_the_same_at_every_attempt(monkeypatch):
    visitor = begin("deciding", "x")
    keys = []
    valid = Decide.form_valid

    def fail_once(self, form):
        keys.append(self.submission_key)
        if len(keys) == 1:
            raise ZeroDivisionError
        return valid(self, form)

    monkeypatch.setattr(Decide, "form_valid", fail_once)
    url, form = visitor.url, visitor.form(name="key")
    with pytest.raises(ZeroDivisionError):
        visitor.send(url, form)
    visitor.send(url, form)
    assert keys[0] == keys[1] == Effect.objects.get().detail
    assert visitor.task_id not in keys[0]


def test_complete_may_send_back_and_the_task_goes_on():
    visitor = begin("deciding", "x", "y", "again")
    assert visitor.page == "/deciding/decide/"
    visitor.submit(name="y")
    visitor.submit(name="enough")
    assert "Done" in visitor.text
    assert Effect.objects.filter(what="complete").count() == 1


def test_a_get_may_lead_on():
    visitor = begin("calling", "x")
    assert visitor.page == "/calling/last/"
    visitor.submit(name="y")
    assert "Done" in visitor.text


def test_a_get_may_name_the_page_to_go_to():
    handlers = begin("calling", "x")
    handlers.open(f"/calling/callback/?_t={handlers.task_id}&last")
    assert handlers.page == "/calling/last/"


def test_a_get_completes_nothing_but_offers_to():
    visitor = begin("called-last", "x")
    assert "nothing more to fill in" in visitor.text
    for _ in range(3):
        visitor.open(visitor.url)
    assert not Effect.objects.exists()
    visitor.submit()
    assert "Done" in visitor.text
    assert Effect.objects.count() == 1


def test_a_precondition_may_lead_elsewhere():
    assert begin("bars", "x").page == "/bars/other/"


def test_where_a_precondition_leads_nowhere_there_is_no_such_task(caplog):
    caplog.set_level("INFO", logger="flows")
    for page in ("barred", "free"):
        response = Visitor().open(f"/walled/{page}/")
        assert response.status_code == 404
    assert not StoredTask.objects.exists()
    assert caplog.messages[0] == (
        "A precondition of Barred at 'walled/barred' does not hold, and no page before it is open. "
        "Give RequiredState an otherwise=, or give the entry link an initial_state."
    )


def test_prepare_may_answer_in_place_of_the_page():
    visitor = Visitor()
    url = visitor.enter(reverse("flows:prepared"))
    assert visitor.client.get(url + "&prepare=response")["Location"] == "/elsewhere/"
    assert visitor.client.get(url + "&prepare=component")["Location"].startswith("/prepared/last/?_t=")
    assert "nothing more" in visitor.client.get(url + "&prepare=complete").content.decode()
    assert not StoredTask.objects.exists()


def test_answers_that_cannot_be_kept_fail_before_the_effects():
    visitor = begin("uploads")
    visitor.submit(file=SimpleUploadedFile("a.txt", b"a"))
    assert visitor.page == "/uploads/upload/"
    assert Effect.objects.count() == 1
    with pytest.raises(NotStorable) as error:
        visitor.submit(file=SimpleUploadedFile("b.txt", b"b"))
    assert "answers['uploads/upload']['file'] is a django.core.files.uploadedfile.InMemoryUploadedFile" in str(
        error.value
    )
    assert Effect.objects.count() == 1


def test_an_upload_of_another_content_is_another_submission():
    visitor = begin("uploads")
    url, form = visitor.url, visitor.form()
    for content in (b"a", b"a", b"b"):
        response = visitor.client.post(url, {**form, "file": SimpleUploadedFile("a.txt", content)})
        assert response.status_code == 302
    assert Effect.objects.count() == 2


def test_a_formset_is_a_form():
    visitor = begin("formsets")
    prefix = {"form-TOTAL_FORMS": "2", "form-INITIAL_FORMS": "0"}
    visitor.submit(**prefix, **{"form-0-name": "one", "form-1-name": "two"})
    assert visitor.page == "/formsets/last/"
    assert visitor.response.context["answers"][Several] == [{"name": "one"}, {"name": "two"}]
    visitor.open(visitor.response.context["flow"].back_url)
    assert 'value="two"' in visitor.text


def test_a_transition_that_goes_round_ends():
    visitor = begin("endless")
    visitor.submit()
    assert "Done" in visitor.text


def test_a_link_on_the_first_page_has_the_route_arguments_of_its_url(monkeypatch):
    monkeypatch.setattr(Other, "get_context_data", lambda self, **kwargs: {"link": self.link_to(Linked), "flow": None})
    visitor = begin("gift", to="anna")
    link = visitor.response.context["link"]
    assert link == f"/gift/anna/linked/?_t={visitor.task_id}"


def test_a_first_submission_that_ends_the_flow_elsewhere_is_executed_once(each_store):
    visitor = begin("away")
    form = visitor.form(name="x")
    for _ in range(3):
        assert visitor.client.post(visitor.url, form)["Location"] == "/elsewhere/"
    assert Effect.objects.count() == 1


@pytest.mark.parametrize("flow", ["counted", "claims"])
def test_what_completes_without_a_page_of_its_own_is_completed_once(each_store, flow, transactional_db):
    visitor = begin(flow, "x")
    assert "There is nothing more to fill in." in visitor.text
    url, form = visitor.url, visitor.form()
    for _ in range(2):
        visitor.send(url, form)
        assert visitor.page == f"/{flow}/last/"
    assert Effect.objects.count() == 1
    visitor.submit(name="y")
    assert "Done" in visitor.text


def test_a_route_argument_that_was_set_as_text_leads_to_its_page():
    visitor = begin("picking", "5")
    assert (visitor.response.status_code, visitor.page) == (200, "/picking/show/5/")
    visitor.open(visitor.url.replace("/5/", "/6/"))
    assert visitor.page == "/picking/show/5/"
    visitor.submit(name="x")
    assert "Done" in visitor.text


def entry_link(rf, visitor, flow, **kwargs):
    """Return the URL of a task that is begun for a visitor with these route arguments."""
    request = rf.get("/")
    request.session = visitor.client.session
    url = handler.flow_entry_link(request, flow, initial_state={}, url_kwargs=kwargs)
    request.session.save()
    return url


def test_a_route_argument_that_fits_no_route_is_not_that_of_the_url(rf):
    visitor = begin("picking")
    url = entry_link(rf, visitor, Picking, item="none")
    visitor.open(url.replace("/pick-item/", "/show/5/"))
    assert (visitor.response.status_code, visitor.page) == (200, "/picking/pick-item/")


def test_who_struggles_with_a_form_uses_his_task(settings, each_store):
    visitor = begin("deciding", "x")
    for _ in range(4):
        let_pass(settings.FLOWS_TASK_IDLE_TIMEOUT * 0.4, visitor.task_id, each_store)
        response = visitor.client.post(visitor.url, visitor.form(name=""))
        assert response.status_code == 200


def let_pass(seconds, task_id, store):
    """Make a task older."""
    if store == "redis":
        key, _, _ = redis_store._keys(task_id)
        get_client().pexpire(key, int(get_client().pttl(key) - seconds * 1000))
    else:
        StoredTask.objects.update(touched=F("touched") - timedelta(seconds=seconds))


# A flow of which no page is to be shown


def test_a_flow_without_pages_is_completed_by_its_button():
    visitor = begin("one-click", item=1)
    assert "There is nothing more to fill in." in visitor.text
    Effect.objects.all().delete()
    visitor.submit()
    assert "Done" in visitor.text
    assert list(Effect.objects.values_list("what", flat=True)) == ["prepare", "complete"]


@pytest.mark.parametrize("path", ["/approve/", "/approve/unasked/"])
def test_a_flow_without_pages_is_not_completed_by_who_may_not(path):
    visitor = Visitor(Client())
    inside = visitor.enter(path)
    for response in (visitor.client.get(inside), visitor.client.post(inside), visitor.client.post(path)):
        assert (response.status_code, response["Location"].partition("?")[0]) == (302, "/accounts/login/")
    visitor.client.force_login(User.objects.create(username="mallory"))
    for response in (visitor.client.get(inside), visitor.client.post(inside), visitor.client.post(path)):
        assert response.status_code == 403
    assert not Effect.objects.exists()


def test_where_a_precondition_leads_to_a_page_that_is_skipped_the_flow_is_not_completed(caplog):
    visitor = Visitor(Client())
    url = visitor.enter("/diverted/")
    for response in (visitor.client.get(url), visitor.client.post(url)):
        assert response.status_code == 403
    assert not Effect.objects.exists()
    assert "Every page of Unasked, to which Diverted leads, is skipped for this visitor." in caplog.text


@pytest.mark.parametrize("is_begun", [True, False])
def test_a_page_whose_precondition_leads_to_one_that_is_skipped_does_not_lead_to_itself(
    is_begun, rf, monkeypatch, caplog
):
    visitor = begin("market")
    if is_begun:
        visitor.open(entry_link(rf, visitor, Market))
        assert visitor.response.status_code == 200
    with monkeypatch.context() as patch:
        patch.setattr(f"{__name__}.closed", [True])
        assert visitor.client.get(visitor.url).status_code == 403
    assert "Every page of Unasked, to which WhileItIsOpen leads, is skipped for this visitor." in caplog.text
    assert visitor.client.get(visitor.url).status_code == 200


def test_a_flow_that_lets_nobody_in_any_more_is_not_completed(monkeypatch):
    visitor = begin("sale", "x")
    url, form = visitor.url, visitor.form(name="y")
    with monkeypatch.context() as patch:
        patch.setattr(f"{__name__}.closed", [True])
        newcomer = Visitor(Client())
        for stranger, path in ((visitor, url), (newcomer, newcomer.enter(reverse("flows:sale")))):
            for response in (stranger.client.get(path), stranger.client.post(path, form)):
                assert response.status_code == 403
    assert not Effect.objects.exists()
    visitor.send(url, form)
    assert "Done" in visitor.text


def test_a_flow_without_pages_is_not_completed_with_other_route_arguments_than_the_tasks(rf):
    visitor = begin("one-click", item=2)
    url = entry_link(rf, visitor, OneClick, item=1)
    elsewhere = url.replace("/1/", "/2/")
    for response in (visitor.client.get(elsewhere), visitor.client.post(elsewhere, visitor.form())):
        assert (response.status_code, response["Location"].partition("?")[0]) == (302, "/one-click/1/unasked/")
    assert not Effect.objects.filter(what="complete").exists()
    visitor.open(response["Location"])
    visitor.submit()
    assert "Done" in visitor.text


# A position that a deploy removed


def test_a_task_at_a_position_that_was_removed_goes_on_where_it_can(settings):
    visitor = begin("deciding", "x", "y")
    assert visitor.page == "/deciding/last/"
    shorter = FlowHandler()
    shorter.register_entry_point(type("Deciding", (Scaffold,), {"action_set": [Other, Decide], "transition": Linear()}))
    settings.ROOT_URLCONF = type("urls", (), {"urlpatterns": [path("", include(shorter.urls))]})
    visitor.open(visitor.url)
    assert (visitor.response.status_code, visitor.page) == (200, "/deciding/decide/")
