"""The worker machine."""

from typing import assert_never

from msgspec.structs import replace

from grange.domain.events import (
    WorkerEvent,
    WorkerSeen,
    WorkerSilent,
    WorkerStarted,
    WorkerStopped,
    WorkerStopping,
)
from grange.domain.machine import Table, next_of
from grange.domain.statuses import WorkerStatus
from grange.domain.work import Worker

CREATED = WorkerStatus.CREATED
STARTED = WorkerStatus.STARTED
STOPPING = WorkerStatus.STOPPING
STOPPED = WorkerStatus.STOPPED
NOT_RESPONDING = WorkerStatus.NOT_RESPONDING

CLOSED = "grange:attr.worker.closed"
"""Why a worker takes no work by its own hours; absent: it does."""

PERSON = "grange:attr.worker.person"
"""Whether somebody is logged in to its machine: `logged_in`, or `unknown`; absent: nobody, or the
worker did not say."""


def closed_for(worker: Worker) -> str:
    """Return why a worker takes no work by its own hours; empty: it does."""
    told = worker.attributes.get(CLOSED)
    return told[0] if told else ""


def with_closed(worker: Worker, reason: str) -> Worker:
    """Return the worker as its own hours have it."""
    return _with(worker, CLOSED, reason)


def person_at(worker: Worker) -> str:
    """Return `logged_in` or `unknown`; empty: nobody is logged in, as far as the worker said."""
    told = worker.attributes.get(PERSON)
    return told[0] if told else ""


def with_person(worker: Worker, said: str) -> Worker:
    """Return the worker as it says who is logged in."""
    return _with(worker, PERSON, said)


def _with(worker: Worker, attribute: str, value: str) -> Worker:
    attributes = {name: values for name, values in worker.attributes.items() if name != attribute}
    if value:
        attributes[attribute] = (value,)
    return replace(worker, attributes=attributes)


TABLE: Table[WorkerStatus] = {
    CREATED: {WorkerStarted: (STARTED,), WorkerStopping: (STOPPING,), WorkerStopped: (STOPPED,)},
    STARTED: {
        WorkerStarted: (STARTED,),
        WorkerSeen: (STARTED,),
        WorkerStopping: (STOPPING,),
        WorkerStopped: (STOPPED,),
        WorkerSilent: (NOT_RESPONDING,),
    },
    STOPPING: {
        WorkerStarted: (STARTED,),
        WorkerSeen: (STOPPING,),
        WorkerStopping: (STOPPING,),
        WorkerStopped: (STOPPED,),
        WorkerSilent: (NOT_RESPONDING,),
    },
    STOPPED: {WorkerStarted: (STARTED,), WorkerStopping: (STOPPED,), WorkerStopped: (STOPPED,)},
    NOT_RESPONDING: {
        WorkerStarted: (STARTED,),
        WorkerStopping: (STOPPING,),
        WorkerStopped: (STOPPED,),
    },
}


def apply(worker: Worker, event: WorkerEvent) -> Worker:
    """Return the worker after `event`.

    Raises:
        InvalidTransitionError: the status does not accept the event; a worker that is
        NOT_RESPONDING or
            STOPPED must say STARTED before its heartbeats count.
    """
    allowed = next_of(TABLE, "Worker", worker.worker_id, worker.status, event)
    match event:
        case WorkerStarted():
            return replace(worker, status=STARTED, last_seen_at=event.at, updated_at=event.at)
        case WorkerSeen():
            return replace(worker, last_seen_at=event.at)
        case WorkerStopping():
            return replace(worker, status=allowed[0], last_seen_at=event.at, updated_at=event.at)
        case WorkerStopped():
            return replace(worker, status=STOPPED, last_seen_at=event.at, updated_at=event.at)
        case WorkerSilent():
            return replace(worker, status=NOT_RESPONDING, updated_at=event.at)
        case _:
            assert_never(event)


def check_invariants(worker: Worker) -> None:
    """Raise AssertionError if the value is one the machine can never reach."""
    threads = [thread for thread, _ in worker.sessions]
    if threads != sorted(set(threads)):
        raise AssertionError(f"{worker.worker_id} has two sessions on one thread")
    if worker.threads < 1:
        raise AssertionError(f"{worker.worker_id} has {worker.threads} threads")
