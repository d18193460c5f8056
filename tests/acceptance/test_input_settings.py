"""A site that is stricter than the one of the other cases, and lets flows end on two other hosts."""

import pytest

from tests.acceptance.gallery import STATUSES, plain_gallery
from tests.acceptance.hostile_targets import ALLOWED, REFUSED
from tests.acceptance.test_input_redirects import PAGE, is_own_end, run_through
from tests.acceptance.wire import in_parallel

SETTINGS = {
    "MIDDLEWARE": [
        "tests.acceptance.site.middleware.fault_middleware",
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    "SECURE_REFERRER_POLICY": "no-referrer",
    "X_FRAME_OPTIONS": "DENY",
    "FLOWS_ALLOWED_REDIRECT_HOSTS": ["pay.example", "pay.example:8443"],
}
#: What Django's middleware says in the head of each page of a project, and we neither say nor unsay.
HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}


@pytest.fixture(scope="module")
def strict(start):
    with start(settings=SETTINGS) as site:
        yield site


def test_a_site_keeps_the_headers_of_its_own(strict, trials):
    for name, response in plain_gallery(strict.browser()).items():
        assert {header: response.headers[header] for header in HEADERS} == HEADERS, name
        assert {"no-store", "private"} <= set(response.headers["Cache-Control"].split(", ")), name
        assert "Cookie" in response.headers["Vary"].split(", "), name
    trials(len(STATUSES))


def test_a_flow_may_end_on_a_host_that_is_allowed_and_on_no_other(strict, trials):
    def differs(trial):
        target, expected = trial
        answers = run_through(browser, target)
        is_right = (
            is_own_end(answers) if expected == "here" else {response.location for response in answers} == {target}
        )
        return None if is_right else (target, answers)

    browser = strict.browser()
    browser.open(PAGE)
    targets = [*((target, "there") for target in ALLOWED), *((target, "here") for target in REFUSED)]
    assert not list(filter(None, in_parallel(differs, targets)))
    trials(len(targets))


def test_on_https_a_host_that_is_allowed_is_on_https_too(strict, trials):
    browser = strict.browser()
    browser.open(PAGE)
    assert is_own_end(run_through(browser, "http://pay.example/", secure=True))
    answers = run_through(browser, "https://pay.example/", secure=True)
    assert {response.location for response in answers} == {"https://pay.example/"}
    trials(2)
