"""Decode five requests and encode two replies: compiled closures beside a plain walk of the model.

The plain walk does what a first version would: `json.loads`, then a recursive function that reads
the shape of every value again for every request, checking the same constraints. Both are timed in
turn in one process, so that a busy machine disturbs both alike; the median of the rounds counts.

Run: `.venv/bin/python benchmarks/wire_decode.py [--rounds N]`. Prints JSON; times are microseconds.
"""

import argparse
import json
import re
import statistics
import sys
import time
from collections.abc import Callable
from datetime import datetime
from functools import cache, partial
from typing import Any

from grange.kernel.units import Instant, instant_of, iso8601
from grange.wire.decode import decode_request
from grange.wire.encode import encode_response
from grange.wire.router import Route, deadline_router
from grange.wire.spec import Shape, deadline

HEX = "0123456789abcdef0123456789abcdef"
FARM = f"/2023-10-12/farms/farm-{HEX}"
QUEUE = f"{FARM}/queues/queue-{HEX}"
SERVICE = deadline()
RUNS = 200
"""How often one timing repeats a request."""

Bench = tuple[str, str, str, bytes]
"""Method, path, query and body."""


def requests() -> dict[str, Bench]:
    """Return the five requests."""
    actions = {
        f"sessionaction-{HEX}-{number}": {
            "completedStatus": "SUCCEEDED",
            "processExitCode": 0,
            "startedAt": "2026-01-31T12:00:00.123Z",
            "endedAt": "2026-01-31T12:00:10.456Z",
            "progressPercent": 100.0,
            "progressMessage": "Rendered 8 frames.",
        }
        for number in range(4)
    }
    filters = [
        {"stringFilter": {"name": "TASK_RUN_STATUS", "operator": "EQUAL", "value": "FAILED"}},
        {
            "dateTimeFilter": {
                "name": "STARTED_AT",
                "operator": "GREATER_THAN",
                "dateTime": "2026-01-31T00:00:00Z",
            }
        },
        {"searchTermFilter": {"searchTerm": "beauty"}},
    ]
    search = {
        "queueIds": [f"queue-{HEX}"],
        "jobId": f"job-{HEX}",
        "itemOffset": 0,
        "pageSize": 50,
        "filterExpressions": {"filters": filters, "operator": "AND"},
        "sortExpressions": [{"fieldSort": {"name": "STARTED_AT", "sortOrder": "DESCENDING"}}],
    }
    job = {
        "template": "x" * 5_300,
        "templateType": "YAML",
        "priority": 50,
        "maxFailedTasksCount": 10,
        "maxRetriesPerTask": 3,
        "targetTaskRunStatus": "READY",
        "parameters": {f"Parameter{number}": {"int": str(number)} for number in range(20)},
    }
    workers = f"{FARM}/fleets/fleet-{HEX}/workers/worker-{HEX}"
    tasks = f"{QUEUE}/jobs/job-{HEX}/steps/step-{HEX}/tasks"
    return {
        "UpdateWorkerSchedule, 4 actions": (
            "PATCH",
            f"{workers}/schedule",
            "",
            json.dumps({"updatedSessionActions": actions}).encode(),
        ),
        "SearchTasks, 3 filters": (
            "POST",
            f"{FARM}/search/tasks",
            "",
            json.dumps(search).encode(),
        ),
        "CreateJob, 6 KB, 20 parameters": ("POST", f"{QUEUE}/jobs", "", json.dumps(job).encode()),
        "GetTask": ("GET", f"{tasks}/task-{HEX}-7", "", b""),
        "ListTasks": ("GET", tasks, "maxResults=50&nextToken=abcdefgh", b""),
    }


def replies() -> dict[str, tuple[str, dict[str, Any]]]:
    """Return two replies: operation and result."""
    at = Instant(1_769_860_800_123)
    session = {
        "queueId": f"queue-{HEX}",
        "jobId": f"job-{HEX}",
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {"logGroupName": "g", "logStreamName": "s"},
            "parameters": {"interval": "15"},
        },
        "sessionActions": [
            {
                "sessionActionId": f"sessionaction-{HEX}-{number}",
                "definition": {
                    "taskRun": {
                        "stepId": f"step-{HEX}",
                        "taskId": f"task-{HEX}-{number}",
                        "parameters": {"Frame": {"int": str(number)}},
                    }
                },
            }
            for number in range(4)
        ],
    }
    job = {
        "jobId": f"job-{HEX}",
        "name": "Beauty",
        "lifecycleStatus": "CREATE_COMPLETE",
        "lifecycleStatusMessage": "",
        "priority": 50,
        "createdAt": at,
        "createdBy": "anna",
        "updatedAt": None,
        "startedAt": at,
        "endedAt": at,
        "taskRunStatus": "RUNNING",
        "taskRunStatusCounts": {"READY": 80, "RUNNING": 4, "SUCCEEDED": 16},
        "maxFailedTasksCount": 10,
        "maxRetriesPerTask": 3,
    }
    return {
        "UpdateWorkerSchedule, 4 actions": (
            "UpdateWorkerSchedule",
            {
                "assignedSessions": {f"session-{HEX}": session},
                "cancelSessionActions": {},
                "updateIntervalSeconds": 15,
            },
        ),
        "ListJobs, 100 jobs": ("ListJobs", {"jobs": [job] * 100, "nextToken": None}),
    }


class RefusedError(Exception):
    """The plain walk found a broken constraint."""


def plain_decode(request: Bench) -> dict[str, Any]:
    """Route a request by trying every path, parse it, and walk its shape."""
    method, path, query, body = request
    for operation in SERVICE.operations.values():
        if operation.method == method and (found := path_pattern(operation.uri).fullmatch(path)):
            break
    else:
        raise RefusedError(path)
    given: dict[str, Any] = dict(found.groupdict()) | (json.loads(body) if body else {})
    shape = SERVICE.shapes[operation.input]
    for pair in query.split("&") if query else ():
        name, _, text = pair.partition("=")
        integer = SERVICE.shapes[shape.members[name].shape].kind == "integer"
        given[name] = int(text) if integer else text
    decoded: dict[str, Any] = walk(shape, given)
    return decoded


@cache
def path_pattern(uri: str) -> re.Pattern[str]:
    """Return a pattern for a path with labels."""
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(uri)))


def walk(shape: Shape, value: Any) -> Any:
    """Return a decoded value, reading the model as it goes."""
    match shape.kind:
        case "structure":
            if not isinstance(value, dict):
                raise RefusedError(shape.name)
            present = {name: item for name, item in value.items() if item is not None}
            for name in shape.required:
                if name not in present:
                    raise RefusedError(name)
            if shape.union and len(present) != 1:
                raise RefusedError(shape.name)
            return {
                name: walk(SERVICE.shapes[shape.members[name].shape], item)
                for name, item in present.items()
                if name in shape.members
            }
        case "list":
            within(shape, len(value))
            return [walk(SERVICE.shapes[shape.element or ""], item) for item in value]
        case "map":
            within(shape, len(value))
            key, inner = SERVICE.shapes[shape.key or ""], SERVICE.shapes[shape.value or ""]
            return {walk(key, name): walk(inner, item) for name, item in value.items()}
        case "document":
            return value
        case _:
            return walk_leaf(shape, value)


def walk_leaf(shape: Shape, value: Any) -> Any:
    """Return a decoded text, number or time."""
    match shape.kind:
        case "string":
            if not isinstance(value, str):
                raise RefusedError(shape.name)
            within(shape, len(value))
            if shape.enum and value not in shape.enum:
                raise RefusedError(shape.name)
            if shape.pattern and not re.fullmatch(shape.pattern, value, re.ASCII):
                raise RefusedError(shape.name)
            return value
        case "timestamp":
            return instant_of(datetime.fromisoformat(value))
        case "integer" | "long" if isinstance(value, int):
            within(shape, value)
            return value
        case "float" | "double" if isinstance(value, int | float):
            within(shape, value)
            return float(value)
        case _:
            raise RefusedError(shape.name)


def within(shape: Shape, size: float) -> None:
    """Check a number or a length against its bounds."""
    if shape.minimum is not None and size < shape.minimum:
        raise RefusedError(shape.name)
    if shape.maximum is not None and size > shape.maximum:
        raise RefusedError(shape.name)


def plain_encode(name: str, result: dict[str, Any]) -> bytes:
    """Return a reply's body by walking the shape of every value."""
    shape = SERVICE.shapes[SERVICE.operations[name].output]
    return json.dumps(unwalk(shape, result)).encode()


def unwalk(shape: Shape, value: Any) -> Any:
    """Return a value ready for JSON, reading the model as it goes."""
    match shape.kind:
        case "structure":
            return {
                name: unwalk(SERVICE.shapes[shape.members[name].shape], item)
                for name, item in value.items()
                if item is not None and name in shape.members
            }
        case "list":
            return [unwalk(SERVICE.shapes[shape.element or ""], item) for item in value]
        case "map":
            inner = SERVICE.shapes[shape.value or ""]
            return {name: unwalk(inner, item) for name, item in value.items()}
        case "timestamp":
            return iso8601(value)
        case _:
            return value


def compiled_decode(request: Bench) -> dict[str, Any]:
    """Route and decode a request as the server does."""
    method, path, query, body = request
    route: Route = deadline_router().route(method, path)
    return decode_request(route, raw_query=query, headers={}, body=body)


def microseconds(run: Callable[[], object], runs: int) -> float:
    """Return the time one run takes."""
    start = time.perf_counter()
    for _ in range(runs):
        run()
    return (time.perf_counter() - start) / runs * 1e6


def compared(
    compiled: Callable[[], object], plain: Callable[[], object], *, rounds: int, runs: int
) -> dict[str, float]:
    """Time both in turn and return the medians and their ratio."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        times[0].append(microseconds(compiled, runs))
        times[1].append(microseconds(plain, runs))
    ours, theirs = statistics.median(times[0]), statistics.median(times[1])
    return {
        "compiled_us": round(ours, 1),
        "plain_us": round(theirs, 1),
        "ratio": round(theirs / ours, 2),
    }


def main() -> int:
    """Print all comparisons as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    decode, encode = {}, {}
    for name, request in requests().items():
        if compiled_decode(request) != plain_decode(request):
            raise AssertionError(f"{name}: the two decoders disagree")
        decode[name] = {
            "body_bytes": len(request[3]),
            **compared(
                partial(compiled_decode, request),
                partial(plain_decode, request),
                rounds=rounds,
                runs=RUNS,
            ),
        }
    for name, (operation_name, result) in replies().items():
        operation = SERVICE.operations[operation_name]
        reply = encode_response(operation, result, check=True)
        if json.loads(reply.body) != json.loads(plain_encode(operation_name, result)):
            raise AssertionError(f"{name}: the two encoders disagree")
        encode[name] = {
            "body_bytes": len(reply.body),
            **compared(
                partial(encode_response, operation, result),
                partial(plain_encode, operation_name, result),
                rounds=rounds,
                runs=RUNS // 10,
            ),
        }
    print(json.dumps({"decode": decode, "encode": encode}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
