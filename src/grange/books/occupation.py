"""What occupies a job thread: sessions, cut into actions and gaps."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from grange.domain.statuses import ActionKind, SessionActionStatus
from grange.kernel.units import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSpan:
    """A session; an open one ends at the `now` of the question."""

    session_id: str
    worker_id: str
    thread: int
    started_at: Instant
    ended_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSpan:
    """An action that was attempted; an open one ends at the `now` of the question."""

    action_id: str
    session_id: str
    index: int
    kind: str
    status: str
    started_at: Instant
    ended_at: Instant
    copy_ms: int = 0
    """Time at its end spent copying output."""
    superseded: bool = False
    """True for a success that a later one of the same task took the place of."""

    @property
    def rendering(self) -> bool:
        """True for an attempt."""
        return self.kind == ActionKind.TASK_RUN

    @property
    def wasted(self) -> bool:
        """True if nothing came of it: failed, aborted, or rendered again later."""
        open_or_done = (
            SessionActionStatus.SUCCEEDED,
            SessionActionStatus.RUNNING,
            SessionActionStatus.ASSIGNED,
        )
        return self.superseded or self.status not in open_or_done


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece of a session: an action or a gap."""

    start: Instant
    end: Instant
    action: ActionSpan | None
    """The action it is part of or overhead of; None in a session without any."""
    gap: bool


def cuts(session: SessionSpan, actions: Iterable[ActionSpan]) -> list[Cut]:
    """Cut [started_at, ended_at) of a session into actions and gaps, without overlap or rest.

    A gap belongs to the action after it, the last gap to the action before it. Actions are cut to
    their session; where two overlap, the one that began first keeps the time.
    """
    found: list[Cut] = []
    position = session.started_at
    latest: ActionSpan | None = None
    for action in sorted(actions, key=lambda action: (action.started_at, action.index)):
        start = Instant(max(action.started_at, position))
        end = Instant(min(action.ended_at, session.ended_at))
        if start > end:
            continue
        if position < start:
            found.append(Cut(position, start, action, gap=True))
        if start < end:
            found.append(Cut(start, end, action, gap=False))
        position, latest = end, action
    if position < session.ended_at:
        found.append(Cut(position, session.ended_at, latest, gap=True))
    return found


@dataclass(frozen=True, slots=True)
class Occupied:
    """A stretch of a job thread that a session holds; `useful` is None for overhead."""

    start: Instant
    end: Instant
    useful: bool | None


def occupied(
    sessions: Iterable[SessionSpan], actions: Mapping[str, Sequence[ActionSpan]]
) -> list[Occupied]:
    """Return what occupies one job thread, ascending, without overlap.

    Args:
        sessions: those of one thread. Where two overlap, the one that began first keeps the time.
        actions: attempted actions by session id.
    """
    found: list[Occupied] = []
    position = Instant(-(2**62))
    for session in sorted(sessions, key=lambda session: (session.started_at, session.session_id)):
        start = Instant(max(session.started_at, position))
        if start >= session.ended_at:
            continue
        kept = session if start == session.started_at else replace(session, started_at=start)
        for cut in cuts(kept, actions.get(session.session_id, ())):
            found.extend(_parts(cut))
        position = session.ended_at
    return found


def _parts(cut: Cut) -> list[Occupied]:
    action = cut.action
    if cut.gap or action is None or not action.rendering:
        return [Occupied(cut.start, cut.end, None)]
    copied = Instant(max(cut.start, min(cut.end, action.ended_at - action.copy_ms)))
    parts = [
        Occupied(cut.start, copied, not action.wasted),
        Occupied(copied, cut.end, None),
    ]
    return [part for part in parts if part.start < part.end]


def by_session(actions: Iterable[ActionSpan]) -> dict[str, list[ActionSpan]]:
    """Return actions by the session they belong to."""
    found: dict[str, list[ActionSpan]] = defaultdict(list)
    for action in actions:
        found[action.session_id].append(action)
    return found
