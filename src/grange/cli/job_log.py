"""`grange job log`: which task's log to print, and printing it."""

import sys
from typing import Any

from grange.cli.connection import Connection
from grange.cli.jobs import ENDED, job_detail, task_id
from grange.cli.waiting import wait_seconds
from grange.kernel.errors import InvalidRequestError, NotFoundError

_POLL_SECONDS = 1.0


def print_log(
    connection: Connection,
    job_id: str,
    *,
    layer: str | None,
    frame: int | None,
    task: int | None,
    attempt: int | None,
    keep_on: bool,
) -> None:
    """Print the log of one task of a job.

    Args:
        connection: the farm.
        job_id: the job.
        layer: the layer's name; None: the first that fits.
        frame: a frame of the task.
        task: the task's index in its layer.
        attempt: which attempt, from 1; None: the latest.
        keep_on: print what is added until the job has ended.

    Raises:
        InvalidRequestError: there is no such layer, frame or task.
        NotFoundError: nothing has been logged yet.
    """
    detail = job_detail(connection, job_id)
    query = {"task": _task(connection, detail, layer=layer, frame=frame, task=task)}
    if attempt is not None:
        query["attempt"] = str(attempt)
    if connection.out.as_json:
        text = connection.rest_bytes(f"/jobs/{job_id}/log", query=query).decode("utf-8", "replace")
        connection.out.data({"job_id": job_id, **query, "lines": text.splitlines()})
        return
    printed = 0
    while True:
        over = job_detail(connection, job_id)["status"] in ENDED
        try:
            text = connection.rest_bytes(f"/jobs/{job_id}/log", query=query).decode(
                "utf-8", "replace"
            )
        except NotFoundError as error:
            if not keep_on or over:
                raise NotFoundError("log", _described(detail, query["task"])) from error
            text = ""
        sys.stdout.write(text[printed:])
        sys.stdout.flush()
        printed = max(printed, len(text))
        if not keep_on or over:
            return
        wait_seconds(_POLL_SECONDS)


def _described(detail: dict[str, Any], task: str) -> str:
    index = task.rsplit("-", 1)[1]
    return f"of task {index} of {detail['name']!r} (has it been started? grange job show)"


def _task(
    connection: Connection,
    detail: dict[str, Any],
    *,
    layer: str | None,
    frame: int | None,
    task: int | None,
) -> str:
    """Return the id of the task whose log is meant."""
    layers = [one for one in detail["layers"] if layer in {None, one["name"]}]
    if not layers:
        names = ", ".join(one["name"] for one in detail["layers"])
        raise InvalidRequestError(f"The job has no layer {layer!r}. It has: {names}.")
    if task is not None:
        return task_id(layers[0]["layer_id"], task)
    if frame is not None:
        frames = connection.rest("GET", f"/jobs/{detail['job_id']}/frames")["frames"]
        ids = {one["layer_id"] for one in layers}
        columns = zip(frames["layer_id"], frames["frame"], frames["task_index"], strict=True)
        for layer_id, number, index in columns:
            if number == frame and layer_id in ids:
                return task_id(layer_id, index)
        raise InvalidRequestError(f"The job renders no frame {frame}.")
    failed = [error["task_id"] for error in detail.get("errors", []) if error.get("task_id")]
    return str(failed[0]) if failed and layer is None else task_id(layers[0]["layer_id"], 0)
