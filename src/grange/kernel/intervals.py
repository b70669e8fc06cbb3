"""Half-open spans of time, `[start, end)`, in milliseconds."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from grange.kernel.units import Instant


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """`[start, end)`; empty if end <= start."""

    start: Instant
    end: Instant

    @property
    def millis(self) -> int:
        """Length in milliseconds, never negative."""
        return max(0, self.end - self.start)

    def __contains__(self, instant: Instant) -> bool:
        return self.start <= instant < self.end

    def clip(self, other: "Span") -> "Span":
        """Return the part of this span inside `other` (empty if they do not meet)."""
        start = Instant(max(self.start, other.start))
        return Span(start, Instant(max(start, min(self.end, other.end))))


def slots(span: Span, step_millis: int) -> Iterator[Span]:
    """Yield the aligned slots of `step_millis` that touch `span`, in order."""
    start = span.start - span.start % step_millis
    while start < span.end:
        yield Span(Instant(start), Instant(start + step_millis))
        start += step_millis


def subtract(span: Span, taken: Iterable[Span]) -> Iterator[Span]:
    """Yield what is left of `span` outside the `taken` spans, which may overlap but must ascend."""
    cursor = span.start
    for other in taken:
        if other.start > cursor:
            gap = Span(cursor, Instant(min(other.start, span.end)))
            if gap.millis:
                yield gap
        cursor = Instant(max(cursor, other.end))
        if cursor >= span.end:
            return
    if cursor < span.end:
        yield Span(cursor, span.end)
