"""`grange job`: list, show, log, wait, cancel, requeue."""

from typing import Any

import rich_click as click

from grange.cli.asking import confirm
from grange.cli.connection import Connection, with_farm
from grange.cli.exits import FAILED, OK
from grange.cli.formatting import NOTHING, duration, moment, money, plural, progress
from grange.cli.job_actions import COMMANDS as ACTIONS
from grange.cli.job_actions import nothing_done
from grange.cli.job_failures import failures
from grange.cli.job_links import set_job
from grange.cli.job_log import print_log
from grange.cli.job_report import report
from grange.cli.job_why import eta, why
from grange.cli.jobs import (
    ENDED,
    find_job,
    find_jobs,
    follow,
    job_detail,
    queue_name,
    task_id,
    with_words,
)
from grange.cli.output import status
from grange.cli.waiting import wait_seconds
from grange.cli.watching import listed, watchable
from grange.kernel.errors import InvalidRequestError

_MOST_ERRORS = 50
"""So many failed tries a server tells of a job."""


@click.group()
def command() -> None:
    """List, show, follow and change jobs; say why one waits."""


command.add_command(why)
command.add_command(eta)
command.add_command(report)
command.add_command(set_job)
for _action in ACTIONS:
    command.add_command(_action)


@command.command("ls", epilog='Example: grange job ls --where "state=failed user=ann -sim"')
@click.option(
    "--where", metavar="QUERY", default="", help="Only these, e.g. state=failed; docs/where.md."
)
@click.option("--queue", metavar="NAME", help="Only jobs of this queue: its name or its id.")
@click.option(
    "--status", "wanted", metavar="STATUS", help="Only jobs in this status, e.g. running."
)
@click.option("--user", metavar="NAME", help="Only jobs this user submitted.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@with_farm
@listed
def list_jobs(
    connection: Connection,
    *,
    where: str,
    queue: str | None,
    wanted: str | None,
    user: str | None,
    limit: int,
) -> None:
    """List jobs, newest first; the page and REST find the same ones by the same words."""
    words = {
        "queue": queue_name(connection, queue) if queue else None,
        "state": wanted.lower() if wanted else None,
        "user": user,
    }
    found = find_jobs(connection, where=with_words(where, words), limit=limit)
    if connection.out.as_json:
        connection.out.data(found)
        return
    connection.out.table(
        ["JOB", "NAME", "STATUS", "TASKS", "PRIORITY", "USER", "PROJECT", "CREATED"],
        [
            [
                job["job_id"],
                job["name"],
                status(job["status"]),
                progress(job["counts"]),
                job["priority"],
                job["user"],
                job["project"],
                moment(job["created_at"]),
            ]
            for job in found["jobs"]
        ],
        right=frozenset({"TASKS", "PRIORITY"}),
    )
    shown, matched = len(found["jobs"]), found["matched"]
    if matched is None:
        connection.out.note(
            f"{shown} of {plural(found['total'], 'job')}, and more match; more with --limit."
            if where or any(words.values())
            else f"{shown} of {plural(found['total'], 'job')}; more with --limit."
        )


@command.command("show", epilog="Example: grange job show last")
@click.argument("job", metavar="JOB")
@with_farm
@watchable
def show_job(connection: Connection, job: str) -> None:
    """Show one job: its layers, what failed and why, what it cost."""
    detail = job_detail(connection, find_job(connection, job))
    if connection.out.as_json:
        connection.out.data(detail)
        return
    out = connection.out
    ended = detail["ended_at"] or connection.clock.now()
    took = None if detail["started_at"] is None else ended - detail["started_at"]
    frames = NOTHING  # of a job that has none
    if detail["frames_total"]:
        frames = f"{detail['frames_done']}/{detail['frames_total']}"
    out.fields(
        {
            "job": detail["job_id"],
            "name": detail["name"],
            "status": status(detail["status"]),
            "user": detail["user"],
            "project": detail["project"],
            "priority": detail["priority"],
            "frames": frames,
            "created": moment(detail["created_at"]),
            "started": moment(detail["started_at"]),
            "took": duration(took) + ("" if took is None or detail["ended_at"] else " so far"),
            "cost": money(detail["cost"]),
        }
    )
    out.line()
    out.table(
        ["LAYER", "STATUS", "TASKS", "FRAMES", "MEAN FRAME"],
        [
            [
                layer["name"],
                status(layer["status"]),
                progress(layer["counts"]),
                layer["frame_count"],
                duration(layer["mean_frame_ms"]),
            ]
            for layer in detail["layers"]
        ],
        right=frozenset({"TASKS", "FRAMES", "MEAN FRAME"}),
    )
    if detail["errors"]:
        _print_failures(connection, detail)


def _print_failures(connection: Connection, detail: dict[str, Any]) -> None:
    frames = connection.rest("GET", f"/jobs/{detail['job_id']}/frames")["frames"]
    for failure in failures(detail["errors"], detail["layers"], frames):
        connection.out.line()
        connection.out.line(failure.line(moment(failure.last_at)))
        connection.out.line(f"  {failure.text}")
    if len(detail["errors"]) >= _MOST_ERRORS:
        connection.out.note(f"These are of the latest {_MOST_ERRORS} failed tries; all: job report")


@command.command("log", epilog="Example: grange job log last --frame 12")
@click.argument("job", metavar="JOB")
@click.option("--layer", metavar="NAME", help="The layer; default: the first.")
@click.option("--frame", type=int, help="The log of the task that renders this frame.")
@click.option("--task", type=int, metavar="INDEX", help="The log of the task with this index.")
@click.option("--attempt", type=click.IntRange(1), help="Which attempt; default: the latest.")
@click.option("--follow", "-f", is_flag=True, help="Keep printing until the job has ended.")
@with_farm
def log_job(
    connection: Connection,
    *,
    job: str,
    layer: str | None,
    frame: int | None,
    task: int | None,
    attempt: int | None,
    follow: bool,
) -> None:
    """Print the log of a task: the first that failed, unless told which."""
    print_log(
        connection,
        find_job(connection, job),
        layer=layer,
        frame=frame,
        task=task,
        attempt=attempt,
        keep_on=follow,
    )


@command.command("wait", epilog="Example: grange job wait last && open movie.mp4")
@click.argument("job", metavar="JOB")
@click.option("--timeout", type=float, metavar="SECONDS", help="Give up after this long.")
@with_farm
def wait_job(connection: Connection, job: str, timeout: float | None) -> int:
    """Wait until a job has ended; exit code 0 if it succeeded, 1 if not."""
    return wait_for(connection, find_job(connection, job), timeout)


def wait_for(connection: Connection, job_id: str, timeout_seconds: float | None = None) -> int:
    """Print a line for every change of a job until it has ended; return the exit code."""
    shown = ""
    detail: dict[str, Any] = {}
    for state in follow(connection, job_id, wait=wait_seconds, timeout_seconds=timeout_seconds):
        detail = dict(state)
        line = f"{detail['status'].lower()}: {progress(detail['counts'])} tasks"
        if line != shown and not connection.out.as_json:
            connection.out.line(line)
            shown = line
    if connection.out.as_json:
        connection.out.data(detail)
    return OK if detail["status"] == "SUCCEEDED" else FAILED


@command.command("cancel", epilog="Example: grange job cancel last --yes")
@click.argument("job", metavar="JOB")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_farm
def cancel_job(connection: Connection, job: str, yes: bool) -> None:
    """Cancel a job; frames that render now are stopped and lost."""
    detail = job_detail(connection, find_job(connection, job))
    if detail["status"] in ENDED:
        raise nothing_done(
            (
                detail["job_id"],
                f"{detail['name']} has ended already: {detail['status'].lower()}.",
            )
        )
    running = detail["counts"].get("RUNNING", 0)
    waiting = detail["counts"].get("READY", 0) + detail["counts"].get("PENDING", 0)
    question = (
        f"Cancel {detail['name']}? It stops {plural(running, 'running task')} and drops"
        f" {plural(waiting, 'waiting task')}."
    )
    if not yes:
        confirm(question)
    _update(connection, detail, {"targetTaskRunStatus": "CANCELED"})
    _say(
        connection, {"job_id": detail["job_id"], "canceled": True}, f"Canceled {detail['job_id']}."
    )


@command.command("requeue", epilog="Example: grange job requeue last --frame 12")
@click.argument("job", metavar="JOB")
@click.option("--all", "everything", is_flag=True, help="Every task, the succeeded too.")
@click.option("--frame", type=int, help="The task that renders this frame.")
@click.option("--layer", metavar="NAME", help="Only this layer; default with --frame: the first.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_farm
def requeue_job(
    connection: Connection,
    *,
    job: str,
    everything: bool,
    frame: int | None,
    layer: str | None,
    yes: bool,
) -> None:
    """Render tasks again: those that failed or were canceled, unless told which.

    Of a job that has failed, those too that were put aside before they were tried.
    """
    detail = job_detail(connection, find_job(connection, job))
    if everything and frame is None and layer is None:
        if not yes:
            confirm(f"Render all of {detail['name']} again?")
        _update(connection, detail, {"targetTaskRunStatus": "READY"})
        count = sum(detail["counts"].values())
    else:
        chosen = _chosen(connection, detail, everything=everything, frame=frame, layer=layer)
        if not chosen:
            why = f"No task of {detail['name']} failed or was canceled; --all renders all again."
            raise nothing_done((detail["job_id"], why))
        for layer_id, index in chosen:
            connection.wire(
                "PATCH",
                f"{_path(connection, detail)}/steps/{layer_id}/tasks/{task_id(layer_id, index)}",
                body={"targetRunStatus": "READY"},
            )
        count = len(chosen)
    _say(
        connection,
        {"job_id": detail["job_id"], "requeued": count},
        f"Requeued {plural(count, 'task')} of {detail['job_id']}.",
    )


def _chosen(
    connection: Connection,
    detail: dict[str, Any],
    *,
    everything: bool,
    frame: int | None,
    layer: str | None,
) -> list[tuple[str, int]]:
    """Return the tasks to render again as (layer id, index)."""
    layers = [one for one in detail["layers"] if layer in {None, one["name"]}]
    if not layers:
        raise InvalidRequestError(f"The job has no layer {layer!r}.")
    if frame is not None:
        frames = connection.rest("GET", f"/jobs/{detail['job_id']}/frames")["frames"]
        columns = zip(frames["layer_id"], frames["frame"], frames["task_index"], strict=True)
        for layer_id, number, index in columns:
            if number == frame and layer_id == layers[0]["layer_id"]:
                return [(layer_id, index)]
        raise InvalidRequestError(f"Layer {layers[0]['name']} has no frame {frame}.")
    wanted = {"FAILED", "CANCELED", *(["SUCCEEDED"] if everything else [])}
    if detail["status"] == "FAILED":
        wanted.add("SUSPENDED")  # what the farm put aside because the others failed
    chosen: list[tuple[str, int]] = []
    for one in layers:
        path = f"{_path(connection, detail)}/steps/{one['layer_id']}/tasks"
        chosen += [
            (one["layer_id"], int(task["taskId"].rsplit("-", 1)[1]))
            for task in connection.pages(path, "tasks")
            if task["runStatus"] in wanted
        ]
    return chosen


def _path(connection: Connection, detail: dict[str, Any]) -> str:
    return f"/farms/{connection.farm_id}/queues/{detail['queue_id']}/jobs/{detail['job_id']}"


def _update(connection: Connection, detail: dict[str, Any], body: dict[str, Any]) -> None:
    connection.wire("PATCH", _path(connection, detail), body=body)


def _say(connection: Connection, data: dict[str, Any], text: str) -> None:
    if connection.out.as_json:
        connection.out.data(data)
    else:
        connection.out.line(text)
