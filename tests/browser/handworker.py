"""A worker moved by hand over the wire: it takes work when told and reports what a test decides."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from grange.testing.boto import client_as
from grange.testing.farm import LocalFarm


class HandWorker:
    """Registers as a worker of the farm's fleet; renders nothing."""

    def __init__(self, farm: LocalFarm, name: str, threads: int = 2) -> None:
        self._farm = farm
        self._client = farm.boto3("deadline", key=farm.ids.worker)
        self.name = name
        self._names = {"farmId": farm.farm_id, "fleetId": farm.fleet_id}
        created = self._client.create_worker(**self._names, hostProperties={"hostName": name})
        self.worker_id: str = created["workerId"]
        self._names["workerId"] = self.worker_id
        role = self._client.assume_fleet_role_for_worker(**self._names)["credentials"]
        self._client = client_as(role, farm.endpoint)
        self._logs = client_as(role, farm.endpoint, "logs")
        self._client.update_worker(
            **self._names,
            status="STARTED",
            capabilities={
                "amounts": [
                    {"name": "amount.worker.vcpu", "value": 8},
                    {"name": "amount.worker.memory", "value": 16384},
                    {"name": "grange:amount.worker.jobthreads", "value": threads},
                ],
                "attributes": [
                    {"name": "attr.worker.os.family", "values": ["linux"]},
                    {"name": "attr.worker.cpu.arch", "values": ["x86_64"]},
                ],
            },
        )

    def take(self) -> list[tuple[str, dict[str, Any]]]:
        """Ask for work and return the actions waiting now, as (session id, action)."""
        return list(self._actions(self._update({})))

    def start(self, action_id: str, percent: float = 0.0) -> None:
        """Report that an action runs."""
        self._update({action_id: {"startedAt": time.time(), "progressPercent": percent}})

    def finish(self, action_id: str, *, fails_with: str | None = None) -> None:
        """Report that an action ended."""
        now = time.time()
        report: dict[str, Any] = {"startedAt": now - 1, "endedAt": now, "processExitCode": 0}
        report["completedStatus"] = "SUCCEEDED"
        if fails_with is not None:
            report |= {
                "completedStatus": "FAILED",
                "processExitCode": 1,
                "progressMessage": fails_with,
            }
        self._update({action_id: report})

    def write(self, session_id: str, lines: list[str]) -> None:
        """Write lines to the log of a session."""
        now = int(time.time() * 1000)
        group = f"/aws/deadline/{self._farm.farm_id}/{self._farm.queue_id}"
        for start in range(0, len(lines), 10_000):
            self._logs.put_log_events(
                logGroupName=group,
                logStreamName=session_id,
                logEvents=[
                    {"timestamp": now, "message": line} for line in lines[start : start + 10_000]
                ],
            )

    def work_until(self, is_over: Callable[[], bool]) -> None:
        """Take actions and report them as done, one after the other."""
        while not is_over():
            for _, action in self.take()[:1]:
                self.finish(action["sessionActionId"])

    def _update(self, reports: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self._client.update_worker_schedule(
            **self._names, updatedSessionActions=reports
        )
        return found

    @staticmethod
    def _actions(schedule: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        for session_id, session in schedule["assignedSessions"].items():
            for action in session["sessionActions"]:
                yield session_id, action
