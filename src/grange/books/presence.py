"""When each worker existed, and what is known of it when no session is open.

Read from the events of workers:

- `worker_status`: the status before and after, with the number of job threads. A worker exists from
  its first one until the one that says DELETED.
- `worker_threads`: the number of job threads changed.
- `worker_disabled`: somebody disabled it, or enabled it again.

A worker is `off` before it has started and after it has stopped. It is `unknown` from the moment it
was last seen before NOT_RESPONDING until it comes back.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from grange.kernel.intervals import Span
from grange.kernel.units import Instant

DELETED = "DELETED"
_OFF = frozenset({"CREATED", "STOPPED"})
_SILENT = "NOT_RESPONDING"
FOREVER = Instant(2**62)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerEvent:
    """One event of a worker."""

    worker_id: str
    fleet_id: str
    at: Instant
    event_id: str
    name: str
    new: str | None
    threads: int | None = None
    last_seen_at: Instant | None = None
    """With NOT_RESPONDING: when the worker was last heard of."""


class State(StrEnum):
    """What a worker is beside its sessions."""

    UP = "up"
    DISABLED = "disabled"
    OFF = "off"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Piece:
    """A span in which a worker's state and number of job threads stay the same."""

    start: Instant
    end: Instant
    state: State
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """One worker: its pieces ascend without gap from its creation to its deletion."""

    worker_id: str
    fleet_id: str
    pieces: tuple[Piece, ...]

    def existence(self) -> Span:
        """Return when the worker existed; a worker that still does ends at FOREVER."""
        return Span(self.pieces[0].start, self.pieces[-1].end)


def presences(events: Iterable[WorkerEvent]) -> list[Presence]:
    """Return the presence of every worker the events tell of, by worker id."""
    by_worker: dict[str, list[WorkerEvent]] = defaultdict(list)
    for event in events:
        by_worker[event.worker_id].append(event)
    found = []
    for worker_id in sorted(by_worker):
        own = sorted(by_worker[worker_id], key=lambda event: (event.at, event.event_id))
        pieces = _pieces(own)
        if pieces:
            found.append(
                Presence(worker_id=worker_id, fleet_id=own[-1].fleet_id, pieces=tuple(pieces))
            )
    return found


def _pieces(events: Sequence[WorkerEvent]) -> list[Piece]:
    pieces: list[Piece] = []
    status: str | None = None
    disabled, threads, since = False, 1, Instant(0)
    for event in events:
        if status == DELETED:
            break
        if status is not None and event.at > since:
            pieces.append(Piece(since, event.at, _state(status, disabled=disabled), threads))
        if event.threads is not None:
            threads = max(1, event.threads)
        if event.name == "worker_disabled":
            disabled = event.new == "true"
        elif event.name == "worker_status" and event.new is not None:
            status = event.new
            if status == _SILENT and event.last_seen_at is not None:
                pieces = _unknown_from(pieces, event.last_seen_at)
        since = event.at
    if status is not None and status != DELETED:
        pieces.append(Piece(since, FOREVER, _state(status, disabled=disabled), threads))
    return _joined(pieces)


def _state(status: str, *, disabled: bool) -> State:
    if status == _SILENT:
        return State.UNKNOWN
    if status in _OFF:
        return State.OFF
    return State.DISABLED if disabled else State.UP


def _unknown_from(pieces: Sequence[Piece], seen: Instant) -> list[Piece]:
    """Return the pieces with everything from `seen` on unknown."""
    changed = []
    for piece in pieces:
        if piece.end <= seen:
            changed.append(piece)
            continue
        if piece.start < seen:
            changed.append(Piece(piece.start, seen, piece.state, piece.threads))
        start = Instant(max(piece.start, seen))
        changed.append(Piece(start, piece.end, State.UNKNOWN, piece.threads))
    return changed


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last is not None and (last.state, last.threads) == (piece.state, piece.threads):
            joined[-1] = Piece(last.start, piece.end, last.state, last.threads)
        else:
            joined.append(piece)
    return joined


def existence_ms(present: Iterable[Presence], span: Span) -> int:
    """Return workers × time: how long the workers existed inside the span, summed."""
    return sum(presence.existence().clip(span).millis for presence in present)
