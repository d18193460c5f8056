"""What is around the flows: who is logged in, what is in the session, what the effects came to."""

import json

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.models import User
from django.db.models import F
from django.http import HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from .middleware import run_of
from .models import Effect

#: Users that there are.
USERS = ("anna", "bea")


def ping(request):
    return HttpResponse("pong")


def effects(request):
    """Return the effects of a run that were committed."""
    rows = Effect.objects.filter(run=run_of(request)).order_by("pk").values("what", "key")
    return JsonResponse(list(rows), safe=False)


def session(request):
    """Return what there is in the visitor's session, and the size of it."""
    data = dict(request.session)
    size = len(json.dumps(data, default=str))
    return JsonResponse({"key": request.session.session_key, "names": sorted(data), "size": size})


def touch_session(request):
    """Write the session, as any view of a site may at any time."""
    request.session["touched"] = touched = request.session.get("touched", 0) + 1
    return JsonResponse({"touched": touched})


@csrf_exempt
@require_POST
def log_in(request):
    login(request, User.objects.get(username=request.POST["user"]))
    return HttpResponse(request.user.username)


@csrf_exempt
@require_POST
def log_out(request):
    logout(request)
    return HttpResponse("bye")


@csrf_exempt
@require_POST
def age(request):
    """Make a task older by so many seconds than it is: nobody wants to wait for it."""
    from datetime import timedelta

    task_id, seconds = request.POST["task"], int(request.POST["seconds"])
    if settings.SETUP.kind == "redis":
        from flows.statestore import redis_store

        client, key = redis_store.get_client(), redis_store._keys(task_id)[0]
        # One whose life is over is gone at once.
        aged = client.pexpire(key, max(client.pttl(key) - seconds * 1000, 0))
    else:
        from flows.models import StoredTask

        aged = StoredTask.objects.filter(pk=task_id).update(touched=F("touched") - timedelta(seconds=seconds))
    return JsonResponse({"aged": int(aged)})
