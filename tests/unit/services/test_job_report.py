"""The report of a job, put together from what the books and the scheduler say of it."""

from typing import Any

from grange.domain.statuses import TaskRunStatus
from grange.domain.work import Job, Layer
from grange.kernel.units import Instant
from grange.services.reads.job_report import job_report
from grange.services.why import JobAnswer
from grange.testing.conformance.entities import least

NOW = Instant(1_000_000)


def attempt(name: str, start: int, seconds: int, **columns: Any) -> dict[str, Any]:
    return {
        "action_id": name,
        "session_id": "session-1",
        "layer_id": "step-1",
        "layer_name": "beauty",
        "task_index": 0,
        "attempt": 1,
        "frames": "1-10",
        "frame_count": 10,
        "frames_seen": None,
        "worker": "node07",
        "status": "SUCCEEDED",
        "cause": "",
        "exit_code": 0,
        "error_class": None,
        "error_rule": None,
        "error_text": None,
        "started_at": start,
        "ended_at": start + seconds * 1000,
        **columns,
    }


def test_times_are_elapsed_days_and_the_mean_of_frames_that_were_rendered() -> None:
    """Ledger S1-09, S1-14, S1-15: failed ones first; skipped frames took no time."""
    why = JobAnswer(
        job_id="job-1", name="spin", status="READY", priority=50, reason="", text="", layers=[]
    )
    tries = [
        attempt("whole", 0, 1000),
        attempt("resumed", 1000, 100, frames_seen=5),
        attempt("failed", 2000, 90_061, status="FAILED"),
        attempt("running", NOW - 61_000, 0, status="RUNNING", frames_seen=2),
    ]
    found = job_report(
        least(Job, job_id="job-1", started_at=Instant(0), ended_at=None),
        [least(Layer, layer_id="step-1", counts={TaskRunStatus.READY: 1})],
        why,
        {"events": [], "attempts": tries},
        {},
        now=NOW,
    )
    assert [(one.action_id, one.elapsed, one.mean_frame_seconds) for one in found.attempts] == [
        ("failed", "1:1:1:1", 9006.1),
        ("whole", "0:0:16:40", 100.0),
        ("resumed", "0:0:1:40", 20.0),
        ("running", "0:0:1:1", None),
    ]
    assert found.elapsed == "0:0:16:40"
    assert found.mean_frame_seconds == 1100 / 15, "of those that went well"
    assert found.layers[0].mean_frame_seconds == 1100 / 15
