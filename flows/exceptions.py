"""Our exceptions, each derived from a built-in one."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured


class DefinitionError(ImproperlyConfigured):
    """A flow, or a type of values, is declared in a way that cannot work."""


class InvalidTarget(LookupError):
    """A component was named as a target that cannot be reached from where the task is."""


class InvalidOutcome(TypeError):
    """A hook returned something that is not an outcome."""


class NotStorable(TypeError):
    """A value in the state or the answers is of a type that a task cannot keep."""


class NotStorableValue(NotStorable):
    """A task can keep values of this type, but not this value."""


class TaskTooLarge(NotStorableValue):
    """A task would be larger than ``FLOWS_MAX_STATE_BYTES``."""


class StateNotFound(LookupError):
    """The state store holds no live task under this id."""


class NotOwner(StateNotFound):
    """The task is another visitor's, who is to be told that there is none."""


class StateDamaged(RuntimeError):  # which a template shows, and a ValueError in a look-up it takes for "no value"
    """What the state store holds under this id cannot be read."""


class StoreUnavailable(ConnectionError):
    """The state store cannot be reached, or is busy for longer than a request may wait."""


class StoreConflict(StoreUnavailable):
    """Another request changed the task while this one was using it."""


class StateExists(StoreConflict):
    """The state store already holds something under an id that should be new."""
