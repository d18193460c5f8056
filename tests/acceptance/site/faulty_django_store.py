from flows.statestore import django_store

from .faulty import Faulty


class StateStore(Faulty, django_store.StateStore):
    pass
