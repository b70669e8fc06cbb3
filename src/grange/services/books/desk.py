"""What every answer of the books is made with: views of the facts, the state, the clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from grange.domain.farm import Farm
from grange.domain.work import Job
from grange.kernel.clock import Clock
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.intervals import Span
from grange.kernel.units import Instant
from grange.ports.rings import Rings
from grange.services.books.bridge import StateBridge
from grange.services.books.shelf import Shelf, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where questions are answered. Thread-safe."""

    shelf: Shelf
    state: StateBridge
    clock: Clock
    rings: Rings | None = None
    """Archives of streams; None: this folder has none."""

    @contextmanager
    def view(self, farm_id: str, *, live: bool = True) -> Iterator[View]:
        """Hand out a view of all facts of a farm; see `Shelf.view`."""
        with self.shelf.view(farm_id, live=live) as view:
            yield view

    def job(self, farm_id: str, job_id: str) -> Job:
        """Return a job of the farm.

        Raises:
            NotFoundError: the farm has no such job.
        """
        job = self.state.get(Job, job_id)
        if job is None or job.farm_id != farm_id:
            raise NotFoundError("job", job_id)
        return job

    def farm(self, farm_id: str) -> Farm:
        """Return a farm.

        Raises:
            NotFoundError: there is no such farm.
        """
        farm = self.state.get(Farm, farm_id)
        if farm is None:
            raise NotFoundError("farm", farm_id)
        return farm


def span_of(start: int, end: int) -> Span:
    """Return the span between two instants from outside.

    Raises:
        InvalidRequestError: it is empty.
    """
    if end <= start:
        raise InvalidRequestError(
            "end must lie behind start.", fields=[FieldProblem("end", "must be larger than start")]
        )
    return Span(Instant(start), Instant(end))


def local_date(text: str) -> date:
    """Return the date of a text like 2026-01-31.

    Raises:
        InvalidRequestError: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequestError(
            "day must be a date like 2026-01-31.",
            fields=[FieldProblem("day", "must be a date like 2026-01-31")],
        ) from error
