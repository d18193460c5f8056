from flows.statestore import redis_store

from .faulty import Faulty


class StateStore(Faulty, redis_store.StateStore):
    pass
