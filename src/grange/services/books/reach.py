"""Which hours have to be rolled up again because of facts that were just sealed."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grange.books.catalog.model import TableSpec
from grange.books.questions.reach import actions_named, earlier_successes
from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.services.books.rolling import Hours, hours_of
from grange.services.books.shelf import View

_FAR = 2**31
"""More hours than any fact lasts."""
_LASTING = frozenset({"events", "session_actions", "sessions"})
"""Tables whose facts also say what was so in all later hours."""


@dataclass(slots=True)
class Reach:
    """What the newly sealed facts of one farm touch."""

    hours: set[Instant] = field(default_factory=set)
    lasting_from: Instant | None = None
    """Earliest hour of a fact that lasts."""
    again: set[tuple[str, int]] = field(default_factory=set)
    """Tasks that succeeded in a later attempt."""
    framed: set[str] = field(default_factory=set)
    """Actions with new frame records."""

    def add(self, spec: TableSpec, rows: pa.Table) -> None:
        """Take note of sealed rows of a fact table."""
        if spec.apart:
            return  # no rollup reads it
        ends = rows.column(spec.time_column).to_numpy()
        if spec.name in {"worker_samples", "thread_samples"}:
            self._between(ends - 1, ends - 1)
            return
        if spec.name == "server_samples":
            self._between(ends - rows.column("coverage_ms").to_numpy(), ends)
            return
        starts = ends if spec.start_column is None else rows.column(spec.start_column).to_numpy()
        self._between(starts, ends)
        if spec.name in _LASTING:
            first = int(ends.min())
            hour = Instant(first - first % MILLIS_PER_HOUR)
            self.lasting_from = hour if self.lasting_from is None else min(self.lasting_from, hour)
        if spec.name == "events":
            self._silences(rows)
        elif spec.name == "frames":
            self.framed.update(pc.unique(rows.column("action_id")).to_pylist())
        elif spec.name == "session_actions":
            self._successes(rows)

    def take(self, other: "Reach") -> None:
        """Touch what another reach touches, too."""
        self.hours |= other.hours
        self.again |= other.again
        self.framed |= other.framed
        firsts = [first for first in (self.lasting_from, other.lasting_from) if first is not None]
        self.lasting_from = min(firsts, default=None)

    def _between(self, starts: "np.ndarray[tuple[int], np.dtype[np.int64]]", ends: object) -> None:
        first, last = starts // MILLIS_PER_HOUR, np.asarray(ends) // MILLIS_PER_HOUR
        spans = np.unique(first * _FAR + (last - first))
        for span in spans.tolist():
            begin, length = divmod(span, _FAR)
            self.hours.update(
                Instant(hour * MILLIS_PER_HOUR) for hour in range(begin, begin + length + 1)
            )

    def _silences(self, rows: pa.Table) -> None:
        silent = rows.filter(pc.equal(rows.column("new"), "NOT_RESPONDING"))
        for at, detail in zip(
            silent.column("at").to_pylist(), silent.column("detail").to_pylist(), strict=True
        ):
            seen = msgspec.json.decode(detail).get("last_seen_at") if detail else None
            self.hours.update(hours_of(min(at, seen if seen is not None else at), at))

    def _successes(self, rows: pa.Table) -> None:
        later = rows.filter(
            pc.and_(
                pc.equal(rows.column("status"), "SUCCEEDED"),
                pc.greater(rows.column("attempt"), 1),
            )
        )
        self.again.update(
            zip(
                later.column("layer_id").to_pylist(),
                later.column("task_index").to_pylist(),
                strict=True,
            )
        )


def hours_to_roll(
    view: View, reach: Reach | None, rolled_until: Instant | None, finished: Instant
) -> Hours:
    """Return the finished hours that were never rolled up, or have to be again.

    Args:
        view: sealed facts, the new ones among them.
        reach: of the new ones.
        rolled_until: end of what was rolled up.
        finished: end of the last finished hour.
    """
    starts = [row.start_at for rows in view.files.values() for row in rows if row.form != "rollup"]
    if not starts:
        return frozenset()
    begin = rolled_until if rolled_until is not None else min(starts)
    hours = set(hours_of(begin, finished - 1))
    if reach is not None:
        hours |= reach.hours
        if reach.again:
            hours |= _covered(view.ask(earlier_successes(sorted(reach.again))))
        if reach.framed:
            hours |= _covered(view.ask(actions_named(sorted(reach.framed))))
        if reach.lasting_from is not None and reach.lasting_from < begin:
            hours.update(hours_of(reach.lasting_from, begin - 1))
    return frozenset(hour for hour in hours if hour < finished)


def _covered(found: pa.Table) -> set[Instant]:
    pairs: Iterable[tuple[int, int]] = zip(
        found.column("start_at").to_pylist(), found.column("end_at").to_pylist(), strict=True
    )
    return {hour for start, end in pairs for hour in hours_of(start, end)}
