"""What is made once in a process: imports, and the URLs of a flow of a thousand positions."""

import json
import os
import subprocess
import sys
import time
import tracemalloc

POSITIONS = 1000
#: The app and the module of each that a project imports.
MODULES = {
    "django-flows": ("flows", "flows.handler"),
    "django-formtools": ("formtools", "formtools.wizard.views"),
    "django-gandalf": ("gandalf", "gandalf.viewsets"),
}
TIMES = 7


def import_milliseconds(name):
    """Return by how much longer a process takes to start that imports this, the least of several times."""
    return max(0.0, _start(*MODULES[name]) - _start("", "django"))


def _start(app, module):
    # Django's own views, forms and models are on every site, whoever uses them.
    code = (
        "import time, django, django.views.generic, django.forms.formsets, django.forms.models, django.urls\n"
        "import django.core.handlers.wsgi, django.template.response, django.contrib.messages, django.core.checks\n"
        "before = time.process_time(); django.setup(); import django.contrib.sessions.backends.db\n"
        f"import {module}; print(time.process_time() - before)"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "benchmarks.bare_settings", "BENCHMARKS_APP": app}
    command = [sys.executable, "-c", code]
    return min(float(subprocess.check_output(command, env=environment)) for _ in range(TIMES)) * 1000


def build_and_resolve(name):
    """Measure the URLs of a journey of `POSITIONS` pages in a new process, with what they take in memory.

    Returns None where there can be none of so many pages.
    """
    command = [sys.executable, "-m", "benchmarks.starting", name]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if "RecursionError" in run.stderr:
        return None
    run.check_returncode()
    return json.loads(run.stdout)


def _measure(name):
    import django

    django.setup()
    from django.urls import get_resolver

    from .contenders import all_contenders
    from .visitor import Urlconf

    contender = next(each for each in all_contenders() if each.name == name)
    contender.make(3, False)  # its modules are imported
    tracemalloc.start()
    urlconf = Urlconf(contender.make(POSITIONS, False))
    with urlconf:
        resolver = get_resolver()
        resolver.resolve("/")
        memory = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
    before = time.process_time()
    urlconf = Urlconf(contender.make(POSITIONS, False))
    built = time.process_time() - before
    with urlconf:
        resolver = get_resolver()
        resolver.resolve("/")
        paths = list(_paths(resolver))
        before = time.process_time()
        for path in paths:
            resolver.resolve(path)
        resolved = (time.process_time() - before) / len(paths)
    return {
        "build_milliseconds": built * 1000,
        "resolve_microseconds": resolved * 1_000_000,
        "kilobytes": memory / 1024,
    }


def _paths(resolver):
    """Yield the URL of each page."""
    from django.urls import Resolver404

    for number in range(2, POSITIONS + 1):
        for path in (f"/page-{number}/", f"/0b1e6f4e-9a3c-4b0e-8f43-2d9f0f0c1a11/page-{number}/"):
            try:
                resolver.resolve(path)
            except Resolver404:
                continue
            yield path
            break


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
    print(json.dumps(_measure(sys.argv[1])))
