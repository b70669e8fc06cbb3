"""Submit a job and read its costs with nothing but boto3.

Grange speaks AWS Deadline Cloud's API, so boto3's own `deadline` client is all a script needs. Take
the settings of a running farm into the environment first; no cloud account is involved:

    . var/demo/client.env
    python examples/boto3_only.py
"""

import json
import os
import sys
import time
from datetime import datetime, timedelta
from typing import Any

import boto3

TEMPLATE = {
    "specificationVersion": "jobtemplate-2023-09",
    "name": "boto3 only",
    "steps": [
        {
            "name": "Count",
            "parameterSpace": {
                "taskParameterDefinitions": [{"name": "Frame", "type": "INT", "range": "1-6"}]
            },
            "script": {
                "actions": {
                    "onRun": {
                        "command": "/bin/sh",
                        "args": ["-c", "echo frame {{Task.Param.Frame}}; sleep 0.3"],
                    }
                }
            },
        }
    ],
}


def pages(client: Any, operation: str, member: str, **request: Any) -> list[dict[str, Any]]:
    """Return all items of a paged list."""
    return [
        item
        for page in client.get_paginator(operation).paginate(**request)
        for item in page[member]
    ]


def wait_for_job(client: Any, job: dict[str, str], timeout_seconds: float = 120.0) -> str:
    """Wait until a job has ended; return its status."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        status = str(client.get_job(**job)["taskRunStatus"])
        if status in {"SUCCEEDED", "FAILED", "CANCELED"}:
            return status
        time.sleep(0.3)
    raise TimeoutError(f"{job['jobId']} did not end within {timeout_seconds} s")


def ended_sessions(
    client: Any, job: dict[str, str], timeout_seconds: float = 30.0
) -> list[dict[str, Any]]:
    """Return a job's sessions once all of them have ended."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        sessions = pages(client, "list_sessions", "sessions", **job)
        if sessions and all("endedAt" in session for session in sessions):
            return sessions
        time.sleep(0.3)
    raise TimeoutError("a session did not end")


def aggregate(client: Any, farm_id: str, queue_id: str, since: datetime) -> list[dict[str, Any]]:
    """Return statistics of a queue's sessions, summed by Grange as Deadline Cloud would."""
    started = client.start_sessions_statistics_aggregation(
        farmId=farm_id,
        resourceIds={"queueIds": [queue_id]},
        startTime=since - timedelta(hours=1),
        endTime=since + timedelta(hours=1),
        groupBy=["QUEUE_ID", "USAGE_TYPE"],
        statistics=["SUM", "MIN", "MAX", "AVG"],
    )
    while True:
        answer = client.get_sessions_statistics_aggregation(
            farmId=farm_id, aggregationId=started["aggregationId"]
        )
        if answer["status"] != "IN_PROGRESS":
            if answer["status"] != "COMPLETED":
                raise RuntimeError(answer.get("statusMessage", answer["status"]))
            return list(answer["statistics"])
        time.sleep(0.1)


def main() -> dict[str, Any]:
    """Create a queue, run a job on it, and return what the farm says about it."""
    farm_id, fleet_id = os.environ["GRANGE_FARM_ID"], os.environ["GRANGE_FLEET_ID"]
    client = boto3.client("deadline")
    queue_id = client.create_queue(farmId=farm_id, displayName="boto3 only")["queueId"]
    client.create_queue_fleet_association(farmId=farm_id, queueId=queue_id, fleetId=fleet_id)
    job_id = client.create_job(
        farmId=farm_id,
        queueId=queue_id,
        priority=60,
        template=json.dumps(TEMPLATE),
        templateType="JSON",
    )["jobId"]
    job = {"farmId": farm_id, "queueId": queue_id, "jobId": job_id}
    status = wait_for_job(client, job)
    sessions = ended_sessions(client, job)
    actions = [
        action
        for session in sessions
        for action in pages(
            client, "list_session_actions", "sessionActions", sessionId=session["sessionId"], **job
        )
    ]
    statistics = aggregate(client, farm_id, queue_id, client.get_job(**job)["createdAt"])
    millis = sum(
        (session["endedAt"] - session["startedAt"]) / timedelta(milliseconds=1)
        for session in sessions
    )
    return {
        "job": job_id,
        "status": status,
        "sessions": [
            {
                "sessionId": session["sessionId"],
                "millis": round(
                    (session["endedAt"] - session["startedAt"]) / timedelta(milliseconds=1)
                ),
            }
            for session in sessions
        ],
        "session_millis": round(millis),
        "actions": len(actions),
        "task_runs": sum("taskRun" in action["definition"] for action in actions),
        "statistics": statistics,
    }


if __name__ == "__main__":
    json.dump(main(), sys.stdout, indent=2, default=str)
    print()
