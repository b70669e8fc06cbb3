"""A worker that renders nothing: it reports each task as done the moment it has it.

One UpdateWorkerSchedule per task, signed and over HTTP, as Grange's own worker sends them. Reads
what `farm_server.py` said from stdin; prints when each task was reported, in seconds, as JSON.
"""

import json
import sys
import time
from typing import Any

from grange.adapters.farm_http import HttpFarmApi
from grange.adapters.host.clock import SystemClock
from grange.kernel.units import iso8601
from grange.wire.signature import Credentials

PREFIX = "/2023-10-12"
NATIVE = {"x-grange-native": "1"}
CAPABILITIES = {
    "amounts": [
        {"name": "amount.worker.vcpu", "value": 1},
        {"name": "amount.worker.memory", "value": 1024},
    ],
    "attributes": [
        {"name": "attr.worker.os.family", "values": ["linux"]},
        {"name": "attr.worker.cpu.arch", "values": ["x86_64"]},
    ],
}


def register(told: dict[str, Any], clock: SystemClock) -> tuple[HttpFarmApi, str]:
    """Register and start; return the connection of the worker itself and its path."""
    key, secret = told["worker"]
    api = HttpFarmApi(
        told["endpoint"], Credentials(access_key_id=key, secret_access_key=secret), clock
    )
    fleet = f"{PREFIX}/farms/{told['farm']}/fleets/{told['fleet']}"
    path = f"{fleet}/workers/{api.call('POST', f'{fleet}/workers', body={})['workerId']}"
    given = api.call("GET", f"{path}/fleet-roles")["credentials"]
    own = api.with_credentials(
        Credentials(
            access_key_id=given["accessKeyId"],
            secret_access_key=given["secretAccessKey"],
            session_token=given["sessionToken"],
        )
    )
    own.call("PATCH", path, body={"status": "STARTED", "capabilities": CAPABILITIES})
    return own, path


def work(told: dict[str, Any], tasks: int) -> list[float]:
    """Complete tasks until there are none left, or this many."""
    clock = SystemClock()
    api, path = register(told, clock)
    done: list[float] = []
    updates: dict[str, Any] = {}
    print("ready", flush=True)
    sys.stdin.readline()
    while len(done) < tasks:
        body = {"updatedSessionActions": updates}
        reply = api.call("PATCH", f"{path}/schedule", body=body, headers=NATIVE)
        done.extend(time.monotonic() for _ in updates)
        sessions = reply["assignedSessions"]
        if not sessions:
            break
        ((_, session),) = sessions.items()
        action = session["sessionActions"][0]["sessionActionId"]
        now = iso8601(clock.now())
        updates = {
            action: {
                "completedStatus": "SUCCEEDED",
                "processExitCode": 0,
                "startedAt": now,
                "endedAt": now,
                "progressPercent": 100.0,
            }
        }
    return done


if __name__ == "__main__":
    print(json.dumps(work(json.loads(sys.stdin.readline()), int(sys.argv[1]))))
