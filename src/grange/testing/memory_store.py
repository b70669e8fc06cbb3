"""A state store in plain dictionaries, for tests of services and for the simulation of a farm.

It implements the port without SQL, so that the conformance suite compares the real stores with an
independent reading of it.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from functools import cmp_to_key
from operator import eq, ge, gt, le, lt, ne
from typing import Any, TypeVar

import msgspec

from grange.adapters.conditions import (
    EVERYTHING,
    check_cut,
    checked_column,
    compile_order,
    json_column,
    known_column,
)
from grange.adapters.publishing import check_publication
from grange.domain.facts import Fact
from grange.domain.statuses import SessionLifecycleStatus, TaskRunStatus
from grange.domain.work import Job, Layer, Session, SessionAction, Task
from grange.kernel.errors import GrangeError, InvalidRequestError
from grange.kernel.ids import JobId
from grange.kernel.units import Instant
from grange.ports.state import (
    TABLES,
    UNDECIDED,
    AllOf,
    AnyOf,
    Batch,
    Compare,
    Condition,
    Contains,
    JsonEquals,
    Key,
    ManifestRow,
    OneOf,
    Order,
    OutboxRow,
    key_of,
)

E = TypeVar("E")
Rows = dict[type[Any], dict[Key, Any]]

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": eq,
    "!=": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
}
_WORK = (Job, Layer, Task, Session, SessionAction)
_PARENTS: tuple[tuple[type[Any], str, type[Any]], ...] = (
    (Layer, "job_id", Job),
    (Task, "layer_id", Layer),
    (SessionAction, "session_id", Session),
)


class MemoryStore:
    """Keeps everything in memory; what is committed stays when it is closed and opened again."""

    def __init__(self) -> None:
        self._rows: Rows = {table.entity: {} for table in TABLES}
        self._outbox: dict[int, Fact] = {}
        self._sequence = 0
        self._files: dict[str, ManifestRow] = {}

    async def open(self) -> None:
        """Do nothing: there is nothing to open."""

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""

    async def commit(self, batch: Batch) -> None:
        """Write a batch whole, or not at all."""
        _check_parents(self._rows, batch)
        forgotten = set(batch.forget_tasks_of)
        if forgotten:
            tasks = self._rows[Task]
            for key in [key for key in tasks if key[0] in forgotten]:
                del tasks[key]
        for entity, key in batch.deletes:
            self._rows[entity].pop(tuple(key), None)
        for value in batch.puts:
            self._rows[type(value)][key_of(value)] = value
        for fact in batch.outbox:
            self._sequence += 1
            self._outbox[self._sequence] = fact

    async def get(self, entity: type[E], key: Key) -> E | None:
        """Return one entity."""
        return self._rows[entity].get(tuple(key))

    async def find(
        self,
        entity: type[E],
        where: Condition = EVERYTHING,
        *,
        order: Sequence[Order] = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> list[E]:
        """Return the entities that match, in order."""
        check_cut(limit, offset)
        compile_order(entity, order)
        matches = matcher(entity, where)
        found = [value for value in self._rows[entity].values() if matches(value)]
        found.sort(key=key_of)
        for item in reversed(order):
            found.sort(key=cmp_to_key(_comparison(item)))
        end = None if limit is None else offset + limit
        return found[offset:end]

    async def columns(
        self,
        entity: type[Any],
        names: Sequence[str],
        where: Condition = EVERYTHING,
        *,
        order: Sequence[Order] = (),
        limit: int | None = None,
    ) -> list[tuple[Any, ...]]:
        """Return some columns of the entities `find` returns, in the same order."""
        for name in names:
            known_column(entity, name, "read", any_kind=True)
        found = await self.find(entity, where, order=order, limit=limit)
        return [tuple(getattr(one, name) for name in names) for one in found]

    async def count(self, entity: type[Any], where: Condition = EVERYTHING) -> int:
        """Return how many entities match."""
        matches = matcher(entity, where)
        return sum(1 for value in self._rows[entity].values() if matches(value))

    async def load(self) -> AsyncIterator[Any]:
        """Yield what the owner decides on, all as of one moment."""
        rows = {entity: dict(kept) for entity, kept in self._rows.items()}
        for table in TABLES:
            if table.entity not in UNDECIDED and table.entity not in _WORK:
                for key in sorted(rows[table.entity]):
                    yield rows[table.entity][key]
        sessions = [
            session
            for session in rows[Session].values()
            if session.status is SessionLifecycleStatus.STARTED
        ]
        busy = {session.job_id for session in sessions}
        for job in rows[Job].values():
            if job.ended_at is None or job.job_id in busy:
                for value in _of_job(rows, job):
                    yield value
        for session in sessions:
            yield session
        opened = {session.session_id for session in sessions}
        for action in rows[SessionAction].values():
            if action.session_id in opened and action.ended_at is None:
                yield action

    async def load_job(self, job_id: JobId) -> list[Any]:
        """Return the job, its layers and its live tasks."""
        job = self._rows[Job].get((job_id,))
        return [] if job is None else _of_job(self._rows, job)

    async def outbox(self, limit: int) -> list[OutboxRow]:
        """Return the oldest rows of the outbox."""
        return [
            OutboxRow(sequence, self._outbox[sequence]) for sequence in sorted(self._outbox)[:limit]
        ]

    async def clear_outbox(self, up_to: int) -> None:
        """Delete the outbox rows up to and including this sequence."""
        self._outbox = {
            sequence: fact for sequence, fact in self._outbox.items() if sequence > up_to
        }

    async def manifest(self, *, include_retired: bool = False) -> list[ManifestRow]:
        """Return the files of the books, by path."""
        return [
            self._files[path]
            for path in sorted(self._files)
            if include_retired or self._files[path].retired_at is None
        ]

    async def publish(
        self, add: Sequence[ManifestRow], retire: Sequence[str], now: Instant
    ) -> None:
        """Add files and retire others at once."""
        if not check_publication(self._files, add, retire):
            return
        files = dict(self._files)
        for path in retire:
            files[path] = replace(files[path], retired_at=now)
        for row in add:
            files[row.path] = row
        self._files = files

    async def forget_files(self, paths: Sequence[str]) -> None:
        """Delete manifest rows of files that were removed from disk."""
        gone = set(paths)
        self._files = {path: row for path, row in self._files.items() if path not in gone}


def _of_job(rows: Rows, job: Job) -> list[Any]:
    layers = {layer.layer_id: layer for layer in rows[Layer].values() if layer.job_id == job.job_id}
    tasks = [
        task
        for task in rows[Task].values()
        if task.layer_id in layers
        and (
            task.status is not TaskRunStatus.SUCCEEDED
            or task.index >= layers[task.layer_id].next_index
        )
    ]
    ordered = sorted(layers.values(), key=lambda layer: layer.index)
    return [job, *ordered, *sorted(tasks, key=key_of)]


def matcher(entity: type[Any], condition: Condition) -> Callable[[Any], bool]:
    """Return a function that says whether an entity matches the condition."""
    match condition:
        case AllOf(parts):
            every = [matcher(entity, part) for part in parts]
            return lambda value: all(matches(value) for matches in every)
        case AnyOf(parts):
            some = [matcher(entity, part) for part in parts]
            return lambda value: any(matches(value) for matches in some)
        case Compare(name, operator, None):
            known_column(entity, name, "compared with nothing", any_kind=True)
            wanted = {"=": True, "!=": False}
            _operator(operator)
            if operator not in wanted:
                return lambda value: False
            return lambda value: (getattr(value, name) is None) is wanted[operator]
        case Compare(name, operator, right):
            checked_column(entity, name, (right,))
            compare = _operator(operator)
            return lambda value: (
                getattr(value, name) is not None and compare(getattr(value, name), right)
            )
        case OneOf(name, values):
            checked_column(entity, name, values)
            return lambda value: getattr(value, name) in values
        case Contains(name, term):
            checked_column(entity, name, (term,))
            lower = term.lower()
            return lambda value: (
                getattr(value, name) is not None and lower in getattr(value, name).lower()
            )
        case JsonEquals(name, path, operator, text):
            json_column(entity, name, path)
            compare_text = _operator(operator)

            def has_member(value: Any) -> bool:
                member = msgspec.to_builtins(getattr(value, name))
                for key in path:
                    member = member.get(key) if isinstance(member, dict) else None
                return isinstance(member, str) and compare_text(member, text)

            return has_member


def _operator(name: str) -> Callable[[Any, Any], bool]:
    if name not in _OPERATORS:
        raise InvalidRequestError(f"{name!r} is not a comparison.")
    return _OPERATORS[name]


def _comparison(order: Order) -> Callable[[Any, Any], int]:
    sign = -1 if order.descending else 1

    def compare(left: Any, right: Any) -> int:
        a: Any = getattr(left, order.column)
        b: Any = getattr(right, order.column)
        if a is None or b is None:
            return int(a is None) - int(b is None)
        return sign * (int(a > b) - int(a < b))

    return compare


def _check_parents(rows: Rows, batch: Batch) -> None:
    """Refuse a batch after which a child would lack its parent."""
    put = {(type(value), key_of(value)) for value in batch.puts}
    deleted = {(entity, tuple(key)) for entity, key in batch.deletes} - put
    forgotten = set(batch.forget_tasks_of)
    for child, column, parent in _PARENTS:
        removed = {key for entity, key in deleted if entity is parent and key in rows[parent]}
        suspects = [value for value in batch.puts if type(value) is child]
        if removed:
            suspects += [
                value
                for key, value in rows[child].items()
                if (child, key) not in deleted | put
                and not (child is Task and value.layer_id in forgotten)
            ]
        for value in suspects:
            key = (getattr(value, column),)
            if (parent, key) not in put and (key in removed or key not in rows[parent]):
                raise GrangeError(
                    f"The batch leaves a {child.__name__} without its {parent.__name__}: {value!r}"
                )
