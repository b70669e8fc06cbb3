"""`grange job pause`, `stop`, `resume`, `priority`, `reset`, `delete`, and all of them in bulk."""

from collections.abc import Callable, Sequence
from typing import Any

import rich_click as click

from grange.cli.asking import confirm
from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import duration, plural
from grange.cli.jobs import find_job
from grange.cli.output import status
from grange.kernel.errors import ConflictError, InvalidRequestError

ACTIONS = ("requeue", "pause", "stop", "resume", "cancel", "priority", "reset", "delete")


def _selecting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that choose jobs."""
    for option in reversed(
        [
            click.argument("jobs", nargs=-1, metavar="[JOB]..."),
            click.option(
                "--status", "statuses", metavar="STATUS", multiple=True, help="Jobs in this status."
            ),
            click.option("--user", metavar="NAME", help="Jobs of this user."),
            click.option("--project", metavar="NAME", help="Jobs of this project."),
            click.option("--app", metavar="NAME", help="Jobs with a layer of this application."),
            click.option("--queue", metavar="ID", help="Jobs of this queue."),
            click.option("--text", metavar="PART", help="Part of the name or the scene's path."),
            click.option("--priority-from", type=click.IntRange(0, 100), help="This or higher."),
            click.option("--priority-to", type=click.IntRange(0, 100), help="This or lower."),
            click.option("--yes", is_flag=True, help="Do not ask."),
        ]
    ):
        function = option(function)
    return function


def _make(action: str, help_text: str) -> click.Command:
    @click.command(action, help=help_text, epilog=f"Example: grange job {action} last --yes")
    @_selecting
    @with_farm
    def run(connection: Connection, /, *, jobs: Sequence[str], yes: bool, **select: Any) -> None:
        act(connection, action, jobs, select, yes=yes)

    return run


pause = _make("pause", "Begin no more tasks of jobs; running ones are finished.")
stop = _make("stop", "Pause jobs and stop their running tasks, which are lost and run again later.")
resume = _make("resume", "Let paused jobs go on.")
reset = _make("reset", "Render every task again; what was rendered stays in the books.")
remove = _make("delete", "Delete jobs; those that have not ended are canceled. The books keep all.")


@click.command("priority", epilog="Example: grange job priority 80 last --yes")
@click.argument("value", type=click.IntRange(0, 100), metavar="PRIORITY")
@_selecting
@with_farm
def priority(
    connection: Connection,
    /,
    *,
    value: int,
    jobs: Sequence[str],
    yes: bool,
    **select: Any,
) -> None:
    """Change the priority of jobs: 0 to 100, higher comes first."""
    act(connection, "priority", jobs, select, yes=yes, priority=value)


@click.command("act", epilog="Example: grange job act cancel --project film --status running")
@click.argument("action", type=click.Choice([name for name in ACTIONS if name != "priority"]))
@_selecting
@with_farm
def act_in_bulk(
    connection: Connection,
    /,
    *,
    action: str,
    jobs: Sequence[str],
    yes: bool,
    **select: Any,
) -> None:
    """Do something to all jobs that fit; what it would do is said first."""
    act(connection, action, jobs, select, yes=yes)


COMMANDS = (pause, stop, resume, priority, reset, remove, act_in_bulk)


def act(
    connection: Connection,
    action: str,
    jobs: Sequence[str],
    select: dict[str, Any],
    *,
    yes: bool,
    priority: int | None = None,
) -> None:
    """Show what an action would do, ask, and do it to exactly the jobs that were shown."""
    wanted = {name: value for name, value in select.items() if value not in (None, ())}
    wanted["jobs"] = [find_job(connection, one) for one in jobs]
    if "statuses" in wanted:
        wanted["statuses"] = list(wanted["statuses"])
    body: dict[str, Any] = {"action": action, "select": wanted}
    if priority is not None:
        body["priority"] = priority
    found = connection.rest("POST", "/jobs/actions", body=body)
    if not found["jobs"]:
        if found["refused"]:
            raise nothing_done(*found["refused"].items())
        raise InvalidRequestError("No job fits.")
    out = connection.out
    left_out = found["refused"]
    if not out.as_json:
        _print(connection, found)
    if not yes:
        confirm("Go on?", says=found["text"])
    shown = {"jobs": [row["job_id"] for row in found["jobs"]]}
    done = connection.rest("POST", "/jobs/actions", body={**body, "select": shown, "apply": True})
    done["refused"] = left_out | done["refused"]
    if out.as_json:
        out.data(done)
        return
    if yes:
        out.line(found["text"])
    left = len(shown["jobs"]) - sum(job_id in done["refused"] for job_id in shown["jobs"])
    out.line(f"Done: {plural(left, 'job')}.")
    for job_id, why in done["refused"].items():
        out.note(f"{job_id}: {why}")


def nothing_done(*refused: tuple[str, str]) -> ConflictError:
    """Return the refusal of an action that did nothing to any job: (id, why) of each."""
    return ConflictError(
        " ".join(dict.fromkeys([*(why for _, why in refused), "Nothing was done."])),
        reason="STATUS_CONFLICT",
        resource_type="job",
        resource_id=refused[0][0],
    )


def _print(connection: Connection, found: dict[str, Any]) -> None:
    connection.out.table(
        ["JOB", "NAME", "USER", "PROJECT", "STATUS", "RUNNING", "WAITING", "DONE", "LOST"],
        [
            [
                row["job_id"],
                row["name"],
                row["user"],
                row["project"],
                status(row["status"]),
                row["running"],
                row["waiting"],
                row["done"],
                duration(row["lost_ms"]) if row["lost_ms"] else "",
            ]
            for row in found["jobs"]
        ],
        right=frozenset({"RUNNING", "WAITING", "DONE", "LOST"}),
    )
