"""Stores that can be made to fail around what they keep. What they keep, and how, is the library's business."""

from contextlib import contextmanager
from functools import wraps
from itertools import count

from ..faults import fault


class Faulty:
    """In front of a store's class: the points before and after what a hold keeps."""

    def lock(self, task_id):
        return _faulty(super().lock(task_id))

    def lock_new(self, task_id):
        return _faulty(super().lock_new(task_id))


@contextmanager
def _faulty(holding):
    with holding as hold:
        for name in ("claim", "commit"):
            if hasattr(hold, name):
                setattr(hold, name, _between_points(name, getattr(hold, name)))
        yield hold
        if hold.saved:
            fault("before-save")
    if hold.saved:
        fault("after-save")


def _between_points(name, method):
    numbers = count(1)

    @wraps(method)
    def failing(*args, **kwargs):
        number = str(next(numbers))
        fault(f"before-{name}", number)
        result = method(*args, **kwargs)
        fault(f"after-{name}", number)
        return result

    return failing
