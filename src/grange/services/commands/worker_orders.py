"""What people tell a worker: disabled, draining, stopped, its classes, a note."""

from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from grange.domain.effects import Publish, WakeWorker
from grange.domain.routing import letters
from grange.domain.statuses import ActionKind, TaskRunStatus
from grange.domain.work import Layer, SessionAction, Worker
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId
from grange.services.commands.groups import find_worker
from grange.services.commands.workers import DisableWorker
from grange.services.draft import Draft
from grange.services.owner import Needs
from grange.services.work import ask_task

LONGEST_NOTE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderWorker:
    """Change what a worker may do. What is None stays. Answers {"worker_id", "name", "stopped"}.

    A worker that is disabled finishes its running tasks, unless `stop` gives them back at once:
    they are run again elsewhere, and nothing counts as failed. One that drains goes on with the
    jobs it works on and begins no other.
    """

    farm_id: FarmId
    worker: str
    """Id or name."""
    disabled: bool | None = None
    stop: bool = False
    draining: bool | None = None
    classes: str | None = None
    """Letters A to Z, e.g. `AC`; empty: as the worker itself says."""
    note: str | None = None
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put what changes, and stop what runs if that is wanted."""
        worker = find_worker(draft, self.farm_id, self.worker)
        if worker.deleted_at is not None:
            raise NotFoundError("worker", worker.worker_id)
        if self.disabled is not None:
            DisableWorker(
                farm_id=self.farm_id,
                worker_id=worker.worker_id,
                disabled=self.disabled,
                by=self.by,
            ).decide(draft)
        self._change(draft, draft.get(Worker, worker.worker_id))
        stopped = _stop(draft, draft.get(Worker, worker.worker_id), self.by) if self.stop else 0
        draft.touch_queues(worker.farm_id)
        draft.effect(WakeWorker(worker.worker_id))
        draft.effect(Publish(worker.farm_id, worker_id=worker.worker_id))
        return {"worker_id": worker.worker_id, "name": worker.host_name, "stopped": stopped}

    def _change(self, draft: Draft, worker: Worker) -> None:
        changes: dict[str, Any] = {}
        if self.draining is not None:
            changes["draining"] = self.draining or None
        if self.classes is not None:
            changes["classes"] = _classes(self.classes)
        if self.note is not None:
            if len(self.note) > LONGEST_NOTE:
                raise InvalidRequestError(
                    f"A note has at most {LONGEST_NOTE} characters.",
                    fields=[FieldProblem("note", "is too long")],
                )
            changes["note"] = self.note.strip() or None
        for name, value in changes.items():
            old = getattr(worker, name)
            if old != value:
                draft.event(
                    "worker",
                    worker.worker_id,
                    f"worker_{name}",
                    worker.farm_id,
                    old=_text(old),
                    new=_text(value),
                    actor=self.by,
                    worker_id=worker.worker_id,
                    fleet_id=worker.fleet_id,
                )
        if changes:
            draft.put(replace(worker, **changes, updated_at=draft.now, updated_by=self.by))


def _stop(draft: Draft, worker: Worker, by: str) -> int:
    """Give back every task the worker holds; return how many."""
    held: list[SessionAction] = [
        action
        for session in draft.open_sessions(worker)
        for action in draft.open_actions(session)
        if action.kind is ActionKind.TASK_RUN
    ]
    for action in held:
        layer = draft.get(Layer, str(action.layer_id))
        ask_task(draft, layer, int(action.task_index or 0), TaskRunStatus.READY, by)
    return len(held)


def _classes(text: str) -> tuple[str, ...] | None:
    if not text.strip():
        return None
    found = letters(text.strip().upper())
    if not found:
        raise InvalidRequestError(
            f"{text!r} names no classes: write letters A to Z, e.g. AC.",
            fields=[FieldProblem("classes", "must be letters A to Z")],
        )
    return found


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return "".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
