"""What handling a page can end in."""

import copy
import pickle

from django.http import HttpResponse

from flows.components import COMPLETE
from flows.outcomes import OutcomeResponse


def test_complete_is_one_value_that_can_be_read_and_is_true():
    assert repr(COMPLETE) == "COMPLETE"
    assert copy.deepcopy(COMPLETE) is pickle.loads(pickle.dumps(COMPLETE)) is COMPLETE
    assert COMPLETE


def test_what_decorators_set_on_an_outcome_is_handed_on():
    carrier, response = OutcomeResponse(COMPLETE), HttpResponse("page")
    carrier["X-Frame-Options"] = "DENY"
    carrier.set_cookie("seen", "yes", httponly=True)
    carrier.hand_on(response)
    assert response["X-Frame-Options"] == "DENY"
    assert response.cookies["seen"].value == "yes"
    assert response.cookies["seen"]["httponly"]


def test_what_the_response_says_itself_stays():
    carrier, response = OutcomeResponse(COMPLETE), HttpResponse("page", content_type="text/plain")
    carrier["Cache-Control"], response["Cache-Control"] = "max-age=60", "no-store"
    carrier["Content-Length"] = "0"
    carrier.hand_on(response)
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Type"] == "text/plain"
    assert "Content-Length" not in response
