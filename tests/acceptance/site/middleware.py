from .. import faults

#: Tells the entries of one test from those of others. A header, since a form field or a query string would be part of
#: what is being tested.
RUN_HEADER = "X-Run"


def fault_middleware(get_response):
    """Fail where the request says, and just before the response if it says so."""

    def middleware(request):
        with faults.wanted(request.headers.get(faults.HEADER, "")):
            response = get_response(request)
            faults.fault("before-response")
            return response

    return middleware


def run_of(request):
    return request.headers.get(RUN_HEADER) or request.GET.get("run", "")
