"""The state machines as a page of the documentation, drawn from their tables."""

from grange.domain import job, layer, session, session_action, task, worker
from grange.domain.machine import mermaid
from grange.domain.statuses import (
    SessionActionStatus,
    SessionLifecycleStatus,
    TaskRunStatus,
    WorkerStatus,
)

_INTRODUCTION = """# State machines

This page is drawn from the tables in `grange.domain`; `python -m tools.state_machines` writes it
and a test keeps it current. An arrow is one pair of states and the events that may lead from one to
the other. Whatever is not drawn is refused, with the history of the thing that refused it.

A layer and a job show the summary of their tasks, so any of their statuses can follow any other.
"""


def page() -> str:
    """Return the page as Markdown."""
    parts = [
        _INTRODUCTION,
        mermaid("Task", task.TABLE, TaskRunStatus.READY),
        mermaid("Session", session.TABLE, SessionLifecycleStatus.STARTED),
        mermaid("Session action", session_action.TABLE, SessionActionStatus.ASSIGNED),
        mermaid("Worker", worker.TABLE, WorkerStatus.CREATED),
        "### Layer and job\n",
        "| Machine | Events | Statuses shown |\n|---|---|---|",
    ]
    for name, table in (("Layer", layer.TABLE), ("Job", job.TABLE)):
        events = sorted({event.__name__ for row in table.values() for event in row})
        shown = [status.value for status, row in table.items() if row]
        parts.append(f"| {name} | {', '.join(events)} | {', '.join(shown)} |")
    return "\n".join(parts) + "\n"
