"""The session action machine. An action ends once; whatever is said of it later changes nothing."""

from typing import assert_never

from msgspec.structs import replace

from grange.domain.events import (
    ActionCancelAsked,
    ActionEnded,
    ActionEvent,
    ActionProgressed,
    ActionStarted,
)
from grange.domain.machine import Table, next_of
from grange.domain.statuses import SessionActionStatus
from grange.domain.work import SessionAction
from grange.kernel.errors import InvalidTransitionError

ASSIGNED = SessionActionStatus.ASSIGNED
RUNNING = SessionActionStatus.RUNNING
CANCELING = SessionActionStatus.CANCELING
ENDED = (
    SessionActionStatus.SUCCEEDED,
    SessionActionStatus.FAILED,
    SessionActionStatus.INTERRUPTED,
    SessionActionStatus.CANCELED,
    SessionActionStatus.NEVER_ATTEMPTED,
)

TABLE: Table[SessionActionStatus] = {
    ASSIGNED: {
        ActionStarted: (RUNNING,),
        ActionProgressed: (RUNNING,),
        ActionCancelAsked: (CANCELING,),
        ActionEnded: ENDED,
    },
    RUNNING: {
        ActionStarted: (RUNNING,),
        ActionProgressed: (RUNNING,),
        ActionCancelAsked: (CANCELING,),
        ActionEnded: ENDED,
    },
    CANCELING: {
        ActionStarted: (CANCELING,),
        ActionProgressed: (CANCELING,),
        ActionCancelAsked: (CANCELING,),
        ActionEnded: ENDED,
    },
    **{status: {} for status in ENDED},
}


def is_over(action: SessionAction) -> bool:
    """True once the action has ended."""
    return action.status in ENDED


def apply(action: SessionAction, event: ActionEvent) -> SessionAction:
    """Return the action after `event`.

    Raises:
        InvalidTransitionError: the action is over.
    """
    allowed = TABLE[action.status].get(type(event))
    if allowed is None:
        allowed = next_of(
            TABLE,
            "Session action",
            action.action_id,
            action.status,
            event,
            history=_history(action),
        )
    after = _after(action, event)
    if after.status not in allowed:
        raise InvalidTransitionError(
            "Session action",
            action.action_id,
            action.status,
            f"an end as {after.status}",
            _history(action),
        )
    return after


def _history(action: SessionAction) -> str:
    return f"assigned {action.assigned_at}, started {action.started_at}, ended {action.ended_at}"


def _after(action: SessionAction, event: ActionEvent) -> SessionAction:
    match event:
        case ActionStarted():
            return replace(
                action,
                status=CANCELING if action.status is CANCELING else RUNNING,
                started_at=event.at if action.started_at is None else action.started_at,
                worker_started_at=event.worker_at
                if action.worker_started_at is None
                else action.worker_started_at,
                updated_at=event.at,
            )
        case ActionProgressed():
            return replace(
                action,
                status=CANCELING if action.status is CANCELING else RUNNING,
                progress_percent=event.percent
                if event.percent is not None
                else action.progress_percent,
                progress_message=event.message or action.progress_message,
                updated_at=event.at,
            )
        case ActionCancelAsked():
            return replace(
                action,
                status=CANCELING,
                cause=action.cause or event.cause,
                updated_at=event.at,
            )
        case ActionEnded():
            started = event.started_at if event.started_at is not None else action.started_at
            if event.status is SessionActionStatus.NEVER_ATTEMPTED:
                started = None
            return replace(
                action,
                status=event.status,
                started_at=started,
                ended_at=event.at,
                worker_started_at=event.worker_started_at or action.worker_started_at,
                worker_ended_at=event.worker_ended_at,
                exit_code=event.exit_code,
                progress_percent=event.percent
                if event.percent is not None
                else action.progress_percent,
                progress_message=event.message or action.progress_message,
                usage=event.usage or action.usage,
                cause=event.cause or action.cause,
                updated_at=event.at,
            )
        case _:
            assert_never(event)


def check_invariants(action: SessionAction) -> None:
    """Raise AssertionError if the value is one the machine can never reach."""
    if is_over(action) != (action.ended_at is not None):
        raise AssertionError(f"{action.action_id} is {action.status}, ended {action.ended_at}")
    if action.started_at is not None:
        if action.started_at < action.assigned_at:
            raise AssertionError(f"{action.action_id} started before it was assigned")
        if action.ended_at is not None and action.ended_at < action.started_at:
            raise AssertionError(f"{action.action_id} ended before it started")
