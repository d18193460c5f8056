import pytest
from django.urls import reverse

from tests.testapp.models import Effect

pytestmark = pytest.mark.django_db


def test_a_journey_from_the_first_page_to_the_end(client):
    response = client.get(reverse("flows:journey"))
    assert response.status_code == 302
    response = client.get(response["Location"])
    assert response.status_code == 200
    for page in ("second", "third"):
        response = client.post(response.request["PATH_INFO"] + "?" + response.request["QUERY_STRING"], {"name": page})
        assert response.status_code == 302
        response = client.get(response["Location"])
        assert response.status_code == 200, page
        print(response.content.decode())
        assert response.request["PATH_INFO"] == f"/journey/{page}/"
    response = client.post(response.request["PATH_INFO"] + "?" + response.request["QUERY_STRING"], {"name": "end"})
    response = client.get(response["Location"])
    assert "Done" in response.content.decode()
    assert Effect.objects.get(what="complete").detail == "second,third,end"
