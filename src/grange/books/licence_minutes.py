"""Licences over time: how long they were in use, and how long all of them were."""

from collections.abc import Iterable
from dataclasses import dataclass

from grange.kernel.intervals import Span
from grange.kernel.units import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Seats of a product held for a time."""

    start: Instant
    end: Instant
    seats: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Minutes:
    """What became of a product's seats in a span, in milliseconds."""

    in_use_ms: int
    """Seats × time."""
    at_limit_ms: int | None
    """Time in which every seat was in use; None where no limit is known."""
    most: int
    """The most seats in use at once."""


def minutes(held: Iterable[Held], span: Span, limit: int | None) -> Minutes:
    """Sum up a product's use; what lies outside the span does not count."""
    steps: dict[int, int] = {}
    in_use = 0
    for one in held:
        part = Span(one.start, one.end).clip(span)
        if part.millis:
            in_use += part.millis * one.seats
            steps[part.start] = steps.get(part.start, 0) + one.seats
            steps[part.end] = steps.get(part.end, 0) - one.seats
    seats = most = at_limit = 0
    since = span.start
    for at in sorted(steps):
        if limit is not None and seats >= limit:
            at_limit += at - since
        seats += steps[at]
        most = max(most, seats)
        since = Instant(at)
    return Minutes(in_use_ms=in_use, at_limit_ms=None if limit is None else at_limit, most=most)
