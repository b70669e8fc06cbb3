"""A layer's errors and log as views with their caps; the store keeps everything (S0-51, S0-52)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import groupby, pairwise
from typing import Any

from grange.books.frame_ranges import expand
from grange.books.history.codes import (
    ERRORS,
    LOST_CAUSES,
    STATE_OF_STATUS,
    STATUS_NUMBERS,
    Actor,
    JobStatus,
    LogId,
)

MOST_ERRORS = 50
MOST_ENTRIES = 750
MOST_WORKERS = 250
MOST_MISSING = 30_000
LOW_PRIORITY = "low_priority"
"""Cause of an attempt that made room for more urgent work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One line of a layer's log."""

    at: int
    what: int
    """A `LogId`."""
    machine: int
    """Index of the worker, or an `Actor`."""
    text: str
    by: str = ""
    """Name of the user, if it was one."""
    workers_rendering: int
    frames_missing: int | None
    status: int
    """A `JobStatus`."""
    frame_start: int | None = None
    frame_end: int | None = None
    frame_step: int | None = None
    times: int = 1
    """How many entries were put together in this one."""


def errors_of(
    attempts: Sequence[Mapping[str, Any]], indices: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Return the errors of a layer, oldest first.

    Args:
        attempts: its attempts, by the time of their ends.
        indices: worker → its index.
    """
    found = []
    for attempt in attempts:
        lost = attempt["status"] == "INTERRUPTED" and attempt["cause"] in LOST_CAUSES
        if attempt["status"] != "FAILED" and not lost:
            continue
        said = attempt["error_class"] or ("lost" if lost else "unknown")
        found.append(
            {
                "at": attempt["ended_at"],
                "what": ERRORS.get(said, 0),
                "class": said,
                "machine": Actor.SERVER.value
                if lost
                else indices.get(attempt["worker_id"], Actor.UNKNOWN.value),
                "worker_id": attempt["worker_id"],
                "text": attempt["error_text"] or _plain(attempt),
                "frames": attempt["frames"],
                "action_id": attempt["action_id"],
                "by_server": lost,
            }
        )
    return found


def _plain(attempt: Mapping[str, Any]) -> str:
    if attempt["cause"]:
        return str(attempt["cause"]).replace("_", " ")
    if attempt["exit_code"] is not None:
        return f"The process ended with exit code {attempt['exit_code']}."
    return "It failed and said nothing."


def capped_errors(errors: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the newest errors, oldest first: at most 50."""
    return list(errors[-MOST_ERRORS:])


def capped_log(entries: Iterable[LogEntry]) -> list[LogEntry]:
    """Return a log as it is kept in a list of 750: halved when full, repeats put together."""
    kept: list[LogEntry] = []
    for entry in entries:
        last = kept[-1] if kept else None
        if (
            last is not None
            and entry.what == last.what == LogId.ABORTED_LOW_PRIORITY
            and entry.machine == last.machine
        ):
            kept[-1] = replace(entry, times=last.times + 1)
            continue
        if len(kept) >= MOST_ENTRIES:
            del kept[: MOST_ENTRIES // 2]
        kept.append(entry)
    return kept


def log_of(
    attempts: Sequence[Mapping[str, Any]],
    events: Sequence[Mapping[str, Any]],
    *,
    indices: Mapping[str, int],
    frame_count: int | None,
) -> list[LogEntry]:
    """Return every entry of a layer's log, oldest first.

    Args:
        attempts: its attempts.
        events: events of the layer and its job.
        indices: worker → its index.
        frame_count: frames of the layer.
    """
    clock = _Running(attempts, frame_count)
    merged = sorted(
        [
            *((event["at"], 1, event["event_id"], event, None) for event in events),
            *(
                (attempt["ended_at"], 0, attempt["action_id"], None, attempt)
                for attempt in attempts
                if attempt["status"] != "RUNNING"
            ),
        ],
        key=lambda item: item[:3],
    )
    entries: list[LogEntry] = []
    for at, _, _, event, attempt in merged:
        if event is not None:
            entry = clock.event(event)
            if entry is not None:
                entries.append(entry)
        elif attempt is not None:
            entries.append(clock.attempt(at, attempt, indices))
    return entries


class _Running:
    """What was true when an entry was written: status, frames missing, workers rendering."""

    def __init__(self, attempts: Sequence[Mapping[str, Any]], frame_count: int | None) -> None:
        self._frame_count = frame_count
        self._done: dict[int, int] = {}
        self._status = JobStatus.NONE
        self._spans = [
            (attempt["started_at"], attempt["ended_at"], attempt["worker_id"])
            for attempt in attempts
            if attempt["started_at"] is not None
        ]

    def event(self, event: Mapping[str, Any]) -> LogEntry | None:
        """Return the entry of an event; None if it says nothing about the layer."""
        name, new, old = event["name"], event["new"] or "", event["old"] or ""
        what, text = LogId.UNKNOWN, ""
        if name == "layer_status":
            state = STATE_OF_STATUS.get(new, "idle")
            self._status = STATUS_NUMBERS[state]
            if not old:
                what, text = LogId.RECEIVED, "Submitted."
            elif state == "finished":
                what, text = LogId.FINISHED, "Finished."
            elif state == "disabled":
                what, text = LogId.DISABLED, f"It is {new.lower()}."
            elif STATE_OF_STATUS.get(old) == "disabled":
                what, text = LogId.ENABLED, f"It is {new.lower()} again."
            else:
                what, text = LogId.STATUS, f"{old.lower()} → {new.lower()}"
        elif name == "layer_reset":
            self._done.clear()
            what, text = LogId.RESET, "All frames are to be rendered again."
        elif name == "job_asked":
            what, text = LogId.ASKED, f"The job is asked to be {new.lower()}."
        elif name == "task_status":
            what, text = LogId.TASK_ASKED, f"A task is asked to be {new.lower()}."
        elif name.startswith("job_") and name != "job_status":
            what, text = LogId.SETTINGS, f"{name.removeprefix('job_')} = {new}"
        else:
            return None
        return self._entry(
            event["at"],
            what,
            Actor.CLIENT.value if event["actor"] else Actor.SERVER.value,
            text,
            by=event["actor"],
        )

    def attempt(self, at: int, attempt: Mapping[str, Any], indices: Mapping[str, int]) -> LogEntry:
        """Return the entry of an attempt's end."""
        status, cause = attempt["status"], attempt["cause"]
        if status == "SUCCEEDED":
            self._done[attempt["task_index"]] = attempt["frame_count"] or 0
        what = {
            "SUCCEEDED": LogId.SUCCESS,
            "FAILED": LogId.ERROR,
            "NEVER_ATTEMPTED": LogId.NOT_ATTEMPTED,
        }.get(status, LogId.ABORTED)
        if what is LogId.ABORTED and cause == LOW_PRIORITY:
            what = LogId.ABORTED_LOW_PRIORITY
        elif what is LogId.ABORTED and cause in LOST_CAUSES:
            what = LogId.ABORTED_LOST
        frames = list(expand(attempt["frames"])) if attempt["frames"] else []
        steps = [step for step, _ in groupby(b - a for a, b in pairwise(frames))]
        text = attempt["error_text"] or cause.replace("_", " ") or status.capitalize()
        return replace(
            self._entry(
                at,
                what,
                indices.get(attempt["worker_id"], Actor.UNKNOWN.value),
                text,
            ),
            frame_start=frames[0] if frames else None,
            frame_end=frames[-1] if frames else None,
            frame_step=None if not frames else steps[0] if len(steps) == 1 else 1,
        )

    def _entry(self, at: int, what: LogId, machine: int, text: str, by: str = "") -> LogEntry:
        rendering = {worker for start, end, worker in self._spans if start <= at < end}
        missing = (
            None
            if self._frame_count is None
            else min(max(0, self._frame_count - sum(self._done.values())), MOST_MISSING)
        )
        return LogEntry(
            at=at,
            what=what.value,
            machine=machine,
            text=text,
            by=by,
            workers_rendering=min(len(rendering), MOST_WORKERS),
            frames_missing=missing,
            status=self._status.value,
        )


_FIELDS = tuple(field.name for field in fields(LogEntry))


def plain(entry: LogEntry) -> dict[str, Any]:
    """Return an entry as plain values."""
    found = {name: getattr(entry, name) for name in _FIELDS}
    return found | {"what_name": LogId(entry.what).name.lower()}
