"""What the owner loads at start, as reads that both databases understand."""

# ruff: noqa: S608 - names come from the schema
from typing import Any

from grange.adapters.columns import BY_ENTITY, columns_of
from grange.adapters.conditions import quoted
from grange.domain.statuses import SessionLifecycleStatus, TaskRunStatus
from grange.domain.work import Job, Layer, Session, SessionAction, Task
from grange.ports.state import TABLES, UNDECIDED

_OPEN = f"SELECT session_id FROM sessions WHERE status = '{SessionLifecycleStatus.STARTED}'"
_ACTIVE = (
    "job_id IN (SELECT job_id FROM jobs WHERE ended_at IS NULL UNION "
    f"SELECT job_id FROM sessions WHERE status = '{SessionLifecycleStatus.STARTED}')"
)
_LIVE = (
    f"(status <> '{TaskRunStatus.SUCCEEDED}' OR \"index\" >= "
    "(SELECT next_index FROM layers WHERE layers.layer_id = tasks.layer_id))"
)
"""Tasks the layer's counts alone do not say everything about."""

_WORK: tuple[tuple[type[Any], str], ...] = (
    (Job, _ACTIVE),
    (Layer, _ACTIVE),
    (Task, f"{_ACTIVE} AND {_LIVE}"),
    (Session, f"status = '{SessionLifecycleStatus.STARTED}'"),
    (SessionAction, f"session_id IN ({_OPEN}) AND ended_at IS NULL"),
)


def _read(entity: type[Any], tests: str = "TRUE") -> str:
    names = ", ".join(quoted(column.name) for column in columns_of(entity))
    table = BY_ENTITY[entity]
    key = ", ".join(quoted(name) for name in table.key)
    return f"SELECT {names} FROM {quoted(table.name)} WHERE {tests} ORDER BY {key}"


LOAD: tuple[tuple[type[Any], str], ...] = (
    *(
        (table.entity, _read(table.entity))
        for table in TABLES
        if table.entity not in {*UNDECIDED, *(entity for entity, _ in _WORK)}
    ),
    *((entity, _read(entity, tests)) for entity, tests in _WORK),
)
"""Everything the owner decides on: (entity, statement)."""


def load_job(placeholder: str) -> tuple[tuple[type[Any], str], ...]:
    """Return the reads of one job, whose id is the one parameter."""
    of_job = f"job_id = {placeholder}"
    return (
        (Job, _read(Job, of_job)),
        (Layer, _read(Layer, of_job)),
        (Task, _read(Task, f"{of_job} AND {_LIVE}")),
    )
