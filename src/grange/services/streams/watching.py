"""What the books know of all streams, for a watch that asks every few minutes.

Days whose rows all lie in files are answered from memory: files never change, so their names say
whether an answer still holds, also after hours were collected anew.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from grange.books.questions.model import Need, Question
from grange.books.questions.stream_watch import EXPLAINED_MS, log_gaps, log_hours, value_hours
from grange.domain.series import DsType, Series
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.intervals import Span, slots
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_MINUTE
from grange.ports.state import Compare
from grange.services.books.desk import Desk, span_of
from grange.services.books.shelf import View

MOST_DAYS = 40
LEAST_GAP_MS = 5 * MILLIS_PER_MINUTE
"""Shorter gaps are of no interest to anybody."""
USUAL_HEARTBEAT_SECONDS = 600
_KEPT_ANSWERS = 400

Rows = list[dict[str, Any]]


class Days:
    """Answers about whole days, by the files they were made of. Thread-safe."""

    def __init__(self, keep: int = _KEPT_ANSWERS) -> None:
        self._keep = keep
        self._answers: OrderedDict[tuple[Any, ...], Rows] = OrderedDict()
        self._lock = threading.Lock()
        self.asked = 0
        """How often the files were read."""

    def rows(self, view: View, name: str, span: Span, make: Callable[[Span], Question]) -> Rows:
        """Return the rows of a question about a span of at most a day."""
        question = make(span)
        key: tuple[Any, ...] | None = None
        if all(not view.rows_for(need).num_rows for need in question.needs):
            paths = [sorted(row.path for row in view.files_for(need)) for need in question.needs]
            if not any(paths):
                return []
            key = (view.farm_id, name, span, *map(tuple, paths))
            with self._lock:
                if key in self._answers:
                    self._answers.move_to_end(key)
                    return self._answers[key]
        self.asked += 1
        found: Rows = view.ask(question).to_pylist()
        if key is not None:
            with self._lock:
                self._answers[key] = found
                while len(self._answers) > self._keep:
                    self._answers.popitem(last=False)
        return found


DAYS = Days()


def stream_watch(
    desk: Desk, *, farm_id: str, since: int, until: int, gap_ms: int, days: Days = DAYS
) -> dict[str, Any]:
    """Return hours and gaps of log streams, and hours of logged values.

    Args:
        desk: where questions are answered.
        farm_id: the farm.
        since: start of the span.
        until: its end.
        gap_ms: shorter gaps are left out, but count for the longest of their stream.
        days: answers that are known.
    """
    desk.farm(farm_id)
    span = span_of(since, until)
    if span.millis > MOST_DAYS * MILLIS_PER_DAY:
        raise InvalidRequestError(
            f"A watch looks at {MOST_DAYS} days at most.",
            fields=[FieldProblem("since", f"must be at most {MOST_DAYS} days before until")],
        )
    hours: Rows = []
    gaps: Rows = []
    values: Rows = []
    with desk.view(farm_id, live=False) as view:
        has_lines = view.has(Need(table="log_lines"))
        has_values = view.has(Need(table="stream_values"))
        for day in slots(span, MILLIS_PER_DAY):
            part = day.clip(span)
            if has_lines:
                hours += days.rows(view, "hours", part, log_hours)
                gaps += days.rows(view, "gaps", part, _gaps)
            if has_values:
                values += days.rows(view, "values", part, value_hours)
    known = _sources(desk, farm_id)
    values = [
        {**row, "label": label, "heartbeat_seconds": heartbeat}
        for row in values
        for label, heartbeat, gauge in [_source(known, row)]
        if gauge
    ]
    gaps += _over_midnight(hours)
    longest: dict[tuple[str, str, str], int] = {}
    for gap in gaps:
        key = (gap["stream"], gap["kind"], gap["machine"])
        longest[key] = max(longest.get(key, 0), gap["end_at"] - gap["start_at"])
    return {
        "hours": hours,
        "gaps": sorted(
            (gap for gap in gaps if gap["end_at"] - gap["start_at"] > gap_ms),
            key=lambda gap: (gap["stream"], gap["kind"], gap["machine"], gap["start_at"]),
        ),
        "longest": [
            {"stream": stream, "kind": kind, "machine": machine, "millis": millis}
            for (stream, kind, machine), millis in sorted(longest.items())
        ],
        "values": values,
    }


def _sources(desk: Desk, farm_id: str) -> dict[tuple[str, int], tuple[str, int, bool]]:
    """Return label, heartbeat and whether it is a level, of every source of a known series."""
    return {
        (series.name, source.index): (
            source.label,
            series.heartbeat_seconds,
            source.ds_type is DsType.GAUGE,
        )
        for series in desk.state.find(Series, Compare("farm_id", "=", farm_id))
        for source in series.sources
    }


def _source(
    known: Mapping[tuple[str, int], tuple[str, int, bool]], row: Mapping[str, Any]
) -> tuple[str, int, bool]:
    """Return what is known of a row's source; of a series that nobody declared, what is usual.

    What a counter counts up to says nothing about a range: only levels are looked at.
    """
    usual = (str(row["source_index"]), USUAL_HEARTBEAT_SECONDS, True)
    return known.get((row["series"], row["source_index"]), usual)


def _gaps(span: Span) -> Question:
    return log_gaps(span, LEAST_GAP_MS)


def _over_midnight(hours: Rows) -> Iterator[dict[str, Any]]:
    """Yield the gaps that no single day holds: between the last hour of one and the next."""
    before: dict[tuple[str, str, str], dict[str, Any]] = {}
    for hour in sorted(hours, key=lambda row: int(row["hour_at"])):
        key = (hour["stream"], hour["kind"], hour["machine"])
        last = before.get(key)
        before[key] = hour
        if last is None or last["hour_at"] // MILLIS_PER_DAY == hour["hour_at"] // MILLIS_PER_DAY:
            continue
        start, end = last["last_at"], hour["first_at"]
        if end - start > LEAST_GAP_MS:
            bad_before, bad_behind = last["last_error_at"], hour["first_error_at"]
            explained = (bad_before is not None and bad_before >= start - EXPLAINED_MS) or (
                bad_behind is not None and bad_behind <= end + EXPLAINED_MS
            )
            yield {
                "stream": key[0], "kind": key[1], "machine": key[2], "start_at": start,
                "end_at": end, "explained": explained,
            }  # fmt: skip


ANSWERS: Mapping[str, Any] = {"stream_watch": stream_watch}
