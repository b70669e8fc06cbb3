"""`grange books verify`: everything computed again from the facts, and every difference said."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from grange.books.catalog.model import TableSpec
from grange.books.catalog.registry import FACT_TABLES, ROLLUP_TABLES, TABLES
from grange.books.catalog.schema import conformed
from grange.books.frame_ranges import expand
from grange.books.questions import checks
from grange.books.rows import in_file_order, joined, within
from grange.domain.statuses import SessionLifecycleStatus, TaskRunStatus
from grange.domain.work import Session, SessionAction, Task
from grange.kernel.errors import CorruptDataError
from grange.kernel.ids import parse_session_action_id
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, Instant, iso8601
from grange.ports.state import AllOf, Compare
from grange.services.books.machine_time import machine_time
from grange.services.books.progress import Say, silent
from grange.services.books.publication import Publication
from grange.services.books.reach import hours_to_roll
from grange.services.books.rolling import batches, rolled, rolled_until
from grange.services.books.sealing import sealed_view
from grange.services.books.shelf import Shelf, View, reaches

_NAMED = 5
"""How many of many are named in a detail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was compared."""

    name: str
    ok: bool
    detail: str


def verify(shelf: Shelf, farm_id: str, say: Say = silent) -> list[Check]:
    """Return what was compared for one farm, and whether it agrees.

    Args:
        shelf: the books.
        farm_id: the farm.
        say: is told how far it is.
    """
    # State first: whatever has ended by then is on its way into the books.
    ended = _ended(shelf, farm_id)
    with shelf.view(farm_id) as view:
        say("journal", 0, 0)
        found = [_journal(shelf), _files(view, say)]
        if not found[-1].ok:
            return found
        say("keys", 0, 0)
        found.append(_keys(view))
        say("accounts and costs", 0, 0)
        found += _balances(view)
        say("attempts", 0, 0)
        found += _work(view)
        found += _state(view, ended)
        found.append(_rollups(shelf, view, say))
        return found


def _check(name: str, wrong: Sequence[str], well: str) -> Check:
    if not wrong:
        return Check(name=name, ok=True, detail=well)
    more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
    return Check(name=name, ok=False, detail="; ".join(wrong[:_NAMED]) + more)


def _journal(shelf: Shelf) -> Check:
    wrong = [str(problem) for problem in shelf.journal.problems()]
    return _check("journal is whole", wrong, f"{len(shelf.journal.segments())} segments")


def _files(view: View, say: Say) -> Check:
    wrong: list[str] = []
    rows = 0
    listed = [row for files in view.files.values() for row in files]
    for number, row in enumerate(listed):
        say("files", number, len(listed))
        if row.table_name not in TABLES:
            wrong.append(f"{row.path} is of a table this version does not know")
            continue
        try:
            now = view.blocks.describe(row.path)
        except CorruptDataError as error:
            wrong.append(str(error))
            continue
        rows += now.row_count
        if (now.sha256, now.row_count, now.byte_count) != (
            row.sha256,
            row.row_count,
            row.byte_count,
        ):
            wrong.append(f"{row.path} is not what was published")
            continue
        wrong.extend(_misplaced(view, row.path, row.table_name, Span(row.start_at, row.end_at)))
    return _check("files are as published", wrong, f"{len(listed)} files, {rows} rows")


def _misplaced(view: View, path: str, table_name: str, span: Span) -> Iterator[str]:
    spec = TABLES[table_name]
    found: pa.Table = view.blocks.read(path, [spec.time_column, "farm_id"])
    if not found.num_rows:
        return
    times = pc.min_max(found.column(spec.time_column)).as_py()
    if not (times["min"] >= span.start and times["max"] < span.end):
        yield f"{path} holds rows of another time"
    if pc.any(pc.not_equal(found.column("farm_id"), view.farm_id)).as_py():
        yield f"{path} holds rows of another farm"


def _keys(view: View) -> Check:
    wrong = []
    total = 0
    for spec in (*FACT_TABLES, *ROLLUP_TABLES):
        (row,) = view.ask(checks.repeated_keys(spec)).to_pylist()
        total += 0 if spec.rollup else row["found"]
        if row["repeated"]:
            wrong.append(f"{spec.name} has {row['repeated']} rows twice")
    return _check("every fact is there once", wrong, f"{total} facts")


def _balances(view: View) -> Iterator[Check]:
    (first,) = view.ask(checks.first_instant()).to_pylist()
    start = view.now if first["at"] is None else Instant(first["at"])
    time = machine_time(view, Span(start, view.now))
    accounted = time.segments.total().all_machine_ms()
    wrong = (
        []
        if accounted == time.existence_ms
        else [f"accounts hold {accounted} ms, workers × time are {time.existence_ms} ms"]
    )
    yield _check(
        "Σ accounts = workers × time",
        wrong,
        f"{len(time.presences)} workers, {time.existence_ms / 1000:.3f} s, unaccounted 0",
    )
    (sums,) = view.ask(checks.tiles_and_sessions()).to_pylist()
    wrong = []
    if sums["tiles_ms"] != sums["runtime_ms"] or sums["backward"]:
        wrong.append(f"tiles hold {sums['tiles_ms']} ms, sessions {sums['runtime_ms']} ms")
    if sums["tiles_amount"] != sums["amount"]:
        wrong.append(f"tiles cost {sums['tiles_amount']}, sessions {sums['amount']} billionths")
    amounts = view.ask(checks.booked_amounts()).column("session_id").to_pylist()
    wrong += [f"{session_id} has another amount than its time" for session_id in amounts]
    yield _check(
        "Σ tiles = Σ sessions",
        wrong,
        f"{sums['sessions']} sessions, {sums['runtime_ms'] / 1000:.3f} s, "
        f"{sums['amount']} billionths",
    )


def _work(view: View) -> Iterator[Check]:
    overlapping = view.ask(checks.overlapping_sessions()).to_pylist()
    outside = view.ask(checks.actions_outside()).column("action_id").to_pylist()
    yield _check(
        "a job thread does one thing at a time",
        [
            f"{row['session_id']} began on thread {row['thread']} of {row['worker_id']} "
            f"{row['before'] - row['started_at']} ms before the last one ended"
            for row in overlapping
        ]
        + [f"{action_id} reaches out of its place" for action_id in outside],
        "no sessions or actions overlap",
    )
    double = view.ask(checks.double_successes()).to_pylist()
    yield _check(
        "no success is booked twice",
        [f"{row['task_id']} succeeded again in {row['action_id']}" for row in double],
        "each task succeeded once, or was asked for again",
    )
    yield _frames(view)


def _frames(view: View) -> Check:
    wrong: list[str] = []
    seen: set[tuple[str, int]] = set()
    records = 0
    for row in view.ask(checks.current_successes()).to_pylist():
        try:
            frames = list(expand(row["frames"]))
        except ValueError as error:
            wrong.append(f"{row['action_id']}: {error}")
            continue
        if len(frames) != row["frame_count"]:
            wrong.append(f"{row['action_id']} says {row['frame_count']} frames for {row['frames']}")
        if row["records"] > len(frames):
            wrong.append(f"{row['action_id']} has {row['records']} frame records")
        records += row["records"]
        for frame in frames:
            if (row["layer_id"], frame) in seen:
                wrong.append(f"frame {frame} of {row['layer_id']} counts twice")
            seen.add((row["layer_id"], frame))
    strange = view.ask(checks.strange_frames()).to_pylist()
    wrong += [f"frame {row['frame']} of {row['action_id']} is not its own" for row in strange]
    return _check(
        "every frame is booked once", wrong, f"{len(seen)} frames, {records} frame records"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """What the state says has ended."""

    sessions: Sequence[Session]
    actions: Sequence[SessionAction]
    tasks: Sequence[Task]
    """That succeeded."""


def _ended(shelf: Shelf, farm_id: str) -> _Ended:
    farm = Compare("farm_id", "=", farm_id)
    done = Compare("status", "=", SessionLifecycleStatus.ENDED.value)
    succeeded = Compare("status", "=", TaskRunStatus.SUCCEEDED.value)
    actions = shelf.state.find(SessionAction, farm)
    return _Ended(
        sessions=shelf.state.find(Session, AllOf((farm, done))),
        actions=[action for action in actions if action.ended_at is not None],
        tasks=shelf.state.find(Task, AllOf((farm, succeeded))),
    )


def _state(view: View, ended: _Ended) -> Iterator[Check]:
    booked = {row["session_id"]: row for row in view.ask(checks.sessions_as_booked()).to_pylist()}
    yield _check(
        "sessions in the state are in the books",
        [
            f"{session.session_id} {problem}"
            for session in ended.sessions
            if (problem := _session_problem(session, booked.get(session.session_id)))
        ],
        f"{len(ended.sessions)} sessions",
    )
    actions = {
        (row["session_id"], row["action_index"]): row
        for row in view.ask(checks.actions_as_booked()).to_pylist()
    }
    wrong = [
        f"{action.action_id} {problem}"
        for action in ended.actions
        if (problem := _action_problem(action, actions.get((action.session_id, action.index))))
    ]
    wrong += _tasks(ended.tasks, actions)
    yield _check("attempts in the state are in the books", wrong, f"{len(ended.actions)} actions")


def _rollups(shelf: Shelf, view: View, say: Say) -> Check:
    """Compute every hour that was rolled up again, from what is sealed."""
    sealed = sealed_view(shelf, view.farm_id, view.now, Publication())
    until = rolled_until(shelf.files(), view.farm_id)
    hours = hours_to_roll(sealed, None, None, Instant(0) if until is None else until)
    wrong = []
    rows = 0
    done = 0
    for span in batches(sealed, hours):
        say("rollups, by the hour", done, len(hours))
        done += span.millis // MILLIS_PER_HOUR
        computed_again = rolled(sealed, span)
        for spec in ROLLUP_TABLES:
            again = computed_again[spec.name]
            start = Instant(max(span.start, view.retention.computed_since(spec, view.now)))
            computed = in_file_order(spec, within(spec, again, start, None))
            stored = in_file_order(spec, _stored(sealed, spec, start, span.end))
            rows += stored.num_rows
            if not stored.equals(computed):
                wrong.append(f"{spec.name} from {iso8601(span.start)} differs from its facts")
    return _check("rollups are those of the facts", wrong, f"{len(hours)} hours, {rows} rows")


def _stored(view: View, spec: TableSpec, start: Instant, end: Instant) -> pa.Table:
    tables = [
        within(spec, conformed(spec, view.blocks.read(row.path)), start, end)
        for row in view.files.get(spec.name, ())
        if reaches(row, Span(start, end))
    ]
    return joined(spec, tables)


def _session_problem(session: Session, row: dict[str, Any] | None) -> str | None:
    if row is None:
        return "is not booked"
    same = (row["started_at"], row["ended_at"], row["billionths_per_hour"]) == (
        session.started_at,
        session.ended_at,
        session.billionths_per_hour,
    )
    return None if same else "is booked with other times or another price"


def _action_problem(action: SessionAction, row: dict[str, Any] | None) -> str | None:
    if row is None:
        return "is not booked"
    same = (row["status"], row["started_at"], row["ended_at"]) == (
        action.status.value,
        action.started_at,
        action.ended_at,
    )
    return None if same else f"is booked as {row['status']}, at other times or with another end"


def _tasks(tasks: Iterable[Task], actions: dict[tuple[str, int], dict[str, Any]]) -> Iterable[str]:
    """Yield tasks that succeeded by an attempt that is not booked."""
    for task in tasks:
        place = parse_session_action_id(task.latest_action_id or "")
        if place is not None and place not in actions:
            yield f"{task.task_id} succeeded by {task.latest_action_id}, which is not booked"
