"""What the store keeps, as an operator with a console sees it: raw, and whoever asks."""

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpResponse, JsonResponse
from django.urls import path
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

PREFIX = getattr(settings, "FLOWS_REDIS_STATE_STORE_PREFIX", "")


def record(request):
    """Return all that is kept of a task, with the moment from which its idle time counts; null where nothing is."""
    task_id = request.GET["task"]
    return JsonResponse(_kept(task_id).get(task_id), safe=False)


def records(request):
    """Return all that is kept of all tasks, by id."""
    return JsonResponse(_kept())


@csrf_exempt
@require_POST
def damage(request):
    """Put a text in the place of what a task has said."""
    task_id, text = request.POST["task"], request.POST["text"]
    if settings.SETUP.kind == "redis":
        from flows.statestore import redis_store

        redis_store.get_client().hset(redis_store._keys(task_id)[0], "data", text)
    else:
        from flows.models import StoredTask

        StoredTask.objects.filter(pk=task_id).update(data=text)
    return HttpResponse("damaged")


@csrf_exempt
@require_POST
def forget_session(request):
    """Delete a session on the server, and leave the cookie to whoever has it."""
    store: type[SessionBase] = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    store().delete(request.POST["key"])
    return HttpResponse("forgotten")


def session_data(request):
    """Return what there is in the visitor's session, which no page of a site should tell."""
    return JsonResponse(dict(request.session))


def _kept(task_id=None):
    if settings.SETUP.kind == "redis":
        return _kept_in_redis(task_id)
    from flows.models import StoredTask

    rows = StoredTask.objects.filter(**({"pk": task_id} if task_id else {}))
    return {row["id"]: row for row in rows.values()}


def _kept_in_redis(task_id):
    from flows.statestore import redis_store

    client, kept = redis_store.get_client(), {}
    keys = redis_store._keys(task_id) if task_id else client.scan_iter(f"{PREFIX}{{*", count=1000)
    keys = [key for key in keys if client.exists(key)] if task_id else list(keys)
    with client.pipeline() as pipeline:
        for key in keys:
            pipeline.pexpiretime(key)
            (pipeline.hgetall if key.endswith(b":task") else pipeline.get)(key)
        found = pipeline.execute()
    for key, until, value in zip(keys, found[::2], found[1::2], strict=True):
        task_id, _, what = key.decode().partition("{")[2].partition("}:")
        entry = kept.setdefault(task_id, {})
        if isinstance(value, dict):
            entry |= {name.decode(): field.decode() for name, field in value.items()} | {"touched": until}
        else:
            entry[what] = str(value)
    return kept


urlpatterns = [
    path("record/", record),
    path("records/", records),
    path("damage/", damage),
    path("forget-session/", forget_session),
    path("session-data/", session_data),
]
