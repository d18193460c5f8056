"""The journey of the contender that the environment names."""

import os

from benchmarks.contenders import all_contenders

PAGES = 10
CONTENDER = os.environ.get("BENCHMARKS_CONTENDER")

urlpatterns = [
    pattern for contender in all_contenders() if contender.name == CONTENDER for pattern in contender.make(PAGES, False)
]
