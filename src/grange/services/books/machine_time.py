"""Machine time accounts from the facts of a view."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import pyarrow as pa

from grange.books.accounts import Segments, Waiting, Witness, WorkerTime, segments
from grange.books.occupation import ActionSpan, SessionSpan, by_session, occupied
from grange.books.presence import Presence, State, WorkerEvent, existence_ms, presences
from grange.books.questions.time import (
    actions_over,
    fleet_waiting,
    sessions_over,
    watched_threads,
    worker_events,
)
from grange.kernel.intervals import Span
from grange.kernel.units import Instant
from grange.services.books.shelf import View

SAMPLE_MS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineTime:
    """The accounts of all workers over a span."""

    span: Span
    """What was asked about, cut at now."""
    segments: Segments
    presences: tuple[Presence, ...]

    @property
    def existence_ms(self) -> int:
        """Workers × time, counted apart from the accounts."""
        return existence_ms(self.presences, self.span)


def machine_time(view: View, span: Span) -> MachineTime:
    """Return the accounts of every job thread over a span, up to now."""
    span = Span(span.start, Instant(max(span.start, min(span.end, view.now))))
    present = workers_over(view, span)
    sessions = _sessions(view.ask(sessions_over(span))) if present else {}
    actions = by_session(_actions(view.ask(actions_over(span)))) if sessions else {}
    witnesses = _witnesses(view, span, present)
    workers = [
        WorkerTime(
            presence=presence,
            occupied={
                thread: occupied(own, actions)
                for thread, own in sessions.get(presence.worker_id, {}).items()
            },
            witnesses=witnesses.get(presence.worker_id, ()),
        )
        for presence in present
    ]
    return MachineTime(
        span=span,
        segments=segments(span, workers, _waiting(view, span)),
        presences=tuple(worker.presence for worker in workers),
    )


def workers_over(view: View, span: Span) -> list[Presence]:
    """Return the workers that existed at some time in the span."""
    return [
        presence
        for presence in presences(_events(view.ask(worker_events(span.end))))
        if presence.existence().clip(span).millis
    ]


def _events(found: pa.Table) -> Iterable[WorkerEvent]:
    for row in found.to_pylist():
        detail = msgspec.json.decode(row["detail"]) if row["detail"] else {}
        yield WorkerEvent(
            worker_id=row["worker_id"],
            fleet_id=row["fleet_id"] or "",
            at=row["at"],
            event_id=row["event_id"],
            name=row["name"],
            new=row["new"],
            threads=row["number"],
            last_seen_at=detail.get("last_seen_at"),
        )


def _sessions(found: pa.Table) -> dict[str, dict[int, list[SessionSpan]]]:
    sessions: dict[str, dict[int, list[SessionSpan]]] = defaultdict(lambda: defaultdict(list))
    for row in found.to_pylist():
        sessions[row["worker_id"]][row["thread"]].append(SessionSpan(**row))
    return sessions


def _actions(found: pa.Table) -> Iterable[ActionSpan]:
    for row in found.to_pylist():
        row["index"] = row.pop("action_index")
        row["copy_ms"] = row["copy_ms"] or 0
        yield ActionSpan(**row)


def _waiting(view: View, span: Span) -> Waiting:
    timelines: dict[str, list[tuple[Instant, str]]] = defaultdict(list)
    for row in view.ask(fleet_waiting(span.end)).to_pylist():
        timeline = timelines[row["fleet_id"]]
        if timeline and timeline[-1][0] == row["at"]:
            timeline.pop()
        timeline.append((row["at"], row["new"]))
    return timelines


def _witnesses(view: View, span: Span, present: Iterable[Presence]) -> dict[str, list[Witness]]:
    """Return what samples saw of threads while the server heard nothing of their workers."""
    silent = [
        (presence.worker_id, part)
        for presence in present
        for piece in presence.pieces
        if piece.state is State.UNKNOWN and (part := Span(piece.start, piece.end).clip(span)).millis
    ]
    found: dict[str, list[Witness]] = defaultdict(list)
    if not silent:
        return found
    for row in view.ask(watched_threads(silent, SAMPLE_MS)).to_pylist():
        found[row["worker_id"]].append(
            Witness(
                thread=row["thread"],
                start=Instant(row["at"] - SAMPLE_MS),
                end=row["at"],
                rendering=row["state"] == "rendering",
            )
        )
    return found
