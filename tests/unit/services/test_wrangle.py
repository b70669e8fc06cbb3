"""What needs a person: rules over failed attempts and over the present, clusters, handling."""

from dataclasses import replace
from typing import Any

import pytest

from grange.domain.farm import Queue, QueueFleetAssociation
from grange.domain.hails import Hail, Verdict
from grange.domain.statuses import (
    ActionKind,
    AssociationStatus,
    SessionActionStatus,
    WorkerStatus,
)
from grange.domain.work import Job, Layer, Session, SessionAction, Worker
from grange.domain.wrangling import Deed, Fix, Trouble, handling
from grange.kernel.ids import FarmId, FleetId, JobId, QueueId, SessionId, StepId, WorkerId
from grange.kernel.units import Instant
from grange.services.wrangle.clusters import Incident, clusters
from grange.services.wrangle.failures import Attempt, Known, from_failures
from grange.services.wrangle.present import (
    Limits,
    Open,
    Stopped,
    full_disks,
    silent,
    stopped_queues,
    stuck,
    waiting,
)

MINUTE = 60_000
NOW = Instant(1_000 * MINUTE)
NOTHING = Known(succeeded_at={}, disabled=(), aside=(), failed=())
FARM, FLEET, QUEUE = FarmId("farm-1"), FleetId("fleet-1"), QueueId("queue-1")


def attempt(number: int, **members: Any) -> Attempt:
    known: dict[str, Any] = {
        "job_id": "job-1",
        "job_name": "oats",
        "session_id": f"session-{number}",
        "worker_id": "worker-1",
        "worker": "rn01",
        "task_id": f"task-1-{number}",
        "attempt": 1,
        "text": f"cannot open /a/{number}.exr",
        "at": Instant(number * MINUTE),
        "lost_ms": MINUTE,
        "hurts": True,
    }
    return Attempt(**(known | members))


def found(attempts: list[Attempt], known: Known = NOTHING) -> list[tuple[str, int]]:
    return [(one.trouble, one.count) for one in clusters(from_failures(attempts, known))]


# ── failures ──────────────────────────────────────────────────────────────────────────────────────


def test_a_worker_that_fails_at_everything_shows_at_its_third_failure() -> None:
    """UX-16: a fail-looping worker surfaces within three failures."""
    loop = [attempt(number) for number in range(3)]
    assert found(loop[:2]) == []
    assert found(loop) == [("worker", 3)]


def test_one_success_ends_the_loop_of_a_worker() -> None:
    loop = [attempt(number, hurts=False) for number in range(4)]
    well = replace(NOTHING, succeeded_at={"worker-1": Instant(2 * MINUTE)})
    assert found(loop) == [("worker", 4)]
    assert found(loop, well) == []


def test_a_loop_counts_though_other_workers_did_the_tasks_well() -> None:
    loop = [attempt(number, hurts=False, job_id=f"job-{number}") for number in range(3)]
    assert found(loop) == [("worker", 3)]


def test_what_fails_alike_on_several_workers_is_the_works_own_trouble() -> None:
    both = [attempt(number, worker_id=f"worker-{number % 2}") for number in range(6)]
    assert found(both) == [("failing", 6)]


def test_a_worker_that_fails_in_several_jobs_is_to_blame_even_if_one_fails_elsewhere() -> None:
    loop = [attempt(number, job_id=f"job-{number}") for number in range(3)]
    assert found([*loop, attempt(9, worker_id="worker-2", job_id="job-0")]) == [("worker", 3)]


def test_a_full_disk_shows_at_once() -> None:
    """Ledger: S0-37's disk full is trouble by its first sign."""
    one = attempt(1, text="OSError: No space left on device: /out/x.exr")
    assert found([one]) == [("disk", 1)]
    assert found([replace(one, hurts=False)]) == []


def test_a_job_that_was_lost_or_put_aside_shows_with_its_first_failure() -> None:
    one = attempt(1)
    for known in (replace(NOTHING, aside=("job-1",)), replace(NOTHING, lost=("job-1",))):
        assert found([one], known) == [("failing", 1)]


def test_failures_are_put_together_by_what_they_say_and_counted() -> None:
    group = clusters(
        from_failures(
            [attempt(number, worker_id=f"worker-{number % 2}") for number in range(4)]
            + [
                attempt(number, text=f"no texture {number}", worker_id=f"worker-{number % 2}")
                for number in range(10, 15)
            ],
            replace(NOTHING, failed=("job-1",)),
        )
    )
    assert [(one.signature, one.count, one.lost_ms) for one in group] == [
        ("no texture <n>", 5, 5 * MINUTE),
        ("cannot open <path>", 4, 4 * MINUTE),
    ]
    first = group[0]
    assert (first.first_at, first.last_at) == (10 * MINUTE, 14 * MINUTE)
    assert [job.count for job in first.jobs] == [5]
    assert [worker.count for worker in first.workers] == [3, 2]
    assert first.examples[0].page == "/jobs/job-1/tasks/task-1-14/log?attempt=1"
    assert first.fixes == ["requeue", "exclude", "quarantine"]


# ── the present ───────────────────────────────────────────────────────────────────────────────────


def worker(**members: Any) -> Worker:
    known: dict[str, Any] = {
        "farm_id": FARM,
        "fleet_id": FLEET,
        "worker_id": WorkerId("worker-1"),
        "global_index": 0,
        "host_name": "rn01",
        "status": WorkerStatus.NOT_RESPONDING,
        "created_at": Instant(0),
        "created_by": "ann",
        "last_seen_at": Instant(NOW - 5 * MINUTE),
        "threads": 2,
    }
    return Worker(**(known | members))


def running(*, minutes: int, pace_ms: float | None, **members: Any) -> Open:
    began = Instant(NOW - minutes * MINUTE)
    job = Job(
        farm_id=FARM,
        queue_id=QUEUE,
        job_id=JobId("job-1"),
        name="oats",
        created_at=Instant(0),
        created_by="ann",
    )
    layer = Layer(
        farm_id=FARM,
        queue_id=QUEUE,
        job_id=job.job_id,
        layer_id=StepId("step-1"),
        name="beauty",
        index=0,
        task_count=9,
        created_at=Instant(0),
        created_by="ann",
    )
    known: dict[str, Any] = {
        "farm_id": FARM,
        "job_id": job.job_id,
        "session_id": SessionId("session-1"),
        "index": 0,
        "kind": ActionKind.TASK_RUN,
        "status": SessionActionStatus.RUNNING,
        "layer_id": layer.layer_id,
        "task_index": 3,
        "attempt": 1,
        "assigned_at": began,
        "started_at": began,
        "updated_at": began,
    }
    session = Session(
        farm_id=FARM,
        queue_id=QUEUE,
        fleet_id=FLEET,
        worker_id=WorkerId("worker-1"),
        job_id=job.job_id,
        session_id=SessionId("session-1"),
        thread=0,
        threads=1,
        user_name="ann",
        started_at=began,
    )
    return Open(
        action=SessionAction(**(known | members)),
        session=session,
        job=job,
        layer=layer,
        worker=worker(status=WorkerStatus.STARTED),
        pace_ms=pace_ms,
        is_first=True,
    )


@pytest.mark.parametrize(
    ("minutes", "pace", "members", "stands"),
    [
        (50, 9.0 * MINUTE, {}, True),
        (44, 9.0 * MINUTE, {}, False),
        (9, 1.0 * MINUTE, {}, False),
        (61, None, {}, True),
        (61, None, {"updated_at": Instant(NOW - MINUTE)}, False),
        (11, None, {"started_at": None}, True),
        (99, 1.0 * MINUTE, {"kind": ActionKind.ENV_ENTER}, False),
    ],
)
def test_a_task_is_stuck_when_it_takes_far_longer_than_others(
    minutes: int, pace: float | None, members: dict[str, Any], *, stands: bool
) -> None:
    incidents = stuck([running(minutes=minutes, pace_ms=pace, **members)], Limits(), NOW)
    assert bool(incidents) is stands


def test_a_silent_worker_costs_the_time_of_its_threads_until_somebody_disables_it() -> None:
    (one,) = silent([worker()], {}, NOW)
    assert (one.lost_ms, one.first_at) == (10 * MINUTE, NOW - 5 * MINUTE)
    assert silent([worker(disabled=True), worker(status=WorkerStatus.STOPPED)], {}, NOW) == []


def test_what_neighbours_met_says_whether_a_worker_is_dead_or_cannot_be_reached() -> None:
    """Ledger S1-06: both are findings of the inbox, apart from each other."""
    found = {}
    for verdict in Verdict:
        hail = Hail(verdict=verdict, seen_at=NOW, told_at=NOW)
        late = worker(status=WorkerStatus.STARTED, hail=hail)
        (one,) = silent([late], {}, NOW)
        assert silent([worker(disabled=True, hail=hail)], {}, NOW) == []
        found[verdict] = one.signature
    assert found[Verdict.UNREACHABLE] == "the server cannot reach it"
    assert found[Verdict.GONE] == "it is dead"
    assert len(set(found.values())) == len(Verdict)


def test_a_worker_without_room_shows() -> None:
    up = worker(status=WorkerStatus.STARTED)
    assert [one.trouble for one in full_disks({"worker-1": 2**29}, [up], Limits(), NOW)] == ["disk"]
    assert full_disks({"worker-1": 2**31}, [up], Limits(), NOW) == []


@pytest.mark.parametrize(
    ("reason", "trouble"),
    [
        ("requirement", Trouble.WAITING),
        ("memory", Trouble.WAITING),
        ("workers", Trouble.WAITING),
        ("licence", Trouble.LICENCE),
        ("priority", None),
        ("quota", None),
        ("hours", None),
        ("dependency", None),
        ("", None),
    ],
)
def test_only_reasons_that_nobody_changes_by_itself_need_a_person(
    reason: str, trouble: Trouble | None
) -> None:
    one = waiting(running(minutes=1, pace_ms=None).job, reason, "it has 4 of 8 GiB")
    assert (None if one is None else one.trouble) is trouble


def test_a_queue_is_stopped_when_none_of_its_fleets_may_work_for_it() -> None:
    queue = Queue(
        farm_id=FARM, queue_id=QueueId("q"), name="main", created_at=NOW, created_by="ann"
    )

    def link(fleet: str, status: str, at: int) -> QueueFleetAssociation:
        return QueueFleetAssociation(
            farm_id=FARM,
            queue_id=queue.queue_id,
            fleet_id=FleetId(fleet),
            status=AssociationStatus(status),
            created_at=Instant(1),
            created_by="ann",
            updated_at=Instant(at),
            updated_by=f"by-{fleet}",
        )

    drains, stopped = "STOP_SCHEDULING_AND_COMPLETE_TASKS", "STOPPED"
    assert stopped_queues([queue], []) == {}, "no fleet is set to work for it: nothing to start"
    assert stopped_queues([queue], [link("a", "ACTIVE", 5), link("b", stopped, 6)]) == {}
    found = stopped_queues([queue], [link("a", drains, 7), link("b", stopped, 6)])
    assert found == {queue.queue_id: Stopped(name="main", at=Instant(7), by="by-a")}


# ── handling ──────────────────────────────────────────────────────────────────────────────────────


def deed(fix: Fix, minute: int, **members: Any) -> Deed:
    return Deed(
        farm_id=FARM,
        deed_id=f"deed-{minute}",
        cluster_id="failing-1",
        title="oats failed",
        fix=fix,
        text="It did.",
        at=Instant(minute * MINUTE),
        by="ann",
        **members,
    )


def test_what_was_acted_on_is_handled_until_it_shows_again() -> None:
    done = [deed(Fix.REQUEUE, 10)]
    assert handling(done, Instant(10 * MINUTE), NOW).state == "handled"
    assert handling(done, Instant(10 * MINUTE + 1), NOW).state == "open"
    undone = [deed(Fix.REQUEUE, 10, undone_at=NOW, undone_by="bob")]
    assert handling(undone, Instant(MINUTE), NOW).state == "open"


def test_a_snooze_ends_by_the_clock_and_by_undo() -> None:
    until = Instant(NOW + 1)
    snoozed = deed(Fix.SNOOZE, 10, until_at=until)
    assert handling([snoozed], NOW, NOW).state == "snoozed"
    assert handling([snoozed], NOW, until).state == "open"
    shorter = deed(Fix.SNOOZE, 11, until_at=Instant(NOW - 1))
    assert handling([snoozed, shorter], NOW, NOW).state == "open", "the latest one holds"
    taken_back = deed(Fix.SNOOZE, 11, until_at=Instant(NOW - 1), undone_at=NOW)
    assert handling([snoozed, taken_back], NOW, NOW).state == "snoozed"


def test_the_latest_assignment_holds_and_leaves_it_open() -> None:
    assigned = [deed(Fix.ASSIGN, 1, assignee="bob"), deed(Fix.ASSIGN, 2, assignee="cat")]
    how = handling(assigned, NOW, NOW)
    assert (how.state, how.assignee) == ("open", "cat")
    assert handling([*assigned, deed(Fix.ASSIGN, 3)], NOW, NOW).assignee is None


def test_the_worst_comes_first() -> None:
    def one(trouble: Trouble, lost: int) -> Incident:
        return Incident(
            trouble=trouble,
            signature=f"{lost}",
            text="",
            first_at=NOW,
            at=NOW,
            lost_ms=lost,
            worker_id="w",
            worker="rn",
            job_id="j",
            job_name="oats",
        )

    listed = clusters(
        [one(Trouble.WAITING, 9), one(Trouble.FAILING, 1), one(Trouble.FAILING, 5), one(
            Trouble.DISK, 0)]
    )  # fmt: skip
    assert [(item.trouble, item.lost_ms) for item in listed] == [
        ("disk", 0),
        ("failing", 5),
        ("failing", 1),
        ("waiting", 9),
    ]
