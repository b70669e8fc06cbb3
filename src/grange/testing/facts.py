"""Builders of facts with sensible values: a test names only what it is about."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict

from grange.domain.facts import (
    EventFact,
    LicenceUseFact,
    SessionActionFact,
    SessionFact,
    SubmissionFact,
)
from grange.kernel.ids import FarmId, FleetId, JobId, QueueId, SessionId, StepId, WorkerId
from grange.kernel.units import Instant

FARM = FarmId("farm-" + "0" * 31 + "1")
QUEUE = QueueId("queue-" + "0" * 31 + "1")
FLEET = FleetId("fleet-" + "0" * 31 + "1")
WORKER = WorkerId("worker-" + "0" * 31 + "1")
JOB = JobId("job-" + "0" * 31 + "1")
LAYER = StepId("step-" + "0" * 31 + "1")
SESSION = SessionId("session-" + "0" * 31 + "1")
T0 = Instant(1_767_261_600_000)
"""2026-01-01T10:00:00Z."""


def numbered(prefix: str, number: int) -> str:
    """Return the id with this number."""
    return f"{prefix}-{number:032x}"


def action_fact(**changes: Any) -> SessionActionFact:
    """Return an attempt of two frames that took ten seconds and succeeded."""
    session_id = changes.get("session_id", SESSION)
    index = changes.get("action_index", 0)
    started_at = changes.get("started_at", T0)
    values: dict[str, Any] = {
        "farm_id": FARM, "queue_id": QUEUE, "fleet_id": FLEET, "worker_id": WORKER, "thread": 0,
        "job_id": JOB, "job_name": "a job", "layer_id": LAYER, "layer_name": "beauty",
        "task_index": 0, "session_id": session_id,
        "action_id": f"sessionaction-{session_id[8:]}-{index}", "action_index": index,
        "kind": "task_run", "status": "SUCCEEDED", "attempt": 1, "frames": "1-2",
        "frame_count": 2, "assigned_at": T0 if started_at is None else started_at,
        "started_at": started_at, "ended_at": (started_at or T0) + 10_000,
        "worker_started_at": None, "worker_ended_at": None, "session_started_at": T0,
        "exit_code": 0, "cause": "", "error_class": None, "error_rule": None, "error_text": None,
        "cpu_ms": 9_000, "peak_memory_bytes": 1 << 30, "output_bytes": 1_000, "copy_ms": None,
        "user_name": "ann", "project": "film", "app": "mitsuba", "render_type": "three_d",
        "shot": "010", "threads": 1, "ps_milli": 1000, "ghz_milli": 8_000, "watts_milli": None,
        "billionths_per_hour": 3_600_000_000,
    }  # fmt: skip
    values.update(changes)
    return SessionActionFact(**values)


def session_fact(**changes: Any) -> SessionFact:
    """Return a session of ten seconds at one unit of the currency per hour."""
    started_at = changes.get("started_at", T0)
    values: dict[str, Any] = {
        "farm_id": FARM, "queue_id": QUEUE, "fleet_id": FLEET, "worker_id": WORKER, "thread": 0,
        "job_id": JOB, "job_name": "a job", "session_id": SESSION, "user_name": "ann",
        "project": "film", "started_at": started_at, "ended_at": started_at + 10_000,
        "threads": 1, "ps_milli": 1000, "instance_type": None, "card_id": "card",
        "rate_line_id": "line", "billionths_per_hour": 1_000_000_000, "amount_billionths": None,
    }  # fmt: skip
    values.update(changes)
    return SessionFact(**values)


def event_fact(event_id: str, at: int, name: str, **changes: Any) -> EventFact:
    """Return an event of the standard worker."""
    values: dict[str, Any] = {
        "farm_id": FARM, "event_id": event_id, "at": at, "subject": "worker",
        "subject_id": changes.get("worker_id", WORKER), "name": name,
        "worker_id": WORKER, "fleet_id": FLEET,
    }  # fmt: skip
    values.update(changes)
    return EventFact(**values)


def licence_fact(**changes: Any) -> LicenceUseFact:
    """Return a seat of a product held for ten seconds at half a unit of the currency per hour."""
    started_at = changes.get("started_at", T0)
    values: dict[str, Any] = {
        "farm_id": FARM, "use_id": f"{changes.get('session_id', SESSION)}:1",
        "session_id": SESSION, "fleet_id": FLEET, "worker_id": WORKER, "job_id": JOB,
        "product": "nuke", "region": None, "seats": 1, "started_at": started_at,
        "ended_at": started_at + 10_000, "card_id": "card", "rate_line_id": "licence",
        "billionths_per_hour": 500_000_000, "amount_billionths": None,
    }  # fmt: skip
    values.update(changes)
    return LicenceUseFact(**values)


def submission_fact(**changes: Any) -> SubmissionFact:
    """Return a layer of four frames that ann submitted."""
    values: dict[str, Any] = {
        "farm_id": FARM, "queue_id": QUEUE, "job_id": JOB, "layer_id": LAYER, "layer_index": 0,
        "job_name": "Cornell", "layer_name": "Beauty", "submitted_at": T0, "user_name": "ann",
        "submit_machine": "desk", "project": "demo", "app": "mitsuba", "app_version": "3.7",
        "renderer": "mitsuba", "render_type": "three_d", "shot": "010", "sequence": "s1",
        "version": "v1", "priority": 50, "task_count": 2, "frame_count": 4, "frames": "1-4",
    }  # fmt: skip
    values.update(changes)
    return SubmissionFact(**values)


def as_row(fact: Any) -> dict[str, Any]:
    """Return a fact's columns."""
    return asdict(fact)


def posted_frame(**changes: Any) -> dict[str, Any]:
    """Return a frame record as a worker posts it."""
    started_at = changes.get("started_at", T0)
    values: dict[str, Any] = {
        "action_id": f"sessionaction-{SESSION[8:]}-0", "session_id": SESSION, "job_id": JOB,
        "layer_id": LAYER, "task_index": 0, "frame": 1, "started_at": started_at,
        "ended_at": started_at + 5_000, "render_ms": 5_000, "averaged_over": 1,
        "first_of_chunk": True, "first_after_load": True, "user_logged_in": False,
        "log_started_at": started_at, "log_first_frame": 1, "part_job_cpu": [900] * 5,
        "part_job_memory_bytes": [1 << 30] * 5, "part_other_cpu": [10] * 5,
        "part_threads": [1] * 5, "peak_memory_bytes": 1 << 30, "cpu_ms": 4_500,
        "output_path": "/out/f.0001.exr", "output_bytes": 500,
    }  # fmt: skip
    values.update(changes)
    return values


def posted_worker_sample(at: int, **changes: Any) -> dict[str, Any]:
    """Return a sample of a machine as a worker posts it."""
    values: dict[str, Any] = {
        "at": at, "coverage_ms": 20_000, "cpu_milli": 500, "gpu_milli": None,
        "memory_used_bytes": 4 << 30, "memory_total_bytes": 16 << 30, "net_in_bytes": 1_000,
        "net_out_bytes": 2_000, "net_in_max_bytes_per_s": 300, "user_logged_in": False,
        "load1_milli": 1_200, "disk_free_bytes": 10 << 30, "temperature_milli_c": None,
        "watts_milli": None,
    }  # fmt: skip
    values.update(changes)
    return values


def posted_thread_sample(at: int, thread: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a sample of a job thread as a worker posts it."""
    values: dict[str, Any] = {
        "at": at, "thread": thread, "session_id": SESSION, "job_id": JOB, "layer_id": LAYER,
        "coverage_ms": 20_000, "state": "rendering", "cpu_milli": 450,
        "memory_bytes": 2 << 30, "processes": 3,
    }  # fmt: skip
    values.update(changes)
    return values


def frame_row(posted: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a posted frame record as the books keep it, on a worker whose clock is right."""
    row = dict(posted)
    row["farm_id"], row["fleet_id"], row["worker_id"] = FARM, FLEET, WORKER
    row["worker_started_at"], row["worker_ended_at"] = row["started_at"], row["ended_at"]
    row.update(changes)
    return row


def sample_row(posted: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a posted sample as the books keep it, on a worker whose clock is right."""
    row = dict(posted)
    row["farm_id"], row["fleet_id"], row["worker_id"] = FARM, FLEET, WORKER
    row["worker_at"] = row["at"]
    row.update(changes)
    return row
