"""What the server loads once, before it forks: everything but connections, which no two processes may share."""

import gc

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from . import reverts

application = get_wsgi_application()
reverts.apply()
# Now, so that no visitor waits for it, and a fault in it keeps the server from starting.
get_resolver().url_patterns  # noqa: B018
# A process is forked more quickly, and gets to work more quickly, if nobody ever looks through all this again.
gc.freeze()
