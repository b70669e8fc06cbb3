"""`grange books verify` finds what is wrong: each fault is put in by hand."""

from dataclasses import replace as replaced
from typing import Any

import pytest
from msgspec.structs import replace

from grange.domain.farm import Farm
from grange.domain.statuses import (
    ActionKind,
    SessionActionStatus,
    SessionLifecycleStatus,
    TaskRunStatus,
)
from grange.domain.work import Job, Layer, Session, SessionAction, Task
from grange.kernel.ids import FarmId, SessionActionId
from grange.kernel.units import Instant
from grange.testing.books import books_bench
from grange.testing.facts import (
    FARM,
    FLEET,
    JOB,
    LAYER,
    QUEUE,
    SESSION,
    T0,
    WORKER,
    action_fact,
    as_row,
    event_fact,
    frame_row,
    numbered,
    posted_frame,
    session_fact,
)
from grange.testing.story import Storyteller, post, rows_of

pytestmark = pytest.mark.slow

ACTION = f"sessionaction-{SESSION[8:]}-0"
GOOD_SESSION = session_fact(
    started_at=T0 + 1_000, ended_at=T0 + 12_000, billionths_per_hour=None
)  # fmt: skip
GOOD_ACTION = action_fact(started_at=T0 + 1_000, billionths_per_hour=None)


@pytest.fixture
def bench(tmp_path):
    with books_bench(tmp_path, T0) as bench:
        bench.put(Farm(farm_id=FARM, name="f", created_at=T0, created_by="t"))
        bench.keep(event_fact("1", T0, "worker_status", new="STARTED", number=1))
        bench.travel(T0 + 60_000)
        yield bench


def failed(bench):
    """Return the checks that failed: name → detail."""
    found = bench.books.verify(farm_id=FARM)
    assert found["ok"] == all(check["ok"] for check in found["checks"])
    return {check["name"]: check["detail"] for check in found["checks"] if not check["ok"]}


def test_good_books_are_clean(bench):
    bench.keep(GOOD_SESSION, GOOD_ACTION)
    bench.post("frames", [frame_row(posted_frame(frame=frame)) for frame in (1, 2)])
    assert failed(bench) == {}
    bench.books.seal(force=True)
    assert failed(bench) == {}
    assert len(bench.books.verify(farm_id=FARM)["checks"]) == 11


def test_a_whole_story_is_clean(tmp_path):
    story = Storyteller("verify", hours=3).tell()
    with books_bench(tmp_path, T0) as bench:
        post(bench, rows_of(story))
        bench.travel(story.end)
        assert failed(bench) == {}


def test_a_damaged_journal_is_said(bench):
    bench.keep(GOOD_SESSION)
    bench.keep(GOOD_ACTION)
    bench.keep(event_fact("2", T0, "note"))
    bench.books.close()
    path = min((bench.folder / "journal").glob("*.journal"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    bench.books = bench.new_books()
    bench.books.open()
    assert "are damaged" in failed(bench)["journal is whole"]


def test_money_that_does_not_follow_from_time_is_found(bench):
    bench.keep(
        session_fact(started_at=T0 + 1_000, billionths_per_hour=3_600_000, amount_billionths=7),
        action_fact(started_at=T0 + 1_000, ended_at=T0 + 11_000),
    )
    assert "has another amount than its time" in failed(bench)["Σ tiles = Σ sessions"]


def test_sessions_that_overlap_on_a_thread_are_found(bench):
    bench.keep(
        GOOD_SESSION,
        replace(GOOD_SESSION, session_id=numbered("session", 2), started_at=Instant(T0 + 11_000)),
    )
    assert (
        "1000 ms before the last one ended"
        in failed(bench)["a job thread does one thing at a time"]
    )


def test_an_action_outside_its_session_is_found(bench):
    bench.keep(GOOD_SESSION, action_fact(started_at=T0 + 5_000, ended_at=T0 + 13_000))
    assert ACTION in failed(bench)["a job thread does one thing at a time"]


def again(**changes):
    values = {
        "session_id": numbered("session", 2), "started_at": T0 + 20_000,
        "session_started_at": T0 + 20_000, "attempt": 2, "billionths_per_hour": None,
    }  # fmt: skip
    return action_fact(**(values | changes))


def test_a_success_recorded_twice_is_found(bench):
    """Invariant 2."""
    bench.keep(GOOD_SESSION, GOOD_ACTION, again())
    assert "succeeded again" in failed(bench)["no success is booked twice"]


def test_a_success_that_somebody_asked_for_again_is_well(bench):
    task = f"task-{LAYER[5:]}-0"
    bench.keep(GOOD_SESSION, GOOD_ACTION, again())
    bench.keep(
        event_fact("2", T0 + 15_000, "task_status", subject="task", subject_id=task, new="READY",
                   actor="ann", job_id=JOB)
    )  # fmt: skip
    assert failed(bench) == {}


def test_a_frame_that_counts_in_two_tasks_is_found(bench):
    bench.keep(GOOD_SESSION, GOOD_ACTION, again(task_index=1, attempt=1, frames="2-3"))
    assert "frame 2 of" in failed(bench)["every frame is booked once"]


def test_frame_records_of_another_worker_are_found(bench):
    bench.keep(GOOD_SESSION, GOOD_ACTION)
    bench.post("frames", [frame_row(posted_frame(), worker_id=numbered("worker", 9))])
    assert "is not its own" in failed(bench)["every frame is booked once"]


def test_more_frame_records_than_frames_are_found(bench):
    bench.keep(GOOD_SESSION, GOOD_ACTION)
    bench.post("frames", [frame_row(posted_frame(frame=frame)) for frame in (1, 2, 3)])
    assert "has 3 frame records" in failed(bench)["every frame is booked once"]


def ended_session(**changes):
    values: dict[str, Any] = {
        "farm_id": FARM, "queue_id": QUEUE, "fleet_id": FLEET, "worker_id": WORKER, "job_id": JOB,
        "session_id": SESSION, "thread": 0, "threads": 1, "user_name": "ann",
        "status": SessionLifecycleStatus.ENDED, "started_at": Instant(T0 + 1_000),
        "ended_at": Instant(T0 + 12_000),
    }  # fmt: skip
    return Session(**(values | changes))


def ended_action(**changes):
    values: dict[str, Any] = {
        "farm_id": FARM, "job_id": JOB, "session_id": SESSION, "index": 0,
        "kind": ActionKind.TASK_RUN, "status": SessionActionStatus.SUCCEEDED, "layer_id": LAYER,
        "task_index": 0, "attempt": 1, "assigned_at": Instant(T0 + 1_000),
        "started_at": Instant(T0 + 1_000), "ended_at": Instant(T0 + 11_000),
    }  # fmt: skip
    return SessionAction(**(values | changes))


def test_state_that_is_not_in_the_books_is_found(bench):
    """Invariant 1: no acknowledged fact is lost."""
    bench.put(ended_session(), ended_action())
    found = failed(bench)
    assert f"{SESSION} is not booked" in found["sessions in the state are in the books"]
    assert f"{ACTION} is not booked" in found["attempts in the state are in the books"]
    bench.put(outbox=[GOOD_SESSION, GOOD_ACTION])
    assert failed(bench) == {}, "on its way is enough"


def test_state_that_is_booked_otherwise_is_found(bench):
    bench.keep(GOOD_SESSION, GOOD_ACTION)
    bench.put(
        ended_session(ended_at=Instant(T0 + 12_001)),
        ended_action(status=SessionActionStatus.FAILED),
    )
    found = failed(bench)
    assert "other times or another price" in found["sessions in the state are in the books"]
    assert "is booked as SUCCEEDED" in found["attempts in the state are in the books"]


def test_a_task_that_succeeded_by_an_attempt_that_is_not_booked_is_found(bench):
    bench.put(
        Job(farm_id=FARM, queue_id=QUEUE, job_id=JOB, name="j", created_at=T0, created_by="t"),
        Layer(farm_id=FARM, queue_id=QUEUE, job_id=JOB, layer_id=LAYER, name="l", index=0,
              task_count=1, created_at=T0, created_by="t"),
        Task(farm_id=FARM, job_id=JOB, layer_id=LAYER, index=0, status=TaskRunStatus.SUCCEEDED,
             latest_action_id=SessionActionId(ACTION))
    )  # fmt: skip
    assert "which is not booked" in failed(bench)["attempts in the state are in the books"]


def test_a_fact_that_is_in_two_files_is_found(bench):
    bench.keep(GOOD_SESSION)
    bench.books.seal(force=True)
    (row,) = [row for row in bench.books.shelf.files() if row.table_name == "sessions"]
    twin = replaced(row, path=row.path.replace(".parquet", "x.parquet"))
    source, target = (bench.folder / path for path in (row.path, twin.path))
    target.write_bytes(source.read_bytes())
    bench.books.shelf.publish([twin], [], bench.clock.now())
    assert failed(bench)["every fact is there once"] == "sessions has 1 rows twice"


def test_a_file_that_says_another_hour_is_found(bench):
    bench.keep(GOOD_SESSION)
    bench.books.seal(force=True)
    (row,) = [row for row in bench.books.shelf.files() if row.table_name == "sessions"]
    moved = replaced(row, path=row.path.replace("T10", "T11"), start_at=row.end_at)
    moved = replaced(moved, end_at=Instant(row.end_at + 3_600_000))
    (bench.folder / moved.path).write_bytes((bench.folder / row.path).read_bytes())
    bench.books.shelf.publish([moved], [row.path], bench.clock.now())
    assert "holds rows of another time" in failed(bench)["files are as published"]


def test_facts_of_other_farms_are_left_alone(bench):
    other = FarmId(numbered("farm", 2))
    bench.journal.append(other, "sessions", [as_row(replace(GOOD_SESSION, farm_id=other))])
    bench.journal.sync()
    assert failed(bench) == {}
    bench.books.seal(force=True)
    assert failed(bench) == {}
    assert bench.books.files(farm_id=FARM, table="sessions")["files"] == []
    assert len(bench.books.files(farm_id=other)["files"]) == 1
