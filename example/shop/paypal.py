"""A stand-in for a payment provider on another site: a signed request goes there, a signed result comes back.

The view is what the provider would run; `payment_url()` and `read_result()` are what it would give to shops.
"""

from urllib.parse import urlencode

from django.core import signing
from django.http import HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

REQUEST_SALT = "shop.paypal.request"
RESULT_SALT = "shop.paypal.result"
MAX_AGE = 60 * 60


def payment_url(*, reference, amount, return_url):
    """Return where to send a customer, who comes back to `return_url` with a `result` in its query."""
    request = {"reference": reference, "amount": str(amount), "return_url": return_url}
    return f"{reverse('shop:paypal')}?{urlencode({'payment': signing.dumps(request, salt=REQUEST_SALT)})}"


def read_result(signed):
    """Return a dict with `reference`, `amount` and `approved`, or None for a forgery."""
    try:
        return signing.loads(signed, salt=RESULT_SALT, max_age=MAX_AGE)
    except signing.BadSignature:
        return None


@never_cache
@require_http_methods(["GET", "POST"])
def provider(request):
    try:
        payment = signing.loads(request.GET.get("payment", ""), salt=REQUEST_SALT, max_age=MAX_AGE)
    except signing.BadSignature:
        return HttpResponseBadRequest("This is not a request for a payment.", content_type="text/plain")
    if request.method == "GET":
        return render(request, "shop/paypal_provider.html", {"payment": payment})
    result = {
        "reference": payment["reference"],
        "amount": payment["amount"],
        "approved": request.POST.get("answer") == "approve",
    }
    # return_url was signed by the shop, so this redirects to nobody else.
    url = payment["return_url"]
    separator = "&" if "?" in url else "?"
    return redirect(f"{url}{separator}{urlencode({'result': signing.dumps(result, salt=RESULT_SALT)})}")
