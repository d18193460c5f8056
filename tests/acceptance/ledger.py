"""What was done, whatever became of the request that did it: a file outside of every transaction.

The site writes, the tests read. An entry is one JSON line, written by one ``write`` to a file that is opened for
appending, which no other process can come into the middle of; and what was written survives its process being killed.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

#: Where the site finds the path of the file.
VARIABLE = "ACCEPTANCE_LEDGER"


def write(what: str, **entry: Any) -> None:
    """Append one entry to the ledger of this site, with the process's id and the time."""
    line = json.dumps({"what": what, "pid": os.getpid(), "time": time.time(), **entry}, default=str) + "\n"
    # Opened each time: there is nothing to inherit over a fork, and nothing to flush before a kill.
    descriptor = os.open(os.environ[VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


class Ledger:
    """The ledger of a site, for reading."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def entries(self, what: str | None = None, **wanted: Any) -> list[dict[str, Any]]:
        """Return the entries, oldest first, in which ``what``, ``run`` or whatever is given is as given."""
        if what is not None:
            wanted["what"] = what
        if not self.file.exists():
            return []
        found = map(json.loads, self.file.read_text().splitlines())
        return [entry for entry in found if all(entry.get(name) == value for name, value in wanted.items())]

    def count(self, what: str | None = None, **wanted: Any) -> int:
        return len(self.entries(what, **wanted))
