"""Whole records of the job history, many at once, for whoever copies it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from grange.books.history.codes import TimeMode, actor_text
from grange.books.history.log import capped_errors, capped_log, errors_of, log_of, plain
from grange.books.questions.history_pages import (
    attempts_of_layers,
    events_of_jobs,
    workers_of_layers,
)
from grange.domain.work import Worker
from grange.kernel.units import Instant
from grange.ports.state import Compare
from grange.services.books.desk import Desk
from grange.services.books.history import history

Rows = Sequence[Mapping[str, Any]]
MOST_RECORDS = 500


def history_page(
    desk: Desk,
    *,
    farm_id: str,
    project: str | None = None,
    start: int | None = None,
    end: int | None = None,
    limit: int = 100,
    offset: int = 0,
) -> dict[str, Any]:
    """Return records with everything, oldest first: each as `history_record` gives it.

    Args:
        desk: where questions are answered.
        farm_id: the farm.
        project: one project's records; None: of all.
        start: with `end`: only records that changed in this span.
        end: see `start`.
        limit: at most so many records, up to 500.
        offset: so many are passed over first.
    """
    page = history(
        desk,
        farm_id=farm_id,
        project=project,
        mode=TimeMode.NONE if start is None else TimeMode.CHANGED,
        start=start,
        end=end,
        oldest_first=True,
        details=True,
        limit=min(limit, MOST_RECORDS),
        offset=offset,
    )
    records = page["records"]
    layer_ids = [record["layer_id"] for record in records]
    job_ids = [record["job_id"] for record in records]
    with desk.view(farm_id) as view:
        # No fact of a layer is older than the layer.
        since = Instant(min((record["submitted_at"] for record in records), default=view.now))
        attempts = _by(view.ask(attempts_of_layers(layer_ids).since(since)), "layer_id")
        workers = _by(view.ask(workers_of_layers(layer_ids).since(since)), "layer_id")
        events = _by(view.ask(events_of_jobs(job_ids).since(since)), "job_id")
    known = desk.state.find(Worker, Compare("farm_id", "=", farm_id))
    indices: dict[str, int] = {worker.worker_id: worker.global_index for worker in known}
    names: dict[str, str] = {
        worker.worker_id: worker.host_name or worker.worker_id for worker in known
    }
    page["records"] = [
        record
        | {
            "workers": [
                {
                    **{name: value for name, value in one.items() if name != "layer_id"},
                    "worker": names.get(one["worker_id"], one["worker_id"]),
                    "index": indices.get(one["worker_id"]),
                }
                for one in workers[record["layer_id"]]
            ]
        }
        | _told(
            record,
            attempts[record["layer_id"]],
            [
                event
                for event in events[record["job_id"]]
                if event["layer_id"] in (None, record["layer_id"])
            ],
            indices,
            names,
        )
        for record in records
    ]
    return page


def _told(
    record: Mapping[str, Any],
    attempts: Rows,
    events: Rows,
    indices: Mapping[str, int],
    names: Mapping[str, str],
) -> dict[str, Any]:
    """Return a record's errors and log as capped, and how many there are."""
    errors = [
        {**error, "worker": names.get(error["worker_id"], error["worker_id"])}
        for error in errors_of(attempts, indices)
    ]
    entries = log_of(
        attempts, events, indices=indices, frame_count=record["frames"]["total_frame_set"]
    )
    by_index = {index: names[worker_id] for worker_id, index in indices.items()}
    return {
        "error_list": capped_errors(errors),
        "error_count": len(errors),
        "server_error_count": sum(1 for error in errors if error["by_server"]),
        "log": [
            plain(entry)
            | {"who": by_index.get(entry.machine) or entry.by or actor_text(entry.machine)}
            for entry in capped_log(entries)
        ],
        "log_count": len(entries),
    }


def _by(rows: pa.Table, column: str) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows.to_pylist():
        found[row[column]].append(row)
    return found


ANSWERS: Mapping[str, Any] = {"history_page": history_page}
