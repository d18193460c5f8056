"""What a submission passes on its way, and what is left where it is interrupted: the guarantees, worked out."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from .setups import CLAIM, Setup


@dataclass(frozen=True)
class Part:
    """What a submission runs: a page, or ``complete()``."""

    name: str
    guarantee: str


@dataclass
class Left:
    """What an interrupted submission leaves. The sets hold names of parts."""

    #: What was run, whatever became of it.
    attempted: set[str] = field(default_factory=set)
    #: What of it stands in the database.
    committed: set[str] = field(default_factory=set)
    #: What the task knows to be done.
    kept: set[str] = field(default_factory=set)
    #: What is claimed.
    claimed: str | None = None


@dataclass(frozen=True)
class Course:
    """The course that the submission of a page takes in a flow of ``site/crashing.py``."""

    setup: Setup
    #: ``begin``, at which a task is born, or ``last``, which completes the flow too.
    page: str
    guarantee: str
    #: The guarantee of ``complete()``.
    at_the_end: str

    @property
    def flow(self) -> str:
        return f"crash-{self.at_the_end}-after-{self.guarantee}"

    @property
    def parts(self) -> list[Part]:
        page = Part(self.page, self.guarantee)
        return [page] if self.page == "begin" else [page, Part("complete", self.at_the_end)]

    @property
    def names(self) -> set[str]:
        return {part.name for part in self.parts}

    @property
    def points(self) -> list[str]:
        """The points of ``faults.py`` that are passed, in this order."""
        return [point for point, _ in self._passed()]

    def left_at(self, last: str) -> Left:
        """Return what a crash at a point leaves."""
        left = Left()
        for point, part in self._passed():
            moment, _, what = point.partition(":")
            if moment == "after-effect":
                left.attempted.add(what)
                if self._is_committed(part, "at once"):
                    left.committed.add(what)
            elif moment in ("before-claim", "before-commit", "before-save"):
                left.committed |= {part.name for part in self._attempted(left) if self._is_committed(part, "before")}
            elif moment in ("after-claim", "after-commit", "after-save"):
                left.kept = set(left.attempted)
                left.committed |= left.attempted
                left.claimed = part.name if moment == "after-claim" else None
            if point == last:
                return left
        raise AssertionError(f"{last} is not passed.")

    def _passed(self) -> Iterator[tuple[str, Part]]:
        """Yield each point and the part to which it belongs."""
        claims, is_claimed = count(1), False
        for part in self.parts:
            if part.guarantee == CLAIM:
                number = next(claims)
                yield from ((f"{moment}-claim:{number}", part) for moment in ("before", "after"))
            elif is_claimed:
                yield from ((f"{moment}-commit", part) for moment in ("before", "after"))
            is_claimed = part.guarantee == CLAIM
            yield from ((f"{moment}-effect:{part.name}", part) for moment in ("before", "after"))
        yield from ((point, part) for point in ("before-save", "after-save", "before-response"))

    def _attempted(self, left: Left) -> list[Part]:
        return [part for part in self.parts if part.name in left.attempted]

    def _is_committed(self, part: Part, moment: str) -> bool:
        """Tell whether what a part wrote is committed ``at once``, or ``before`` the task is kept; or else with it."""
        if part.guarantee == CLAIM and not self.setup.atomic:
            return moment == "at once"
        return moment == "before" and (part.guarantee == CLAIM or self.setup.kind == "redis")
