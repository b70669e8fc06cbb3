"""What a worker was at: for its page, and for a click on a picture of machine time."""

from collections.abc import Mapping
from typing import Any

from grange.books.questions.worker_attempts import MOST, attempts_over
from grange.domain.work import Worker
from grange.kernel.errors import NotFoundError
from grange.kernel.ids import StepId, task_id
from grange.kernel.units import Instant
from grange.services.books.desk import Desk, span_of

REACH_MS = 86_400_000
"""How far from an instant the attempts beside it are looked for."""


def worker_attempts(
    desk: Desk, *, farm_id: str, worker_id: str, start: int, end: int, thread: int | None = None
) -> dict[str, Any]:
    """Return the session actions of a worker that touch a span, open ones as if they ended now."""
    _check(desk, farm_id, worker_id)
    span = span_of(start, end)
    with desk.view(farm_id) as view:
        rows = view.ask(attempts_over(span, worker_id, thread)).to_pylist()
        now = view.now
    return {
        "span": {"start_at": span.start, "end_at": span.end},
        "now": now,
        "rows": [_row(row) for row in rows[:MOST]],
        "left_out": len(rows) > MOST,
    }


def attempt_at(
    desk: Desk, *, farm_id: str, worker_id: str, at: int, thread: int | None = None
) -> dict[str, Any]:
    """Return the action a worker (or one job thread of it) was at, and those before and after.

    Several threads may be at something: the lowest comes first, and a task before anything else.
    """
    _check(desk, farm_id, worker_id)
    with desk.view(farm_id) as view:
        span = span_of(at - REACH_MS, at + REACH_MS)
        rows = view.ask(attempts_over(span, worker_id, thread, near=Instant(at))).to_pylist()
    here = sorted(
        (row for row in rows if row["started_at"] <= at < row["ended_at"]),
        key=lambda row: (row["kind"] != "task_run", row["thread"], row["started_at"]),
    )
    before = [row for row in rows if row["ended_at"] <= at]
    after = [row for row in rows if row["started_at"] > at]
    latest = max(before, key=lambda row: row["ended_at"], default=None)
    return {
        "worker_id": worker_id,
        "at": at,
        "attempt": _row(here[0]) if here else None,
        "others": [_row(row) for row in here[1:]],
        "before": None if latest is None else _row(latest),
        "after": _row(after[0]) if after else None,
    }


def _check(desk: Desk, farm_id: str, worker_id: str) -> None:
    worker = desk.state.get(Worker, worker_id)
    if worker is None or worker.farm_id != farm_id:
        raise NotFoundError("worker", worker_id)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    task = page = None
    if row["layer_id"] is not None and row["task_index"] is not None:
        task = task_id(StepId(row["layer_id"]), row["task_index"])
        if row["kind"] == "task_run":
            page = f"/jobs/{row['job_id']}/tasks/{task}/log?attempt={row['attempt']}"
    return {**row, "task_id": task, "page": page}


ANSWERS: Mapping[str, Any] = {"worker_attempts": worker_attempts, "attempt_at": attempt_at}
