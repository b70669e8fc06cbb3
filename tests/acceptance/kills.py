"""Killing a farm's programs while it renders, and what must hold afterwards."""

import random
import time
from collections import Counter
from collections.abc import Sequence
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


def submit_tiny_frames(farm: RunningFarm, frames: int, python: str) -> str:
    """Submit a job of one-frame tasks, each a real but tiny Mitsuba render; returns its id."""
    folder = bundled_folder("mitsuba_spin")
    assert folder is not None
    plan = bundle_plan(
        BundleRequest(
            bundle=read_bundle(folder),
            given={
                "FrameCount": str(frames),
                "FramesPerTask": "1",
                "Width": "64",
                "Height": "36",
                "Samples": "1",
                "Python": python,
                "OutputDir": str(farm.folder / "out"),
            },
            here=farm.folder,
        )
    )
    reply = farm.wire("POST", f"/queues/{farm.init.queue_id}/jobs", body=plan.request())
    return str(reply["jobId"])


def done_tasks(farm: RunningFarm, job_id: str) -> int:
    """How many tasks of a job have succeeded."""
    return int(farm.rest("GET", f"/jobs/{job_id}")["counts"].get("SUCCEEDED", 0))


def run_with_kills(farm: RunningFarm, job_id: str, kills: Sequence[str], *, seconds: float) -> None:
    """Kill one program after each further finished task, restart it at once, wait for the job."""
    end = time.monotonic() + seconds
    reached = 0
    for name in kills:
        left = max(1.0, end - time.monotonic())
        reached = wait_until(
            lambda reached=reached: (  # type: ignore[misc]
                done if (done := done_tasks(farm, job_id)) > reached else None
            ),
            seconds=left,
            what=f"one more task than {reached} is done before {name} is killed",
        )
        farm.kill(name)
        if name == "server":
            farm.start_server()
        else:
            farm.start_worker(int(name.rsplit("-", 1)[1]))
    wait_until(
        lambda: farm.rest("GET", f"/jobs/{job_id}")["status"] == "SUCCEEDED",
        seconds=max(1.0, end - time.monotonic()),
        what="the job succeeds",
    )


def check_nothing_lost_or_doubled(farm: RunningFarm, job_id: str, frames: int) -> None:
    """Every frame rendered, booked once as success; the books clean."""
    columns = farm.rest("GET", f"/jobs/{job_id}/frames")["frames"]
    assert sorted(columns["frame"]) == list(range(1, frames + 1))
    assert set(columns["status"]) == {"SUCCEEDED"}
    out = farm.folder / "out"
    assert len(list(out.glob("frame_*.png"))) == frames
    assert (out / "harvest.mp4").exists()

    succeeded = Counter(
        action["definition"]["taskRun"]["taskId"]
        for action in session_actions(farm, job_id)
        if "taskRun" in action["definition"] and action["status"] == "SUCCEEDED"
    )
    assert len(succeeded) == frames + 1, "every frame and the movie"
    assert set(succeeded.values()) == {1}

    receipt = farm.rest("GET", f"/jobs/{job_id}/receipt", timeout_seconds=60)
    assert receipt["frames"]["rendered"] == frames
    assert receipt["unaccounted_ms"] == 0
    verified = farm.rest("POST", "/books/verify", body={}, timeout_seconds=120)
    assert verified["ok"], [check for check in verified["checks"] if not check["ok"]]


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
        job_id = submit_tiny_frames(farm, frames, python)
        try:
            kills = order_of_kills(servers, workers, seed)
            run_with_kills(farm, job_id, kills, seconds=seconds)
            wait_until(
                lambda: all(
                    "endedAt" in session
                    for session in paged(
                        farm,
                        f"/queues/{farm.init.queue_id}/jobs/{job_id}/sessions",
                        "sessions",
                        {},
                    )
                ),
                seconds=30,
                what="all sessions have ended",
            )
            check_nothing_lost_or_doubled(farm, job_id, frames)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{farm.logs()}") from error
