"""Open sessions and actions as rows, as if they ended now."""

from collections.abc import Iterable
from typing import Any, TypeVar

import pyarrow as pa
from msgspec.structs import replace

from grange.books.catalog.registry import table
from grange.books.catalog.rows import fact_row
from grange.books.catalog.schema import arrow_table
from grange.domain.statuses import SessionLifecycleStatus
from grange.domain.work import Job, Layer, Session, SessionAction, Worker
from grange.kernel.batches import batched
from grange.kernel.units import Instant
from grange.ports.state import IDS_AT_ONCE, AllOf, Compare, OneOf
from grange.services.booking import action_fact, session_fact
from grange.services.books.bridge import StateBridge

E = TypeVar("E")


def open_rows(state: StateBridge, farm_id: str, now: Instant) -> dict[str, pa.Table]:
    """Return rows for `sessions` and `session_actions` of what is open, ended at `now`.

    An action that has not begun has no row: it is an attempt only once it was tried.
    """
    sessions = state.find(
        Session,
        AllOf(
            (
                Compare("farm_id", "=", farm_id),
                Compare("status", "=", SessionLifecycleStatus.STARTED.value),
            )
        ),
    )
    if not sessions:
        return {}
    jobs = _by_id(state, Job, "job_id", (session.job_id for session in sessions))
    workers = _by_id(state, Worker, "worker_id", (session.worker_id for session in sessions))
    by_id = {session.session_id: session for session in sessions}
    actions = [
        action
        for action in _all(state, SessionAction, "session_id", by_id)
        if action.ended_at is None and action.started_at is not None
    ]
    layers = _by_id(
        state, Layer, "layer_id", (action.layer_id for action in actions if action.layer_id)
    )
    session_rows: list[dict[str, Any]] = []
    for session in sessions:
        job, worker = jobs.get(session.job_id), workers.get(session.worker_id)
        if job is not None and worker is not None:
            ended = replace(session, ended_at=Instant(max(now, session.started_at)))
            session_rows.append(fact_row(session_fact(job, ended, worker))[1])
    action_rows: list[dict[str, Any]] = []
    for action in actions:
        session = by_id[action.session_id]
        job, worker = jobs.get(session.job_id), workers.get(session.worker_id)
        if job is None or worker is None or action.started_at is None:
            continue
        layer = None if action.layer_id is None else layers.get(action.layer_id)
        going = replace(action, ended_at=Instant(max(now, action.started_at)))
        action_rows.append(fact_row(action_fact(job, layer, session, going, worker))[1])
    return {
        "sessions": arrow_table(table("sessions"), session_rows),
        "session_actions": arrow_table(table("session_actions"), action_rows),
    }


def _all(state: StateBridge, entity: type[E], column: str, ids: Iterable[str]) -> list[E]:
    wanted = sorted(set(ids))
    found: list[E] = []
    for part in batched(wanted, IDS_AT_ONCE):
        found.extend(state.find(entity, OneOf(column, part)))
    return found


def _by_id(state: StateBridge, entity: type[E], column: str, ids: Iterable[str]) -> dict[str, E]:
    return {getattr(found, column): found for found in _all(state, entity, column, ids)}
