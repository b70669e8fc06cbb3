"""What a worker adds to each task: a real worker on a job of /bin/true, beside bare launches."""

import json
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.contest import Contestant, Table, held, seconds
from benchmarks.farms import ROOT, connect, hear, program, submit
from grange.kernel.units import instant_of
from grange.wire.signature import Credentials

TRUE = "/bin/true"
PATIENCE_SECONDS = 180.0


def bare(tasks: int) -> float:
    """Return the milliseconds of one bare launch."""
    return seconds(lambda: [subprocess.run([TRUE], check=True) for _ in range(tasks)]) / tasks * 1e3


def by_worker(folder: Path, tasks: int) -> float:
    """Return the milliseconds per task of one job thread, from the first start to the last end."""
    with (
        tempfile.TemporaryDirectory(dir=folder) as place,
        program("benchmarks.farm_server", str(Path(place) / "farm"), "full", "") as server,
    ):
        told = json.loads(hear(server))
        job = submit(told, tasks, command=TRUE)
        words = [str(Path(sys.executable).parent / "grange"), "worker", "run", "--allow-root"]
        words += ["--data", str(Path(place) / "worker"), "--threads", "1"]
        with subprocess.Popen(
            words,
            cwd=ROOT,
            env=worker_environment(told),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as worker:
            try:
                ended = ended_tasks(told, job, tasks)
            finally:
                worker.terminate()
                worker.wait()
    return (max(end for _, end in ended) - min(start for start, _ in ended)) / tasks


def worker_environment(told: dict[str, Any]) -> dict[str, str]:
    """Return what a worker is told in its environment."""
    key, secret = told["worker"]
    return {
        "PATH": "/usr/bin:/bin",
        "AWS_ENDPOINT_URL": told["endpoint"],
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": "us-west-2",
        "GRANGE_FARM_ID": told["farm"],
        "GRANGE_FLEET_ID": told["fleet"],
    }


def ended_tasks(told: dict[str, Any], job: str, tasks: int) -> list[tuple[int, int]]:
    """Wait for a job; return when each of its tasks started and ended, in ms of the server."""
    key, secret = told["owner"]
    api = connect(told, Credentials(access_key_id=key, secret_access_key=secret))
    path = f"/2023-10-12/farms/{told['farm']}/queues/{told['queue']}/jobs/{job}"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while api.call("GET", path)["taskRunStatus"] not in ("SUCCEEDED", "FAILED"):
        if time.monotonic() > deadline:
            raise RuntimeError("The job did not end in time.")
        time.sleep(0.25)
    sessions = api.call("GET", f"{path}/sessions")["sessions"]
    runs: list[dict[str, Any]] = []
    for session in sessions:
        query = {"sessionId": session["sessionId"], "maxResults": "100"}
        while True:
            page = api.call("GET", f"{path}/session-actions", query=query)
            runs += [
                action for action in page["sessionActions"] if "taskRun" in action["definition"]
            ]
            if not page.get("nextToken"):
                break
            query["nextToken"] = page["nextToken"]
    api.close()
    done = [action for action in runs if action["status"] == "SUCCEEDED"]
    if len(done) != tasks:
        raise RuntimeError(f"{len(done)} of {tasks} tasks succeeded.")
    return [(_millis(action["startedAt"]), _millis(action["endedAt"])) for action in done]


def _millis(text: str) -> int:
    return instant_of(datetime.fromisoformat(text))


def contests(folder: Path, rounds: int, scale: float) -> list[Table]:
    """Compare a worker with bare launches."""
    tasks = max(10, round(100 * scale))
    table = Table("One task of /bin/true on one job thread", "ms", higher_is_better=False)
    table.notes.append(
        "Grange: launch through openjd-sessions, log capture, sampling, report, next assignment."
    )
    contestants = [
        Contestant("Grange worker", partial(by_worker, folder, tasks)),
        Contestant("bare subprocess", partial(bare, tasks)),
    ]
    return [held(table, contestants, rounds)]
