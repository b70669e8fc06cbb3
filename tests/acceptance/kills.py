"""Killing a farm's programs while it renders, and what must hold afterwards."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from grange.cli.bundle_files import bundled_folder, read_bundle
from grange.cli.submit_bundle import BundleRequest, bundle_plan
from tests.acceptance.farm import RunningFarm, wait_until


def order_of_kills(servers: int, workers: int, seed: int) -> list[str]:
    """Which program is killed when: shuffled, workers in turn."""
    names = ["server"] * servers + [f"worker-{1 + number % 2}" for number in range(workers)]
    random.Random(seed).shuffle(names)
    return names


class Rendering:
    """Jobs of one-frame tasks, each a real Mitsuba render of under two seconds."""

    def __init__(self, farm: RunningFarm, python: str) -> None:
        self.farm = farm
        self.python = python
        self.jobs: dict[str, int] = {}
        """Job id → frames."""

    def out(self, job_id: str) -> Path:
        """Folder of a job's frames."""
        return self.farm.folder / "out" / str(list(self.jobs).index(job_id))

    def submit(self, frames: int) -> None:
        """Submit one more job."""
        folder = bundled_folder("mitsuba_spin")
        assert folder is not None
        plan = bundle_plan(
            BundleRequest(
                bundle=read_bundle(folder),
                given={
                    "FrameCount": str(frames),
                    "FramesPerTask": "1",
                    "Width": "160",
                    "Height": "90",
                    "Samples": "12",
                    "Python": self.python,
                    "OutputDir": str(self.farm.folder / "out" / str(len(self.jobs))),
                },
                here=self.farm.folder,
            )
        )
        path = f"/queues/{self.farm.init.queue_id}/jobs"
        reply = self.farm.wire("POST", path, body=plan.request())
        self.jobs[str(reply["jobId"])] = frames

    def states(self) -> list[dict[str, Any]]:
        """Every job as it stands."""
        return [self.farm.rest("GET", f"/jobs/{job_id}") for job_id in self.jobs]

    def done(self) -> int:
        """How many tasks have succeeded."""
        return sum(int(job["counts"].get("SUCCEEDED", 0)) for job in self.states())

    def ended(self) -> bool:
        """Whether all jobs have succeeded."""
        return all(job["status"] == "SUCCEEDED" for job in self.states())

    def one_more_than(self, reached: int) -> int | None:
        """How many tasks have succeeded, if they are more; with nothing left, submit another job.

        While the server is away, workers finish what they were given ahead; where that takes long,
        a job may be over before every program was killed as often as it should be.
        """
        done = self.done()
        if done <= reached and self.ended():
            self.submit(10)
        return done if done > reached else None


def run_with_kills(rendering: Rendering, kills: Sequence[str], *, seconds: float) -> None:
    """Kill one program after each further finished task, restart it at once, wait for the jobs."""
    farm = rendering.farm
    end = time.monotonic() + seconds
    reached = 0
    for name in kills:
        reached = wait_until(
            partial(rendering.one_more_than, reached),
            seconds=max(1.0, end - time.monotonic()),
            what=f"one more task than {reached} is done before {name} is killed",
        )
        farm.kill(name)
        if name == "server":
            farm.start_server()
        else:
            farm.start_worker(int(name.rsplit("-", 1)[1]))
    wait_until(rendering.ended, seconds=max(1.0, end - time.monotonic()), what="the jobs succeed")


def check_nothing_lost_or_doubled(rendering: Rendering) -> None:
    """Every frame rendered, booked once as success; the books clean."""
    for job_id, frames in rendering.jobs.items():
        check_job(rendering, job_id, frames)
    verified = rendering.farm.rest("POST", "/books/verify", body={}, timeout_seconds=120)
    assert verified["ok"], [check for check in verified["checks"] if not check["ok"]]


def check_job(rendering: Rendering, job_id: str, frames: int) -> None:
    """Every frame of one job is there and is booked once as success."""
    farm = rendering.farm
    columns = farm.rest("GET", f"/jobs/{job_id}/frames")["frames"]
    assert sorted(columns["frame"]) == list(range(1, frames + 1))
    assert set(columns["status"]) == {"SUCCEEDED"}
    out = rendering.out(job_id)
    assert len(list(out.glob("frame_*.png"))) == frames
    assert (out / "harvest.mp4").exists()

    succeeded = Counter(
        action["definition"]["taskRun"]["taskId"]
        for action in session_actions(farm, job_id)
        if "taskRun" in action["definition"] and action["status"] == "SUCCEEDED"
    )
    assert len(succeeded) == frames + 1, "every frame and the movie"
    assert set(succeeded.values()) == {1}

    receipt = farm.rest("GET", f"/jobs/{job_id}/receipt", timeout_seconds=180)
    assert receipt["frames"]["rendered"] == frames
    assert receipt["unaccounted_ms"] == 0


def session_actions(farm: RunningFarm, job_id: str) -> list[dict[str, Any]]:
    """All session actions of a job, over the Deadline Cloud API."""
    path = f"/queues/{farm.init.queue_id}/jobs/{job_id}"
    found: list[dict[str, Any]] = []
    for session in paged(farm, f"{path}/sessions", "sessions", {}):
        query = {"sessionId": str(session["sessionId"])}
        found += paged(farm, f"{path}/session-actions", "sessionActions", query)
    return found


def paged(farm: RunningFarm, path: str, member: str, query: dict[str, str]) -> list[dict[str, Any]]:
    """All items of a paged list."""
    found: list[dict[str, Any]] = []
    asked = dict(query)
    while True:
        page = farm.wire("GET", path, query=asked)
        found += page[member]
        if not page.get("nextToken"):
            return found
        asked["nextToken"] = page["nextToken"]


def run_kill_test(
    folder: Path, *, frames: int, servers: int, workers: int, seconds: float, python: str, seed: int
) -> None:
    """Run the whole test on a new farm; what the programs said is in the failure's message."""
    with RunningFarm(folder).start() as farm:
        rendering = Rendering(farm, python)
        rendering.submit(frames)
        try:
            run_with_kills(rendering, order_of_kills(servers, workers, seed), seconds=seconds)
            wait_until(
                lambda: all("endedAt" in session for session in sessions(rendering)),
                seconds=180,
                what="all sessions have ended",
            )
            check_nothing_lost_or_doubled(rendering)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{farm.logs()}") from error


def sessions(rendering: Rendering) -> list[dict[str, Any]]:
    """All sessions of all jobs, over the Deadline Cloud API."""
    queue = rendering.farm.init.queue_id
    return [
        session
        for job_id in rendering.jobs
        for session in paged(
            rendering.farm, f"/queues/{queue}/jobs/{job_id}/sessions", "sessions", {}
        )
    ]
