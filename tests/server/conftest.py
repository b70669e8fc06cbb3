"""One farm for all tests of a module: a real server on loopback in a thread of this process."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grange.adapters.host.clock import SystemClock
from grange.kernel.units import MILLIS_PER_MINUTE, Instant
from grange.testing.boto import client_as
from grange.testing.farm import LocalFarm

QUARTER_MS = 15 * MILLIS_PER_MINUTE
PAST_MS, ROOM_MS = 2 * MILLIS_PER_MINUTE, 4 * MILLIS_PER_MINUTE
"""Less than a signature may be off: clients sign by the machine's clock."""


class StoppableClock(SystemClock):
    """The machine's clock; its time stands still while a test needs two things at one moment."""

    _stopped_at: Instant | None = None

    def now(self) -> Instant:
        """Return the time."""
        return self._running() if self._stopped_at is None else self._stopped_at

    def _running(self) -> Instant:
        return super().now()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Hold the time; what waits for seconds to pass waits as long as ever."""
        self._stopped_at = self.now()
        try:
            yield
        finally:
            self._stopped_at = None


class SteadyClock(StoppableClock):
    """The machine's clock, put a little off where a quarter of an hour begins or ends.

    So no slot, hour, day, month or year ends while the tests of a module run, and two minutes of
    the past are there: what was made in its beginning, or just before, is still of today.
    """

    def __init__(self) -> None:
        """Look at the time and decide."""
        over_ms = super()._running() % QUARTER_MS
        self._off_ms = 0
        if over_ms < PAST_MS:
            self._off_ms = PAST_MS
        elif QUARTER_MS - over_ms < ROOM_MS:
            self._off_ms = -ROOM_MS

    def _running(self) -> Instant:
        return Instant(super()._running() + self._off_ms)


@pytest.fixture(scope="module")
def steady_farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalFarm]:
    """A farm whose day does not end while the module's tests run."""
    with LocalFarm(tmp_path_factory.mktemp("steady"), clock=SteadyClock()) as running:
        yield running


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalFarm]:
    folder: Path = tmp_path_factory.mktemp("farm")
    with LocalFarm(folder) as running:
        yield running


@pytest.fixture(scope="module")
def client(farm: LocalFarm) -> Any:
    return farm.boto3()


def template(name: str = "job", frames: str = "1-10", **steps: Any) -> str:
    """A job of one layer with one task per frame."""
    return json.dumps(
        {
            "specificationVersion": "jobtemplate-2023-09",
            "name": name,
            "parameterDefinitions": [
                {"name": "Shot", "type": "STRING", "default": "sh010"},
                {"name": "Speed", "type": "INT", "default": 3},
            ],
            "steps": [
                {
                    "name": "render",
                    "parameterSpace": {
                        "taskParameterDefinitions": [
                            {"name": "Frame", "type": "INT", "range": frames}
                        ]
                    },
                    "script": {
                        "actions": {"onRun": {"command": "echo", "args": ["{{Task.Param.Frame}}"]}}
                    },
                },
                {
                    "name": "encode",
                    "dependencies": [{"dependsOn": "render"}],
                    "script": {"actions": {"onRun": {"command": "true"}}},
                },
            ],
        }
    )


@dataclass
class ScriptedWorker:
    """A worker played by boto3 alone, as an agent would."""

    farm: LocalFarm
    worker_id: str
    client: Any
    """Signs with the worker's temporary credentials."""

    @property
    def named(self) -> dict[str, str]:
        return {
            "farmId": self.farm.farm_id,
            "fleetId": self.farm.fleet_id,
            "workerId": self.worker_id,
        }

    def start(self, threads: int = 1) -> dict[str, Any]:
        amounts = [
            {"name": "amount.worker.vcpu", "value": 4.0},
            {"name": "amount.worker.memory", "value": 8192.0},
            {"name": "grange:amount.worker.jobthreads", "value": float(threads)},
        ]
        attributes = [
            {"name": "attr.worker.os.family", "values": ["linux"]},
            {"name": "attr.worker.cpu.arch", "values": ["x86_64"]},
        ]
        answer: dict[str, Any] = self.client.update_worker(
            **self.named,
            status="STARTED",
            capabilities={"amounts": amounts, "attributes": attributes},
        )
        return answer

    def stop(self) -> None:
        self.client.update_worker(**self.named, status="STOPPED")

    def schedule(self, updates: dict[str, Any] | None = None) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.update_worker_schedule(
            **self.named, updatedSessionActions=updates or {}
        )
        return answer

    def run_everything(self) -> int:
        """Report every assigned action as done until there is no more work; returns how many."""
        done = 0
        updates: dict[str, Any] = {}
        while True:
            answer = self.schedule(updates)
            if not answer["assignedSessions"]:
                return done
            updates = {
                action["sessionActionId"]: self.done()
                for session in answer["assignedSessions"].values()
                for action in session["sessionActions"]
            }
            done += len(updates)

    def done(self, status: str = "SUCCEEDED", exit_code: int = 0) -> dict[str, Any]:
        now = self.farm.api.context.clock.now() / 1000
        return {
            "completedStatus": status,
            "processExitCode": exit_code,
            "startedAt": now,
            "endedAt": now,
            "progressMessage": "said the worker",
        }


def add_worker(farm: LocalFarm, name: str = "host") -> ScriptedWorker:
    """Register a worker the way agents do: with the workers' key, then with its own credentials."""
    bootstrap = farm.boto3(key=farm.ids.worker)
    made = bootstrap.create_worker(
        farmId=farm.farm_id, fleetId=farm.fleet_id, hostProperties={"hostName": name}
    )
    found = bootstrap.assume_fleet_role_for_worker(
        farmId=farm.farm_id, fleetId=farm.fleet_id, workerId=made["workerId"]
    )["credentials"]
    return ScriptedWorker(
        farm, made["workerId"], client_as(found, farm.endpoint, region="eu-west-1")
    )
