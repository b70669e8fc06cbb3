"""Finding and following jobs: what the commands about jobs share."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from grange.cli.connection import Connection
from grange.kernel.errors import (
    InvalidRequestError,
    NotFoundError,
    ThrottledError,
    UnreachableError,
)

ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELED"})
"""Statuses after which nothing happens unless somebody asks for it."""

_NOT_DELETED = {
    "stringFilter": {"name": "LIFECYCLE_STATUS", "operator": "NOT_EQUAL", "value": "ARCHIVED"}
}
_PAGE = 1000
_MOST_NAMED = 5
"""How many jobs are listed when a name fits several."""
_POLL_SECONDS = 0.5
_PATIENCE_SECONDS = 120.0
"""How long a server may be away while a job is followed."""


def queue_ids(connection: Connection) -> list[str]:
    """Return the ids of the farm's queues."""
    path = f"/farms/{connection.farm_id}/queues"
    return [str(queue["queueId"]) for queue in connection.pages(path, "queues")]


def search_jobs(
    connection: Connection,
    *,
    queues: list[str],
    filters: list[dict[str, Any]],
    limit: int,
) -> tuple[list[dict[str, Any]], int]:
    """Return the newest jobs that match, at most `limit`, and how many match in all.

    Jobs that were deleted (at the wire: archived) are shown nowhere.
    """
    found: list[dict[str, Any]] = []
    total = 0
    while len(found) < limit and queues:
        body: dict[str, Any] = {
            "queueIds": queues,
            "itemOffset": len(found),
            "pageSize": min(100, limit - len(found)),
            "sortExpressions": [{"fieldSort": {"name": "CREATED_AT", "sortOrder": "DESCENDING"}}],
            "filterExpressions": {"filters": [*filters, _NOT_DELETED], "operator": "AND"},
        }
        page = connection.wire("POST", f"/farms/{connection.farm_id}/search/jobs", body=body)
        jobs = page.get("jobs", [])
        found += jobs
        total = int(page.get("totalResults", len(found)))
        if not jobs or len(found) >= total:
            break
    return found, total


def queue_name(connection: Connection, named: str) -> str:
    """Return the name of a queue that is named by its name or its id."""
    path = f"/farms/{connection.farm_id}/queues"
    names = {
        str(queue["queueId"]): str(queue["displayName"])
        for queue in connection.pages(path, "queues")
    }
    return names.get(named, named)


def with_words(where: str, words: Mapping[str, str | None]) -> str:
    """Return a query that other options narrow further.

    Raises:
        InvalidRequestError: the query is one of alternatives, which nothing narrows.
    """
    more = [f"{name}={json.dumps(value)}" for name, value in words.items() if value]
    if more and where.strip().lower().startswith("or "):
        raise InvalidRequestError(
            f"--where holds alternatives: write {' '.join(more)} into it, without its option."
        )
    return " ".join([where, *more]).strip()


def find_jobs(connection: Connection, *, where: str, limit: int) -> dict[str, Any]:
    """Return the newest jobs that a query is true for, how many match (if known), of how many."""
    jobs: list[dict[str, Any]] = []
    query = {"where": where} if where else {}
    while True:
        most = str(min(_PAGE, limit - len(jobs)))
        page = connection.rest("GET", "/jobs", query={**query, "limit": most})
        jobs += page["jobs"]
        if page["next"] is None or len(jobs) >= limit:
            break
        query["after"] = page["next"]
    matched = len(jobs) if page["next"] is None else None
    return {"jobs": jobs, "matched": matched, "total": page["total"]}


def find_job(connection: Connection, reference: str) -> str:
    """Return the id of a job: given in full, as `last`, as its name or as a part of its name.

    A job whose whole name it is comes before those with it in their names, and nothing but names
    is looked at: what a job is called decides which one is canceled.

    Raises:
        NotFoundError: no job matches.
        InvalidRequestError: several match.
    """
    if reference.startswith("job-") and len(reference) == 36:
        return reference
    if not reference.strip():
        raise NotFoundError("job", repr(reference))
    queues = queue_ids(connection)
    if reference == "last":
        newest, _ = search_jobs(connection, queues=queues, filters=[], limit=1)
        if not newest:
            raise NotFoundError("job", reference)
        return str(newest[0]["jobId"])
    named = {"stringFilter": {"name": "NAME", "operator": "EQUAL", "value": reference}}
    exact, total = search_jobs(connection, queues=queues, filters=[named], limit=_MOST_NAMED)
    if exact:
        matching = [(str(job["jobId"]), str(job["name"])) for job in exact]
        return _only(matching, f"{total} jobs are named {reference!r}")
    quoted = reference.replace("\\", "\\\\").replace('"', '\\"')
    parts = find_jobs(connection, where=f'name~"{quoted}"', limit=_MOST_NAMED + 1)["jobs"]
    if not parts:
        raise NotFoundError("job", reference)
    count = f"More than {_MOST_NAMED}" if len(parts) > _MOST_NAMED else str(len(parts))
    matching = [(str(job["job_id"]), str(job["name"])) for job in parts[:_MOST_NAMED]]
    return _only(matching, f"{count} jobs have {reference!r} in their names")


def _only(matching: list[tuple[str, str]], problem: str) -> str:
    if len(matching) == 1:
        return matching[0][0]
    names = ", ".join(f"{job_id} ({name})" for job_id, name in matching)
    raise InvalidRequestError(f"{problem}; name one by its id: {names}")


def job_detail(connection: Connection, job_id: str) -> dict[str, Any]:
    """Return a job with its layers, counts and errors."""
    return connection.rest("GET", f"/jobs/{job_id}")


def follow(
    connection: Connection,
    job_id: str,
    *,
    wait: Callable[[float], None],
    timeout_seconds: float | None = None,
) -> Iterator[Mapping[str, Any]]:
    """Yield a job's detail again and again until it has ended, the ended job last.

    A server that restarts meanwhile is waited for.

    Args:
        connection: the farm.
        job_id: the job.
        wait: how to wait for some seconds.
        timeout_seconds: give up after this long; None: never.

    Raises:
        UnreachableError: the server stayed away, or the time is up.
    """
    clock = connection.clock
    began = clock.monotonic_seconds()
    heard = began
    while True:
        now = clock.monotonic_seconds()
        try:
            job = job_detail(connection, job_id)
        except (UnreachableError, ThrottledError):
            if now - heard > _PATIENCE_SECONDS:
                raise
        else:
            heard = now
            yield job
            if job["status"] in ENDED and not job.get("open_sessions", 0):
                return
        if timeout_seconds is not None and now - began > timeout_seconds:
            raise UnreachableError(f"{job_id} had not ended after {timeout_seconds:g} s.")
        wait(_POLL_SECONDS)


def task_id(layer_id: str, index: int) -> str:
    """Return the id of the task with this index in its layer."""
    return f"task-{layer_id.removeprefix('step-')}-{index}"
