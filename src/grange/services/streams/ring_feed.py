"""Feeding rings: facts of streams go from journal and blocks into archives that last ten years.

A ring is a function of the facts: cutting the work elsewhere, doing it again or after a crash gives
the same rows. What comes late, or was collected again, is put in from the row on that it lies in,
as long as the facts of that row are kept.
"""

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as dataclass_replace
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from grange.books.archives.arithmetic import (
    Advance,
    Floats,
    Ints,
    RingState,
    TierRows,
    TierState,
    advance,
    fresh,
    put_steps,
)
from grange.books.archives.layout import RingSpec
from grange.books.archives.log_steps import HOUR, log_ring, log_steps
from grange.books.archives.together import alike
from grange.books.catalog.stream_tables import LOG_LINES, STREAM_VALUES
from grange.books.manifest import Replaced, replaced_of, sequences_of
from grange.books.questions import archives as ask
from grange.domain.farm import Farm
from grange.domain.series import Series
from grange.kernel.batches import batched
from grange.kernel.errors import CorruptDataError
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_SECOND, Instant
from grange.ports.rings import Ring, Rings
from grange.ports.state import Compare, ManifestRow
from grange.services.books.shelf import Shelf, View
from grange.services.streams.ring_paths import (
    NOTE,
    LogStream,
    Note,
    Waiting,
    log_path,
    log_stream_of,
    series_path,
    storable,
)

LATE_MS = 15_000
_AT_ONCE = 50
"""Rings that are fed from one question."""
_END_OF_TIME = Instant(2**62)

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Fed:
    """What was done."""

    series: int = 0
    """Rings of series that have more now."""
    streams: int = 0
    """Rings of log streams that have more now."""
    late: int = 0
    """Of these: rings in which past rows were computed again."""
    damaged: list[str] = field(default_factory=list)
    """Files that were put aside; what the facts still say was put in new ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    """What is put into a ring."""

    ring: Ring
    spec: RingSpec
    start: int
    """Facts are needed from this second on."""
    since: tuple[int, ...] | None
    """By tier: rows of lower numbers stay; None: the ring goes on where it stands."""


class RingFeeder:
    """Feeds the rings of a data folder. Thread-safe."""

    def __init__(self, shelf: Shelf, rings: Rings) -> None:
        self._shelf = shelf
        self._rings = rings
        self._lock = threading.Lock()

    def feed(self) -> Fed:
        """Put into rings what has come since the last time, for all farms."""
        fed = Fed()
        with self._lock:
            for farm in self._shelf.state.find(Farm):
                self._feed_farm(farm.farm_id, fed)
        return fed

    def forget(self, farm_id: str, name: str) -> None:
        """Delete the ring of a series."""
        with self._lock:
            self._rings.remove(series_path(farm_id, name))
            note = self._note(farm_id)
            if note.values.pop(name, None) is not None:
                self._keep(farm_id, note)

    def again(self, farm_id: str) -> Fed:
        """Compute every row whose facts are kept again, e.g. after a restore."""
        fed = Fed()
        with self._lock:
            self._keep(farm_id, Note())
            self._feed_farm(farm_id, fed)
        return fed

    def _note(self, farm_id: str) -> Note:
        kept = self._rings.note(f"{farm_id}/{NOTE}")
        return Note() if kept is None else msgspec.json.decode(kept, type=Note)

    def _keep(self, farm_id: str, note: Note) -> None:
        self._rings.keep_note(f"{farm_id}/{NOTE}", msgspec.json.encode(note))

    def _feed_farm(self, farm_id: str, fed: Fed) -> None:
        note = self._note(farm_id)
        frames: dict[str, list[pa.Table]] = {}
        with self._shelf.changing() as tail:
            position = tail.position
            for name in (LOG_LINES.name, STREAM_VALUES.name):
                frames[name] = tail.newer(farm_id, name, note.sequence)
        live = self._live(farm_id)
        news = {
            name: _new_spans(rows, note.files.get(name, []), note.sequence)
            for name, rows in live.items()
        }
        # Counted: an interval may be collected again several times, with nothing new in between.
        replaced = Counter(
            found for row in live[LOG_LINES.name] for found in replaced_of(row.provenance)
        )
        anew = [
            Span(Instant(found.start), Instant(found.end))
            for found in sorted(replaced - Counter(Replaced(*known) for known in note.replaced))
        ]
        news[LOG_LINES.name] += anew
        if not any(frames.values()) and not any(news.values()):
            return
        with self._shelf.view(farm_id, live=False) as view:
            self._take_values(note, view, frames[STREAM_VALUES.name], news[STREAM_VALUES.name])
            self._take_lines(note, view, frames[LOG_LINES.name], news[LOG_LINES.name])
            self._take_anew(note, farm_id, anew)
            note.sequence = position
            note.replaced = sorted(
                (found.start, found.end, found.through) for found in replaced.elements()
            )
            note.files = {name: sorted(row.path for row in rows) for name, rows in live.items()}
            self._feed_values(view, note, fed)
            self._feed_lines(view, note, fed)
        self._keep(farm_id, note)

    def _live(self, farm_id: str) -> dict[str, list[ManifestRow]]:
        found: dict[str, list[ManifestRow]] = {LOG_LINES.name: [], STREAM_VALUES.name: []}
        for row in self._shelf.files():
            if row.farm_id == farm_id and row.table_name in found:
                found[row.table_name].append(row)
        return found

    # ── what has come ─────────────────────────────────────────────────────────────────────────────

    def _take_values(
        self, note: Note, view: View, frames: Sequence[pa.Table], spans: Sequence[Span]
    ) -> None:
        rows = _grouped(frames, ["series"])
        for span in spans:
            rows += view.ask(ask.value_reach(span)).to_pylist()
        for row in rows:
            _wait(note.values, row["series"], row)

    def _take_lines(
        self, note: Note, view: View, frames: Sequence[pa.Table], spans: Sequence[Span]
    ) -> None:
        rows = _grouped(frames, ["kind", "machine", "stream"])
        for span in spans:
            rows += view.ask(ask.log_reach(span)).to_pylist()
        for row in rows:
            _wait(note.lines, "\t".join((row["kind"], row["machine"], row["stream"])), row)
            known = note.machines.get(row["machine"], 0)
            note.machines[row["machine"]] = max(known, row["last_at"])

    def _take_anew(self, note: Note, farm_id: str, spans: Sequence[Span]) -> None:
        """Let every stream be looked at in spans that were collected again: lines may be gone."""
        if not spans:
            return
        for path in self._rings.paths(f"{farm_id}/logs"):
            stream = log_stream_of(path)
            for span in spans if stream is not None and stream.machine in note.machines else ():
                row = {"first_at": span.start, "last_at": span.end - 1}
                _wait(note.lines, "\t".join(stream or ()), row)

    # ── series ────────────────────────────────────────────────────────────────────────────────────

    def _feed_values(self, view: View, note: Note, fed: Fed) -> None:
        found = self._shelf.state.find(Series, Compare("farm_id", "=", view.farm_id))
        known = {series.name: series for series in found}
        by_step: dict[int, list[Series]] = {}
        for name in sorted(note.values):
            if name in known:
                by_step.setdefault(known[name].step_seconds, []).append(known[name])
        for step, chosen in by_step.items():
            for part in batched(chosen, _AT_ONCE):
                self._feed_some(view, note, step, part, fed)

    def _feed_some(
        self, view: View, note: Note, step: int, chosen: Sequence[Series], fed: Fed
    ) -> None:
        ranges: dict[str, _Range] = {}
        ends: dict[str, int] = {}
        for series in chosen:
            waiting = note.values[series.name]
            # The newest slot is open: a later value in it would take its place.
            end = waiting.last_at // MILLIS_PER_SECOND // step * step
            ends[series.name] = end
            if waiting.first_at // MILLIS_PER_SECOND >= end:
                continue
            found = self._series_range(view, series, waiting, fed)
            if found.start < end:
                ranges[series.name] = found
            else:
                found.ring.close()
        if ranges:
            span = Span(
                Instant(min(one.start for one in ranges.values()) * MILLIS_PER_SECOND),
                Instant(max(ends[name] for name in ranges) * MILLIS_PER_SECOND),
            )
            answer = view.ask(ask.slot_values(sorted(ranges), step, span))
            going: list[tuple[_Range, Ints, Floats]] = []
            for name, rows in _split(answer, "series").items():
                times, values = _slots(ranges[name], rows, ends[name])
                if ranges[name].since is None:
                    going.append((ranges[name], times, values))
                else:
                    _put_again(ranges[name], times, values, note.sequence)
            for group in _together(going):
                self._rings.advance(
                    [one.ring for one, _, _ in group],
                    [one.spec for one, _, _ in group],
                    group[0][1],
                    [values for _, _, values in group],
                    sequence=note.sequence,
                )
            fed.series += len(ranges)
            fed.late += sum(1 for one in ranges.values() if one.since is not None)
        for one in ranges.values():
            one.ring.close()
        for series in chosen:
            waiting = note.values[series.name]
            waiting.first_at = max(waiting.first_at, ends[series.name] * MILLIS_PER_SECOND)

    def _series_range(self, view: View, series: Series, waiting: Waiting, fed: Fed) -> _Range:
        spec = RingSpec(
            step_seconds=series.step_seconds,
            heartbeat_seconds=series.heartbeat_seconds,
            sources=series.sources,
            archives=series.archives,
        )
        path = series_path(view.farm_id, series.name)
        ring = self._opened(path, fed)
        first = waiting.first_at // MILLIS_PER_SECOND
        if ring is None:
            reach = view.ask(ask.value_reach(Span(Instant(0), _END_OF_TIME))).to_pylist()
            first = min(
                row["first_at"] // MILLIS_PER_SECOND
                for row in reach
                if row["series"] == series.name
            )
            start = first // series.step_seconds * series.step_seconds
            ring = self._rings.create(path, spec, start=start)
        elif ring.spec.width < spec.width:
            ring = self._widened(path, ring, spec)
        edge = view.retention.kept_since(STREAM_VALUES, view.now) // MILLIS_PER_SECOND
        ring = self._earlier(path, ring, first // series.step_seconds * series.step_seconds)
        # A value stands for the time since the one before: steps ahead of its own change, too.
        late = first < ring.head.state.last
        found = _range(ring, spec, first - late * spec.heartbeat_seconds, edge)
        if found.since is None:
            return found
        # Rates need the value before.
        warm = max(ring.head.first, found.start - spec.heartbeat_seconds - spec.step_seconds)
        return dataclass_replace(found, start=warm)

    def _widened(self, path: str, ring: Ring, spec: RingSpec) -> Ring:
        """Return a ring of more sources with everything the other one has."""
        head, old = ring.head, ring.spec
        start = fresh(spec, head.state.last)
        rows = []
        for number, tier in enumerate(old.tiers):
            newest = head.state.last // (tier.steps * spec.step_seconds)
            kept = ring.rows(number, newest - tier.rows, tier.rows)
            wide = np.full((tier.rows, spec.width, tier.width), np.nan)
            wide[:, : old.width] = kept
            rows.append(TierRows(first=newest - tier.rows, rows=wide))
        ring.close()
        wider = self._rings.create(path, spec, start=head.first)
        state = _widened_state(head.state, start)
        wider.apply(Advance(state=state, rows=tuple(rows)), sequence=head.sequence)
        return wider

    # ── log streams ───────────────────────────────────────────────────────────────────────────────

    def _feed_lines(self, view: View, note: Note, fed: Fed) -> None:
        by_hour: dict[int, list[LogStream]] = {}
        for key, waiting in sorted(note.lines.items()):
            stream = LogStream(*key.split("\t"))
            end = note.machines[stream.machine] // MILLIS_PER_SECOND // HOUR * HOUR
            if not storable(stream):
                continue
            if waiting.first_at // MILLIS_PER_SECOND < end:
                by_hour.setdefault(end, []).append(stream)
        for end, chosen in by_hour.items():
            for part in batched(chosen, _AT_ONCE):
                self._feed_streams(view, note, end, part, fed)

    def _feed_streams(
        self, view: View, note: Note, end: int, chosen: Sequence[LogStream], fed: Fed
    ) -> None:
        ranges = {
            stream: self._log_range(view, stream, note.lines["\t".join(stream)], fed)
            for stream in chosen
        }
        span = Span(
            Instant(min(one.start for one in ranges.values()) * MILLIS_PER_SECOND),
            Instant(end * MILLIS_PER_SECOND),
        )
        minutes: dict[LogStream, list[dict[str, Any]]] = {stream: [] for stream in chosen}
        if span.millis > 0:
            question = ask.log_minutes([" ".join(stream) for stream in chosen], span, LATE_MS)
            for row in view.ask(question).to_pylist():
                stream = LogStream(row["kind"], row["machine"], row["stream"])
                if stream in minutes:
                    minutes[stream].append(row)
        for stream, one in ranges.items():
            if one.start < end:
                read_until = note.machines[stream.machine] // MILLIS_PER_SECOND
                steps = log_steps(
                    minutes[stream], since=one.start, until=end, read_until=read_until
                )
                state = one.ring.head.state if one.since is None else fresh(one.spec, one.start)
                done = put_steps(one.spec, state, steps)
                one.ring.apply(done, sequence=note.sequence, since=one.since)
                fed.streams += 1
                fed.late += one.since is not None
            one.ring.close()
            waiting = note.lines["\t".join(stream)]
            if waiting.last_at < end * MILLIS_PER_SECOND:
                del note.lines["\t".join(stream)]
            else:
                waiting.first_at = max(waiting.first_at, end * MILLIS_PER_SECOND)

    def _log_range(self, view: View, stream: LogStream, waiting: Waiting, fed: Fed) -> _Range:
        path = log_path(view.farm_id, stream)
        spec = log_ring()
        ring = self._opened(path, fed)
        first = waiting.first_at // MILLIS_PER_SECOND
        if ring is None:
            reach = view.ask(ask.log_reach(Span(Instant(0), _END_OF_TIME))).to_pylist()
            first = min(
                (
                    row["first_at"] // MILLIS_PER_SECOND
                    for row in reach
                    if LogStream(row["kind"], row["machine"], row["stream"]) == stream
                ),
                default=first,
            )
            ring = self._rings.create(path, spec, start=first // HOUR * HOUR)
        edge = view.retention.kept_since(LOG_LINES, view.now) // MILLIS_PER_SECOND
        ring = self._earlier(path, ring, first // HOUR * HOUR)
        return _range(ring, spec, first // HOUR * HOUR, edge)

    def _earlier(self, path: str, ring: Ring, first: int) -> Ring:
        """Return a ring that reaches back to a second: a new one, if facts are from before it."""
        if first >= ring.head.first:
            return ring
        spec = ring.spec
        ring.close()
        return self._rings.create(path, spec, start=first)

    def _opened(self, path: str, fed: Fed) -> Ring | None:
        try:
            ring = self._rings.open(path)
            problems = [] if ring is None else ring.problems()
            if ring is None or ring.torn or not problems:
                return ring
            message = problems[0]
            ring.close()
        except CorruptDataError as error:
            message = str(error)
        aside = self._rings.put_aside(path)
        fed.damaged.append(aside)
        _log.error(
            "A damaged ring was put aside; rows older than the facts are in backups only.",
            extra={"action": "ring_damaged", "ring": path, "aside": aside, "problem": message},
        )
        return None


def _range(ring: Ring, spec: RingSpec, first: int, edge: int) -> _Range:
    """Return what of a ring is computed for facts from a second on.

    Args:
        ring: the ring.
        spec: what it is made of now.
        first: the second of the earliest new fact.
        edge: the second from which on facts are kept: rows that begin before it stay.
    """
    last = ring.head.state.last
    if first >= last and not ring.torn:
        return _Range(ring=ring, spec=spec, start=last, since=None)
    first = max(min(first, last), ring.head.first)
    spans = [tier.steps * spec.step_seconds for tier in spec.tiers]
    numbers = []
    for span in spans:
        number = first // span
        lost = number * span < edge and ring.head.first < edge
        numbers.append(-(-edge // span) if lost else number)
    start = max(
        min(number * span for number, span in zip(numbers, spans, strict=True)), ring.head.first
    )
    return _Range(ring=ring, spec=spec, start=start, since=tuple(numbers))


def _slots(one: _Range, rows: pa.Table, end: int) -> tuple[Ints, Floats]:
    """Return the ends of the slots of a series, and what its sources had in them."""
    step = one.spec.step_seconds
    slots = rows["slot"].to_numpy()
    index = rows["source_index"].to_numpy()
    fits = (index < one.spec.width) & (slots * step >= one.start) & ((slots + 1) * step <= end)
    slots, index = slots[fits], index[fits]
    numbers, places = np.unique(slots, return_inverse=True)
    values = np.full((len(numbers), one.spec.width), np.nan)
    values[places, index] = rows["value"].to_numpy()[fits]
    return (numbers + 1) * step, values


def _together(
    going: Sequence[tuple[_Range, Ints, Floats]],
) -> list[list[tuple[_Range, Ints, Floats]]]:
    """Return the rings that stand at the same second and are told at the same times."""
    groups: dict[Any, list[tuple[_Range, Ints, Floats]]] = {}
    for one, times, values in going:
        key = (alike(one.spec), one.ring.head.state.last, times.tobytes())
        groups.setdefault(key, []).append((one, times, values))
    return list(groups.values())


def _put_again(one: _Range, times: Ints, values: Floats, sequence: int) -> None:
    """Compute rows of a series again."""
    # The first slot is the value before; nothing is known ahead of it.
    begin = max(one.ring.head.first, one.start)
    state = fresh(one.spec, begin)
    done = advance(one.spec, state, times, values)
    last = one.ring.head.state.last
    if done.state.last < last:
        # What was known until now was taken back.
        nothing = np.full((1, one.spec.width), np.nan)
        times = np.append(times, last)
        done = advance(one.spec, state, times, np.vstack((values, nothing)))
    one.ring.apply(done, sequence=sequence, since=one.since)


def _widened_state(old: RingState, wide: RingState) -> RingState:
    width = len(old.raw)

    def joined(before: Any, after: Any) -> Any:
        found = after.copy()
        found[:width] = before
        return found

    return RingState(
        last=old.last,
        raw=joined(old.raw, wide.raw),
        sums=joined(old.sums, wide.sums),
        unknown=joined(old.unknown, wide.unknown),
        tiers=tuple(
            TierState(
                values=joined(a.values, b.values),
                unknown=joined(a.unknown, b.unknown),
                totals=joined(a.totals, b.totals),
                known=joined(a.known, b.known),
            )
            for a, b in zip(old.tiers, wide.tiers, strict=True)
        ),
    )


def _wait(waiting: dict[str, Waiting], key: str, row: Mapping[str, Any]) -> None:
    known = waiting.get(key)
    if known is None:
        waiting[key] = Waiting(first_at=row["first_at"], last_at=row["last_at"])
    else:
        known.take(row["first_at"], row["last_at"])


def _grouped(frames: Sequence[pa.Table], names: list[str]) -> list[dict[str, Any]]:
    if not frames:
        return []
    joined = pa.concat_tables([rows.select([*names, "at"]) for rows in frames])
    found = joined.group_by(names).aggregate([("at", "min"), ("at", "max")])
    return [
        {**{name: row[name] for name in names}, "first_at": row["at_min"], "last_at": row["at_max"]}
        for row in found.to_pylist()
    ]


def _new_spans(rows: Iterable[ManifestRow], known: Iterable[str], sequence: int) -> list[Span]:
    """Return the spans of files that hold something new.

    Not new is what was in other files before, or came through the journal up to a sequence.
    """
    before = set(known)
    found = []
    for row in rows:
        parents = row.provenance.get("parents")
        journal = sequences_of(row.provenance)
        came = journal is not None and journal.last <= sequence
        if not (came or row.path in before or (parents and set(parents) <= before)):
            found.append(Span(row.start_at, row.end_at))
    return found


def _split(rows: pa.Table, name: str) -> dict[str, pa.Table]:
    """Return the rows of each name; they are sorted by it."""
    names = rows[name].to_pylist()
    found = {}
    begin = 0
    for place in range(1, len(names) + 1):
        if place == len(names) or names[place] != names[begin]:
            found[names[begin]] = rows.slice(begin, place - begin)
            begin = place
    return found
