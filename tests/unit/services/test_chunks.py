"""Chunks fitted to the measured time of frames: OpenJD's adaptive chunking (issue 5, item 6)."""

from typing import Any

import pytest

from grange.domain.layer import check_invariants
from grange.domain.statuses import SessionActionStatus, TaskRunStatus
from grange.domain.work import Job, Layer, SessionAction
from grange.kernel.ids import JobId, WorkerId
from grange.services.commands.jobs import ChangeJob
from grange.services.draft import Memory
from grange.services.reports import ActionReport, ReportSchedule
from grange.services.templates import TaskSpaces
from grange.testing.builders import DecidingFarm, job_template


def expanded(text: str) -> list[int]:
    frames: list[int] = []
    for part in text.split(","):
        span, _, step = part.partition(":")
        first, _, last = span.partition("-")
        frames += range(int(first), int(last or first) + 1, int(step or 1))
    return frames


class Studio(DecidingFarm):
    """A farm whose frames take as long as told."""

    def submit(self, frames: str, *, seconds: int, size: int = 1, gaps: bool = False) -> JobId:
        template = job_template(frames=frames, chunk=size)
        chunks = template["steps"][0]["parameterSpace"]["taskParameterDefinitions"][0]["chunks"]
        chunks["targetRuntimeSeconds"] = seconds
        if gaps:
            chunks["rangeConstraint"] = "NONCONTIGUOUS"
        return JobId(self.job(template))

    def work(self, worker_id: WorkerId, *, frame_seconds: float, start: float = 0.0) -> list[int]:
        """Take the next task and end it after the time of its frames; return the frames."""
        of: dict[str, Any] = {
            "farm_id": self.farm_id,
            "fleet_id": self.fleet_id,
            "worker_id": worker_id,
        }
        told = self.do(ReportSchedule(**of))
        action = next(
            (one for _, actions in told.sessions for one in actions if one.layer_id), None
        )
        if action is None:
            return []
        frames = expanded(next(iter(action.parameters["Frame"].values())))
        begun = self.clock.now()
        self.clock.advance(start + frame_seconds * len(frames))
        report = ActionReport(
            completed_status=SessionActionStatus.SUCCEEDED,
            started_at=begun,
            ended_at=self.clock.now(),
            exit_code=0,
        )
        self.do(ReportSchedule(**of, updates={action.action_id: report}))
        self.check()
        return frames

    def check(self) -> None:
        """The counts of layers and jobs add up after every change."""
        for layer in self.memory.tables[Layer].values():
            check_invariants(layer)
        for job in self.memory.tables[Job].values():
            layers = [self.memory.tables[Layer][one,] for one in job.layer_ids]
            assert sum(job.counts.values()) == sum(layer.task_count for layer in layers)
        again = Memory()
        again.take_in([row for row in self.rows.values() if row is not None])
        for layer in self.memory.tables[Layer].values():
            ours = list(self.memory.index.ready_tasks(layer.layer_id))
            assert list(again.index.ready_tasks(layer.layer_id)) == ours


def sizes(done: list[list[int]]) -> list[int]:
    return [len(frames) for frames in done]


def test_chunks_grow_to_the_time_they_should_take_and_every_frame_comes_once():
    studio = Studio()
    studio.submit("1-400", seconds=60)
    worker = studio.worker()
    done = []
    while frames := studio.work(worker, frame_seconds=3.0):
        done.append(frames)
    assert [frame for frames in done for frame in frames] == list(range(1, 401))
    assert sizes(done)[0] == 1
    assert 15 <= max(sizes(done)) <= 25, "20 frames of 3 s are 60 s; a quarter is near enough"
    assert len(done) < 30
    job = studio.all(Job)[0]
    assert job.status is TaskRunStatus.SUCCEEDED
    assert job.counts == {"SUCCEEDED": len(done)}


def test_the_time_to_load_a_scene_is_spread_over_a_chunk():
    studio = Studio()
    studio.submit("1-600", seconds=100)
    worker = studio.worker()
    while studio.work(worker, frame_seconds=1.0, start=20.0):
        pass
    sizes_cut = [cut.size for cut in studio.all(Job)[0].cuts]
    assert max(sizes_cut) > 40, "not 100 s / 21 s, as the first frame alone would say"
    assert len([fact for fact in studio.facts if getattr(fact, "name", "") == "layer_chunks"]) == (
        len(sizes_cut)
    )


def test_chunks_shrink_when_frames_turn_out_to_be_slow():
    studio = Studio()
    studio.submit("1-64", seconds=30, size=16)
    worker = studio.worker()
    first = studio.work(worker, frame_seconds=10.0)
    done = [first]
    while frames := studio.work(worker, frame_seconds=10.0):
        done.append(frames)
    assert len(first) == 16
    assert min(sizes(done)) <= 3
    assert sorted(frame for frames in done for frame in frames) == list(range(1, 65))


@pytest.mark.parametrize("gaps", [False, True])
def test_ranges_with_gaps_are_cut_as_their_constraint_says(gaps: bool):
    studio = Studio()
    studio.submit("1-30,41-70,90", seconds=40, gaps=gaps)
    worker = studio.worker()
    done = []
    while frames := studio.work(worker, frame_seconds=2.0):
        done.append(frames)
    wanted = [*range(1, 31), *range(41, 71), 90]
    assert sorted(frame for frames in done for frame in frames) == wanted
    if not gaps:
        assert all(frames == list(range(frames[0], frames[-1] + 1)) for frames in done)


def test_nobody_is_left_idle_beside_one_large_chunk():
    studio = Studio()
    studio.submit("1-24", seconds=3600)
    workers = [studio.worker() for _ in range(8)]
    studio.work(workers[0], frame_seconds=1.0)
    (cut,) = studio.all(Job)[0].cuts
    assert cut.size == 23 // 8


def test_without_a_target_chunks_stay_as_they_are():
    studio = Studio()
    studio.job(job_template(frames="1-40", chunk=4))
    worker = studio.worker()
    while studio.work(worker, frame_seconds=0.1):
        pass
    assert studio.all(Job)[0].cuts is None


def test_what_was_given_out_keeps_its_frames_also_after_a_restart_and_a_reset():
    studio = Studio()
    job_id = studio.submit("1-100", seconds=60)
    worker = studio.worker()
    done = [studio.work(worker, frame_seconds=3.0) for _ in range(4)]
    job = studio.memory.tables[Job][job_id,]
    told = {
        row.task_index: row.parameters["Frame"]
        for row in studio.all(SessionAction)
        if row.task_index is not None
    }
    fresh = TaskSpaces()
    for index, parameters in told.items():
        assert fresh.parameters(job, 0, index)["Frame"] == parameters
    change: dict[str, Any] = {"farm_id": studio.farm_id, "queue_id": studio.queue_id, "by": "ann"}
    studio.do(ChangeJob(job_id=job_id, target_status=TaskRunStatus.PENDING, **change))
    studio.check()
    again = []
    while frames := studio.work(worker, frame_seconds=30.0):
        again.append(frames)
    assert all(frames in again for frames in done)
    # What was under way at the reset comes to its end, and again.
    assert {frame for frames in again for frame in frames} == set(range(1, 101))
