"""Layer times: the last hundred finished layers of each project, render type and name; frames."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from grange.books.frame_ranges import expand
from grange.books.questions.layer_times import finished_layers, frame_lists, frames_of_jobs
from grange.domain.work import Worker
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.units import MILLIS_PER_MINUTE, Instant
from grange.ports.state import Compare
from grange.services.books.desk import Desk

KEPT = 100
"""So many finished layers are shown; the counter goes on."""
MOST_JOBS = 100
"""So many jobs' frames are asked for at a time."""


def layer_time_lists(
    desk: Desk,
    *,
    farm_id: str,
    project: str | None = None,
    render_type: str | None = None,
    layer: str | None = None,
) -> dict[str, Any]:
    """Return lists by project, render type and layer: newest first, at most a hundred entries.

    `added` counts every layer that was ever added, and does not wrap.
    """
    desk.farm(farm_id)
    with desk.view(farm_id, live=False) as view:
        rows: list[dict[str, Any]] = view.ask(
            finished_layers(project, render_type, layer)
        ).to_pylist()
        now = view.now
    lists = []
    for key, group in groupby(
        rows, key=lambda row: (row["project"], row["render_type"], row["layer_name"])
    ):
        found = list(group)
        lists.append(
            {
                "project": key[0],
                "render_type": key[1],
                "layer": key[2],
                "added": len(found),
                "last_used_at": found[0]["finished_at"],
                "entries": [_entry(row) for row in found[:KEPT]],
            }
        )
    return {"lists": lists, "saved_at": now}


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    frames = row["frames"] or 0
    return {
        "job_id": row["job_id"],
        "layer_id": row["layer_id"],
        "job": row["job_name"],
        "finished_at": row["finished_at"],
        "mean_ps": None if row["mean_ps_milli"] is None else row["mean_ps_milli"] / 1000,
        "max_cores": None if row["cores_milli"] is None else row["cores_milli"] / 1000,
        "frame_seconds": row["render_ms"] / frames / 1000 if frames else None,
        "frame_kps_seconds": row["ps_milli_ms"] / frames / 1e9 if frames else None,
        "max_memory_bytes": row["memory_bytes"],
        "minutes_to_frames_done": (row["finished_at"] - row["submitted_at"]) // MILLIS_PER_MINUTE,
        "frames": frames,
    }


def frame_records(
    desk: Desk, *, farm_id: str, job_id: str, layer_id: str | None = None
) -> dict[str, Any]:
    """Return the frames of a job, or of one layer, with everything known.

    `index` counts the frames of the layer from 0; it is not the number in the scene. Only frames
    that a worker told of have a record. Parts are in order of time.
    """
    desk.job(farm_id, job_id)
    (found,) = _records(desk, farm_id, [job_id], layer_id)
    return found


def frame_records_of_jobs(desk: Desk, *, farm_id: str, jobs: str) -> dict[str, Any]:
    """Return the frames of many jobs, each job's as `frame_records` gives them.

    Args:
        desk: where questions are answered.
        farm_id: the farm.
        jobs: up to 100 ids of jobs, with commas between; one that is not known has no frames.
    """
    desk.farm(farm_id)
    job_ids = [name for name in jobs.split(",") if name]
    if not 1 <= len(job_ids) <= MOST_JOBS:
        message = f"must name 1 to {MOST_JOBS} jobs, with commas between"
        raise InvalidRequestError(f"jobs {message}.", fields=[FieldProblem("jobs", message)])
    return {"jobs": _records(desk, farm_id, list(dict.fromkeys(job_ids)), None)}


def _records(
    desk: Desk, farm_id: str, job_ids: Sequence[str], layer_id: str | None
) -> list[dict[str, Any]]:
    listed: dict[str, list[dict[str, Any]]] = {job_id: [] for job_id in job_ids}
    rows: dict[str, list[dict[str, Any]]] = {job_id: [] for job_id in job_ids}
    with desk.view(farm_id) as view:
        layers = view.ask(frame_lists(job_ids)).to_pylist()
        for one in layers:
            if layer_id in (None, one["layer_id"]):
                listed[one["job_id"]].append(one)
        known = {one["job_id"] for one in layers} == set(job_ids)
        since = Instant(min(one["submitted_at"] for one in layers)) if known else None
        for row in view.ask(frames_of_jobs(job_ids, layer_id, since)).to_pylist():
            rows[row["job_id"]].append(row)
    names: dict[str, str] = {
        worker.worker_id: worker.host_name or worker.worker_id
        for worker in desk.state.find(Worker, Compare("farm_id", "=", farm_id))
    }
    return [_of_job(job_id, rows[job_id], listed[job_id], names) for job_id in job_ids]


def _of_job(
    job_id: str,
    rows: list[dict[str, Any]],
    listed: Sequence[Mapping[str, Any]],
    names: Mapping[str, str],
) -> dict[str, Any]:
    places = {
        one["layer_id"]: {
            frame: place for place, frame in enumerate(sorted(set(expand(one["frames"]))))
        }
        for one in listed
        if one["frames"]
    }
    for row in rows:
        row["index"] = places.get(row["layer_id"], {}).get(row["frame"])
        row["worker"] = names.get(row["worker_id"], row["worker_id"])
        row["parts"] = _parts(row)
    return {
        "job_id": job_id,
        "frames": rows,
        "layers": [
            {
                "layer_id": one["layer_id"],
                "layer": one["layer_name"],
                "count": one["frame_count"] or 0,
            }
            for one in listed
        ],
    }


def _parts(row: dict[str, Any]) -> list[dict[str, Any]]:
    names = {
        "part_job_cpu": "job_cpu_milli",
        "part_job_memory_bytes": "job_memory_bytes",
        "part_other_cpu": "other_cpu_milli",
        "part_threads": "threads",
    }
    columns = {short: row.pop(name) for name, short in names.items()}
    count = max((len(values) for values in columns.values() if values), default=0)
    return [
        {name: None if values is None else values[number] for name, values in columns.items()}
        for number in range(count)
    ]


ANSWERS: Mapping[str, Any] = {
    "layer_time_lists": layer_time_lists,
    "frame_records": frame_records,
    "frame_records_of_jobs": frame_records_of_jobs,
}
