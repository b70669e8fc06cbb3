"""Search operations: filters and sorts of the model as conditions of a read.

Field names are the members' names of the result, written in any case and with or without
underscores (`createdAt` and `CREATED_AT` name the same field), as clients in the field write both.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from grange.domain.work import Job, Layer, Worker
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.ports.state import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Contains,
    JsonEquals,
    OneOf,
    Order,
    StateStore,
)
from grange.services.reads import shapes

MAX_SORTED = 10_000
"""How many results are sorted here, where the store cannot sort."""

_PARAMETER_TYPES = ("string", "path", "int", "float", "bool", "rangeExpr")
_COMPARISONS = {
    "EQUAL": "=",
    "NOT_EQUAL": "!=",
    "GREATER_THAN": ">",
    "GREATER_THAN_EQUAL_TO": ">=",
    "LESS_THAN": "<",
    "LESS_THAN_EQUAL_TO": "<=",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """A kind of entity that can be searched."""

    entity: type[Any]
    columns: Mapping[str, str]
    """Field name → column, both without underscores and in lower case on the left."""
    numbers: frozenset[str]
    """Columns that hold whole numbers."""
    instants: frozenset[str]
    terms: tuple[str, ...]
    """Columns a search term is looked for in."""
    running: tuple[str, ...] = ()
    """Workers that are RUNNING at the wire, which is no column."""
    idle: tuple[str, ...] = ()


_STAMPS = {
    "createdat": "created_at",
    "createdby": "created_by",
    "updatedat": "updated_at",
    "updatedby": "updated_by",
    "startedat": "started_at",
    "endedat": "ended_at",
}
_INSTANTS = frozenset({"created_at", "updated_at", "started_at", "ended_at"})

JOBS = Searched(
    entity=Job,
    columns={
        "jobid": "job_id",
        "queueid": "queue_id",
        "name": "name",
        "jobname": "name",
        "description": "description",
        "lifecyclestatus": "lifecycle_status",
        "taskrunstatus": "status",
        "status": "status",
        "targettaskrunstatus": "target_status",
        "priority": "priority",
        "maxfailedtaskscount": "max_failed_tasks_count",
        "maxretriespertask": "max_retries_per_task",
        "maxworkercount": "max_worker_count",
        "taskfailureretrycount": "retry_count",
        **_STAMPS,
    },
    numbers=frozenset(
        {
            "priority",
            "max_failed_tasks_count",
            "max_retries_per_task",
            "max_worker_count",
            "retry_count",
        }
    ),
    instants=_INSTANTS,
    terms=("name", "description", "created_by", "job_id", "status"),
)
STEPS = Searched(
    entity=Layer,
    columns={
        "stepid": "layer_id",
        "jobid": "job_id",
        "queueid": "queue_id",
        "name": "name",
        "stepname": "name",
        "taskrunstatus": "status",
        "status": "status",
        "targettaskrunstatus": "target_status",
        "taskfailureretrycount": "retry_count",
        **_STAMPS,
    },
    numbers=frozenset({"retry_count"}),
    instants=_INSTANTS,
    terms=("name", "created_by", "layer_id", "status"),
)
WORKERS = Searched(
    entity=Worker,
    columns={
        "workerid": "worker_id",
        "fleetid": "fleet_id",
        "hostname": "host_name",
        "status": "status",
        "workerstatus": "status",
        "createdat": "created_at",
        "createdby": "created_by",
        "updatedat": "updated_at",
        "updatedby": "updated_by",
    },
    numbers=frozenset(),
    instants=_INSTANTS,
    terms=("host_name", "worker_id", "status"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a search."""

    rows: list[Any]
    total: int
    next_offset: int | None


async def search(
    store: StateStore, kind: Searched, scope: Condition, request: Mapping[str, Any]
) -> Found:
    """Return the page a Search request asks for.

    Args:
        store: where the rows are.
        kind: what is searched.
        scope: the queues or fleets the request names.
        request: the decoded request.

    Raises:
        InvalidRequestError: a filter or sort names an unknown field or an operator it has not.
    """
    where: Condition = scope
    grouped = request.get("filterExpressions")
    if grouped is not None:
        where = AllOf((scope, _group(kind, grouped, "filterExpressions")))
    offset, size = int(request["itemOffset"]), int(request.get("pageSize", 100))
    sorts = request.get("sortExpressions") or []
    total = await store.count(kind.entity, where)
    order, late = _order(kind, sorts)
    if late is None:
        rows = await store.find(kind.entity, where, order=order, limit=size, offset=offset)
    else:
        rows = await store.find(kind.entity, where, order=order, limit=MAX_SORTED)
        rows = late(rows)[offset : offset + size]
    after = offset + len(rows)
    return Found(rows, total, after if rows and after < total else None)


def _group(kind: Searched, grouped: Mapping[str, Any], path: str) -> Condition:
    parts = tuple(
        _filter(kind, item, f"{path}.filters[{index}]")
        for index, item in enumerate(grouped["filters"])
    )
    return AllOf(parts) if grouped["operator"] == "AND" else AnyOf(parts)


def _filter(kind: Searched, item: Mapping[str, Any], path: str) -> Condition:
    name, value = next(iter(item.items()))
    path = f"{path}.{name}"
    match name:
        case "groupFilter":
            return _group(kind, value, path)
        case "searchTermFilter":
            return _term(kind, value)
        case "parameterFilter":
            return _parameter(kind, value, path)
        case "dateTimeFilter":
            return _instant(kind, value, path)
        case "stringListFilter":
            return _strings(kind, value, path)
        case _:
            return _string(kind, value, path)


def _term(kind: Searched, value: Mapping[str, Any]) -> Condition:
    term = value["searchTerm"]
    words = [term] if value.get("matchType") == "CONTAINS" else (term.split() or [term])
    return AnyOf(tuple(Contains(column, word) for word in words for column in kind.terms))


def _string(kind: Searched, value: Mapping[str, Any], path: str) -> Condition:
    column = _column(kind, value["name"], path)
    allowed = ("EQUAL", "NOT_EQUAL") if column not in kind.numbers else tuple(_COMPARISONS)
    operator = _operator(value["operator"], allowed, path)
    return _compare(kind, column, operator, value["value"], path)


def _strings(kind: Searched, value: Mapping[str, Any], path: str) -> Condition:
    column = _column(kind, value["name"], path)
    operator = value["operator"]
    if operator not in {"ANY_EQUALS", "ALL_NOT_EQUALS"}:
        raise _invalid(f"{path}.operator", "must be ANY_EQUALS or ALL_NOT_EQUALS")
    comparison = "=" if operator == "ANY_EQUALS" else "!="
    parts = tuple(_compare(kind, column, comparison, text, path) for text in value["values"])
    return AnyOf(parts) if operator == "ANY_EQUALS" else AllOf(parts)


def _instant(kind: Searched, value: Mapping[str, Any], path: str) -> Condition:
    column = _column(kind, value["name"], path)
    if column not in kind.instants:
        raise _invalid(f"{path}.name", "is not a date and time")
    allowed = tuple(name for name in _COMPARISONS if name != "NOT_EQUAL")
    return Compare(column, _operator(value["operator"], allowed, path), int(value["dateTime"]))


def _parameter(kind: Searched, value: Mapping[str, Any], path: str) -> Condition:
    if kind.entity is not Job:
        raise _invalid(path, "only jobs have parameters to filter by")
    operator = _operator(value["operator"], tuple(_COMPARISONS), path)
    parts = tuple(
        JsonEquals("parameters", (value["name"], kind_of), operator, value["value"])
        for kind_of in _PARAMETER_TYPES
    )
    return AnyOf(parts)


def _compare(kind: Searched, column: str, operator: str, text: str, path: str) -> Condition:
    if kind.entity is Worker and column == "status":
        return _worker_status(kind, operator, text)
    if column not in kind.numbers:
        if column in kind.instants:
            raise _invalid(f"{path}.name", "is a date and time; use dateTimeFilter")
        found = Compare(column, operator, text)
        # A null never matches a comparison, but it does differ from every text.
        return found if operator == "=" else AnyOf((found, Compare(column, "=", None)))
    try:
        return Compare(column, operator, int(text))
    except ValueError as error:
        raise _invalid(f"{path}.value", "must be a whole number") from error


def _worker_status(kind: Searched, operator: str, text: str) -> Condition:
    """RUNNING and IDLE are STARTED with and without sessions, said at the wire alone."""
    known = {"RUNNING": kind.running, "IDLE": kind.idle}.get(text)
    if known is None:
        return Compare("status", operator, text)
    if operator == "=":
        return OneOf("worker_id", known)
    others = kind.idle if text == "RUNNING" else kind.running
    return AnyOf((Compare("status", "!=", "STARTED"), OneOf("worker_id", others)))


async def workers_now(store: StateStore, scope: Condition) -> Searched:
    """Return `WORKERS` knowing which of the workers in scope are running and which are idle."""
    started = await store.find(Worker, AllOf((scope, Compare("status", "=", "STARTED"))))
    return replace(
        WORKERS,
        running=tuple(worker.worker_id for worker in started if worker.sessions),
        idle=tuple(worker.worker_id for worker in started if not worker.sessions),
    )


def _order(
    kind: Searched, sorts: Sequence[Mapping[str, Any]]
) -> tuple[list[Order], Callable[[list[Any]], list[Any]] | None]:
    """Return the store's order, and what is left to sort here."""
    order: list[Order] = []
    steps: list[Callable[[list[Any]], list[Any]]] = []
    for index, item in enumerate(sorts):
        name, value = next(iter(item.items()))
        path = f"sortExpressions[{index}].{name}"
        if name == "fieldSort":
            column = _column(kind, value["name"], path)
            order.append(Order(column, value["sortOrder"] == "DESCENDING"))
            steps.append(_by_column(column, descending=value["sortOrder"] == "DESCENDING"))
        elif kind.entity is not Job:
            raise _invalid(path, "only jobs can be sorted so")
        elif name == "userJobsFirst":
            steps.append(_by_user(value["userIdentityId"]))
        else:
            steps.append(
                _by_parameter(value["name"], descending=value["sortOrder"] == "DESCENDING")
            )
    if len(order) == len(sorts):
        return order, None

    def late(rows: list[Any]) -> list[Any]:
        for step in reversed(steps):
            rows = step(rows)
        return rows

    return [], late


def _by_column(column: str, *, descending: bool) -> Callable[[list[Any]], list[Any]]:
    def ordered(rows: list[Any]) -> list[Any]:
        known = [row for row in rows if getattr(row, column) is not None]
        known.sort(key=lambda row: getattr(row, column), reverse=descending)
        return known + [row for row in rows if getattr(row, column) is None]

    return ordered


def _by_user(name: str) -> Callable[[list[Any]], list[Any]]:
    return lambda rows: sorted(rows, key=lambda row: row.created_by != name)


def _by_parameter(name: str, *, descending: bool) -> Callable[[list[Any]], list[Any]]:
    def key(row: Job) -> str:
        return str(next(iter(row.parameters.get(name, {"": ""}).values())))

    return lambda rows: sorted(rows, key=key, reverse=descending)


def _column(kind: Searched, name: str, path: str) -> str:
    column = kind.columns.get(name.replace("_", "").lower())
    if column is None:
        raise _invalid(f"{path}.name", f"names no field; known: {', '.join(sorted(kind.columns))}")
    return column


def _operator(name: str, allowed: Sequence[str], path: str) -> str:
    if name not in allowed:
        raise _invalid(f"{path}.operator", f"must be one of {', '.join(allowed)}")
    return _COMPARISONS[name]


def _invalid(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"1 field is not valid: {field} {message}.", fields=[FieldProblem(field, message)]
    )


def job_found(value: Job) -> shapes.Shape:
    """Return a job as SearchJobs shows it."""
    shown = shapes.job(value)
    shown["jobParameters"] = shown.pop("parameters")
    return shown
