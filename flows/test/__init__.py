"""What every state store must do, as tests that a third party's store can inherit.

Mix `StateStoreContract` into a test class and say how a store is made::

    class TestMyStore(StateStoreContract):
        def make_store(self):
            return StateStore()

It works in a class that pytest collects and beside a ``django.test.TransactionTestCase``. A store in a database
needs real transactions: ``pytest.mark.django_db(transaction=True)``.
"""

from __future__ import annotations

from .claiming import ClaimingContract
from .holding import HoldingContract
from .keeping import KeepingContract
from .limiting import LimitingContract

__all__ = ["StateStoreContract"]


class StateStoreContract(KeepingContract, HoldingContract, ClaimingContract, LimitingContract):
    """What every state store must do."""
