"""Tasks per second through a whole farm: a server, HTTP, two workers, tasks that do nothing."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from grange.adapters.farm_http import HttpFarmApi
from grange.adapters.host.clock import SystemClock
from grange.testing.builders import job_template
from grange.wire.signature import Credentials

ROOT = Path(__file__).resolve().parents[1]


def steady_rate(moments: list[float]) -> float:
    """Return completions per second between the first and last tenth of them."""
    moments = sorted(moments)
    first, last = len(moments) // 10, len(moments) - 1 - len(moments) // 10
    return (last - first) / (moments[last] - moments[first])


@contextmanager
def program(*words: str, python: str = sys.executable) -> Iterator[subprocess.Popen[str]]:
    """Run a part of this package in a process of its own; it ends when its stdin does.

    What it says on stderr is shown only if it fails.
    """
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            [python, "-m", *words], stdin=pipe, stdout=pipe, stderr=errors, text=True, cwd=ROOT
        ) as process,
    ):
        try:
            yield process
        finally:
            if process.stdin is not None and not process.stdin.closed:
                process.stdin.close()
            if process.stdout is not None:
                process.stdout.read()
            if process.wait():
                errors.seek(0)
                sys.stderr.write(errors.read())


def say(process: subprocess.Popen[str], line: str) -> None:
    """Write a line to a process."""
    if process.stdin is None:
        raise RuntimeError("The process has no stdin.")
    process.stdin.write(line + "\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> str:
    """Read a line from a process."""
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise RuntimeError(f"{process.args!r} ended early.")
    return line.strip()


def connect(told: dict[str, Any], credentials: Credentials) -> HttpFarmApi:
    """Return a connection to the farm that `farm_server.py` told of."""
    return HttpFarmApi(told["endpoint"], credentials, SystemClock())


def submit(told: dict[str, Any], tasks: int, *, command: str = "true") -> str:
    """Submit a job of this many one-frame tasks and return its id."""
    key, secret = told["owner"]
    api = connect(told, Credentials(access_key_id=key, secret_access_key=secret))
    template = job_template(frames=f"1-{tasks}")
    template["steps"][0]["script"]["actions"]["onRun"] = {"command": command}
    body = {
        "template": msgspec.json.encode(template).decode(),
        "templateType": "JSON",
        "priority": 50,
    }
    path = f"/2023-10-12/farms/{told['farm']}/queues/{told['queue']}/jobs"
    job: str = api.call("POST", path, body=body)["jobId"]
    api.close()
    return job


def tasks_per_second(
    folder: Path, synchronous: str, state_url: str, *, tasks: int, workers: int = 2
) -> float:
    """Run a farm from an empty folder and return its steady rate."""
    with (
        tempfile.TemporaryDirectory(dir=folder) as place,
        program("benchmarks.farm_server", place, synchronous, state_url) as server,
    ):
        told = json.loads(hear(server))
        submit(told, 20 * tasks)
        moments: list[float] = []
        with (
            program("benchmarks.farm_worker", str(tasks // workers)) as first,
            program("benchmarks.farm_worker", str(tasks - tasks // workers)) as second,
        ):
            running = (first, second)[:workers]
            for worker in running:
                say(worker, json.dumps(told))
            for worker in running:
                hear(worker)
            for worker in running:
                say(worker, "go")
            for worker in running:
                moments += json.loads(hear(worker))
        return steady_rate(moments)
