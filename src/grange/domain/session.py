"""The session machine: which actions are open, whether it takes more tasks, when it is over."""

from typing import assert_never

from msgspec.structs import replace

from grange.domain.events import (
    ActionClosed,
    ActionPlanned,
    EndingBegan,
    SessionEvent,
    SessionFinished,
)
from grange.domain.machine import Table, next_of
from grange.domain.statuses import SessionLifecycleStatus
from grange.domain.work import Session
from grange.kernel.errors import InvalidTransitionError

STARTED = SessionLifecycleStatus.STARTED
ENDED = SessionLifecycleStatus.ENDED

TABLE: Table[SessionLifecycleStatus] = {
    STARTED: {
        ActionPlanned: (STARTED,),
        ActionClosed: (STARTED,),
        EndingBegan: (STARTED,),
        SessionFinished: (ENDED,),
    },
    ENDED: {},
}


def apply(session: Session, event: SessionEvent) -> Session:
    """Return the session after `event`.

    Raises:
        InvalidTransitionError: the session has ended, or still has open actions when it should end.
    """
    next_of(TABLE, "Session", session.session_id, session.status, event)
    match event:
        case ActionPlanned():
            index = session.next_action_index
            return replace(
                session,
                next_action_index=index + 1,
                open_actions=(*session.open_actions, index),
                updated_at=event.at,
            )
        case ActionClosed():
            if event.index not in session.open_actions:
                raise InvalidTransitionError(
                    "Session",
                    session.session_id,
                    session.status,
                    f"the end of action {event.index}",
                )
            left = tuple(index for index in session.open_actions if index != event.index)
            return replace(session, open_actions=left, updated_at=event.at)
        case EndingBegan():
            return replace(session, ending=True, updated_at=event.at)
        case SessionFinished():
            if session.open_actions:
                raise InvalidTransitionError(
                    "Session",
                    session.session_id,
                    session.status,
                    "SessionFinished",
                    f"open actions {session.open_actions}",
                )
            return replace(
                session, status=ENDED, ending=True, ended_at=event.at, updated_at=event.at
            )
        case _:
            assert_never(event)


def check_invariants(session: Session) -> None:
    """Raise AssertionError if the value is one the machine can never reach."""
    if (session.status is ENDED) != (session.ended_at is not None):
        raise AssertionError(f"{session.session_id} is {session.status}, end {session.ended_at}")
    if session.status is ENDED and session.open_actions:
        raise AssertionError(f"{session.session_id} ended with {session.open_actions} open")
    if list(session.open_actions) != sorted(set(session.open_actions)):
        raise AssertionError(f"{session.session_id} has actions {session.open_actions}")
    if session.ended_at is not None and session.ended_at < session.started_at:
        raise AssertionError(f"{session.session_id} ended before it started")
