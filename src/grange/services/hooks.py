"""What happened, turned into deliveries for hooks and people, in the transaction that made it so.

Called once for each command, after its statuses are booked. A delivery that is written is tried
until it is taken or given up (`services.hook_run`): an event that is committed is never lost.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from grange.domain.effects import DeliverHooks
from grange.domain.facts import EventFact, SessionActionFact
from grange.domain.hooks import MESSAGES_OF, Hook, HookDelivery, HookEvent, MessagePlan
from grange.domain.work import Job, Worker
from grange.kernel.ids import JobId
from grange.kernel.units import iso8601
from grange.services.draft import Draft

_ENDS = {
    "SUCCEEDED": HookEvent.JOB_SUCCEEDED,
    "FAILED": HookEvent.JOB_FAILED,
    "CANCELED": HookEvent.JOB_CANCELED,
}
_NAMED = {
    "first_frame": HookEvent.FIRST_FRAME,
    "first_failure": HookEvent.FIRST_FAILURE,
    "worker_quarantined": HookEvent.WORKER_QUARANTINED,
    "budget_reached": HookEvent.BUDGET_REACHED,
}


def notice(draft: Draft) -> None:
    """Leave a delivery for each hook and person that wants to hear of what a command did."""
    _firsts(draft)
    found = False
    for event, fact in _happened(draft):
        body: bytes | None = None
        for hook_id in _listeners(draft, event, fact):
            body = body or msgspec.json.encode(_body(draft, event, fact))
            found = True
            draft.put(
                HookDelivery(
                    farm_id=fact.farm_id,
                    hook_id=hook_id,
                    event_id=fact.event_id,
                    event=event.value,
                    body=body.decode(),
                    next_at=draft.now,
                    created_at=draft.now,
                )
            )
    if found:
        draft.effect(DeliverHooks())


def _firsts(draft: Draft) -> None:
    """Book the first frame and the first failure of a job: each once in its life."""
    for fact in list(draft.facts):
        if not isinstance(fact, SessionActionFact) or fact.kind != "task_run":
            continue
        name = {"SUCCEEDED": "first_frame", "FAILED": "first_failure"}.get(fact.status)
        job = draft.find(Job, fact.job_id)
        if name is None or job is None or name in (job.told or ()):
            continue
        draft.put(replace(job, told=(*(job.told or ()), name)))
        error = {"error_class": fact.error_class, "error_text": fact.error_text}
        told = {"frames": fact.frames, **error}
        draft.event(
            "job",
            job.job_id,
            name,
            job.farm_id,
            at=fact.ended_at,
            job_id=job.job_id,
            layer_id=fact.layer_id,
            worker_id=fact.worker_id,
            detail=msgspec.json.encode(
                {key: value for key, value in told.items() if value}
            ).decode(),
        )


def _happened(draft: Draft) -> Iterator[tuple[HookEvent, EventFact]]:
    for fact in list(draft.facts):
        if not isinstance(fact, EventFact):
            continue
        if fact.name == "job_status":
            event = HookEvent.JOB_SUBMITTED if fact.old is None else _ENDS.get(fact.new or "")
        else:
            event = _NAMED.get(fact.name)
        if event is not None:
            yield event, fact


def _listeners(draft: Draft, event: HookEvent, fact: EventFact) -> Iterator[str]:
    for hook in draft.all(Hook):
        if hook.farm_id == fact.farm_id and event.value in hook.events:
            yield hook.hook_id
    job = _job(draft, fact)
    if job is not None:
        plan = draft.find(MessagePlan, fact.farm_id, job.created_by)
        if plan is not None and event.value in plan.events:
            yield MESSAGES_OF + plan.user_name


def _job(draft: Draft, fact: EventFact) -> Job | None:
    return None if fact.job_id is None else draft.find(Job, JobId(fact.job_id))


def _body(draft: Draft, event: HookEvent, fact: EventFact) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": fact.event_id,
        "event": event.value,
        "at": iso8601(fact.at),
        "farm_id": fact.farm_id,
    }
    job = _job(draft, fact)
    if job is not None:
        body["job"] = {
            "job_id": job.job_id,
            "name": job.name,
            "queue_id": job.queue_id,
            "user": job.created_by,
            "project": job.attributes.get("project"),
            "status": job.status.value,
            "tasks": dict(job.counts),
        }
    if fact.worker_id is not None:
        worker = draft.find(Worker, fact.worker_id)
        host = None if worker is None else worker.host_properties.get("hostName")
        body["worker"] = {"worker_id": fact.worker_id, "name": host}
    if fact.detail:
        body["detail"] = msgspec.json.decode(fact.detail)
    if fact.subject == "budget":
        body["budget"] = {"budget_id": fact.subject_id, "name": fact.new}
    return body
