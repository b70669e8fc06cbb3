"""What the query language may name in lists of jobs and workers.

The server evaluates a query over these fields, and hands the same list to the browser, which
evaluates the same query over the rows it holds.
"""

from collections.abc import Mapping
from typing import Any

from grange.books.where import Field, Fields, Kind
from grange.domain.statuses import TaskRunStatus
from grange.scheduling.blocks import Block

WORKER_STATES = ("rendering", "idle", "disabled", "off", "unknown", "starting")

JOB_FIELDS = Fields(
    (
        Field(name="name", kind=Kind.TEXT, searched=True, aliases=("job", "job_name")),
        Field(name="user", kind=Kind.TEXT, searched=True, aliases=("user_name",)),
        Field(name="project", kind=Kind.TEXT, searched=True, aliases=("company_project_name",)),
        Field(name="shot", kind=Kind.TEXT, searched=True),
        Field(name="sequence", kind=Kind.TEXT, searched=True, aliases=("seq",)),
        Field(name="app", kind=Kind.TEXT, searched=True, aliases=("software",)),
        Field(name="queue", kind=Kind.TEXT),
        Field(
            name="state",
            kind=Kind.TEXT,
            key="status",
            aliases=("status",),
            choices=tuple(status.value for status in TaskRunStatus),
        ),
        Field(
            name="waits",
            kind=Kind.TEXT,
            aliases=("waiting", "reason"),
            choices=tuple(block.value for block in Block),
        ),
        Field(name="because", kind=Kind.TEXT),
        Field(name="job_id", kind=Kind.TEXT),
        Field(name="priority", kind=Kind.NUMBER),
        Field(name="tasks", kind=Kind.NUMBER, key="tasks_total"),
        Field(name="running", kind=Kind.NUMBER, key="tasks_running"),
        Field(name="failed", kind=Kind.NUMBER, key="tasks_failed", aliases=("errors",)),
        Field(name="frames", kind=Kind.NUMBER, key="frames_total"),
        Field(name="done", kind=Kind.NUMBER, key="frames_done"),
        Field(
            name="submitted", kind=Kind.INSTANT, key="created_at", aliases=("created", "sent_at")
        ),
        Field(name="started", kind=Kind.INSTANT, key="started_at"),
        Field(name="finished", kind=Kind.INSTANT, key="ended_at", aliases=("ended",)),
    )
)

WORKER_FIELDS = Fields(
    (
        Field(name="name", kind=Kind.TEXT, searched=True, aliases=("worker", "machine", "host")),
        Field(
            name="state",
            kind=Kind.TEXT,
            key="status",
            aliases=("status",),
            choices=WORKER_STATES,
        ),
        Field(name="fleet", kind=Kind.TEXT),
        Field(name="job", kind=Kind.TEXT, key="job_names", searched=True),
        Field(name="group", kind=Kind.TEXT, key="groups", searched=True),
        Field(name="class", kind=Kind.TEXT, key="classes"),
        Field(name="note", kind=Kind.TEXT, searched=True),
        Field(name="draining", kind=Kind.FLAG),
        Field(name="disabled", kind=Kind.FLAG),
        Field(name="worker_id", kind=Kind.TEXT),
        Field(name="threads", kind=Kind.NUMBER, key="thread_count"),
        Field(name="busy", kind=Kind.NUMBER),
        Field(name="cpu", kind=Kind.NUMBER, key="cpu_milli", scale=10),
        Field(name="memory", kind=Kind.BYTES, key="memory_used_bytes"),
        Field(name="installed", kind=Kind.BYTES, key="memory_total_bytes"),
        Field(name="seen", kind=Kind.INSTANT, key="last_seen_at"),
    )
)


def told(fields: Fields) -> list[Mapping[str, Any]]:
    """Return the fields for another implementation of the language."""
    return [
        {
            "name": field.name,
            "kind": field.kind.value,
            "key": field.row_key,
            "searched": field.searched,
            "aliases": list(field.aliases),
            "choices": list(field.choices),
            "factor": field.factor,
        }
        for field in fields.values()
    ]
