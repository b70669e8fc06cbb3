"""`grange wrangle`: what needs a person, and doing something about it."""

import sys
from collections.abc import Sequence
from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import NOTHING, duration, moment, plural
from grange.cli.watching import watchable
from grange.kernel.errors import InvalidRequestError

SETTLING = ("quarantine", "enable", "exclude", "requeue", "resume")


@click.group(
    "wrangle",
    invoke_without_command=True,
    epilog="Example: grange wrangle fix worker-4f0c2a9be1d7 quarantine --yes",
)
@click.option("--all", "every", is_flag=True, help="Also what is snoozed or handled.")
@with_farm
@watchable
def command(connection: Connection, *, every: bool) -> None:
    """Show what needs a person: stuck, silent, failing, without licence, full, waiting for ever.

    Trouble is put together by what the errors have in common. Without a command behind it, the
    list is shown.
    """
    context: Any = click.get_current_context()
    if context.invoked_subcommand is not None:
        return
    answer = connection.rest("GET", "/wrangle")
    out = connection.out
    if out.as_json:
        out.data(answer)
        return
    shown = [one for one in answer["clusters"] if every or one["state"] == "open"]
    now = answer["now"]
    if not answer["open"]:
        out.line(f"All clear since {moment(answer['clear_since_at'], now)}.")
    if shown:
        out.table(
            ["CLUSTER", "TROUBLE", "WHAT", "COUNT", "LOST", "FIRST", "LAST", "STATE", "WHO"],
            [
                [
                    one["cluster_id"],
                    one["trouble"],
                    one["title"],
                    one["count"],
                    duration(one["lost_ms"]) if one["lost_ms"] else NOTHING,
                    moment(one["first_at"], now),
                    moment(one["last_at"], now),
                    one["state"],
                    one["assignee"],
                ]
                for one in shown
            ],
            right=frozenset({"COUNT", "LOST"}),
        )
    for one in shown:
        if one["signature"] not in one["title"]:
            out.note(f"{one['cluster_id']}: {one['signature']}")
    hidden = [
        f"{answer[name]} {name}" for name in ("snoozed", "handled") if answer[name] and not every
    ]
    if hidden:
        out.note(f"{' and '.join(hidden)}: see them with --all.")


@command.command("show", epilog="Example: grange wrangle show worker-4f0c2a9be1d7")
@click.argument("cluster", metavar="CLUSTER")
@with_farm
def show(connection: Connection, cluster: str) -> None:
    """Show one cluster: its jobs, workers, examples and the lines of their logs."""
    one = connection.rest("GET", f"/wrangle/{cluster}")
    out = connection.out
    if out.as_json:
        out.data(one)
        return
    out.fields(
        {
            "What": one["title"],
            "Trouble": one["trouble"],
            "Signature": one["signature"],
            "Count": one["count"],
            "Lost": duration(one["lost_ms"]),
            "First": moment(one["first_at"]),
            "Last": moment(one["last_at"]),
            "State": one["state"],
            "Looked after by": one["assignee"],
            "Done about it": one["deed"],
            "Can be fixed by": ", ".join((*one["fixes"], "snooze", "assign")),
        }
    )
    for name in ("jobs", "workers"):
        if one[name]:
            out.line()
            out.table(
                [name[:-1].upper(), "ID", "COUNT"],
                [[item["name"], item["id"], item["count"]] for item in one[name]],
                right=frozenset({"COUNT"}),
            )
    out.line()
    out.table(
        ["WHEN", "JOB", "WORKER", "TASK", "LINE", "SAYS"],
        [
            [
                moment(item["at"]),
                item["job"],
                item["worker"],
                item["task_id"],
                item["line"],
                item["text"],
            ]
            for item in one["examples"]
        ],
        right=frozenset({"LINE"}),
    )


@command.command("fix", epilog="Example: grange wrangle fix failing-0c9d11aa43be requeue --yes")
@click.argument("clusters", nargs=-1, required=True, metavar="CLUSTER...")
@click.argument("how", metavar="FIX", type=click.Choice(SETTLING))
@click.option("--worker", "workers", multiple=True, metavar="ID", help="Only this worker.")
@click.option("--job", "jobs", multiple=True, metavar="ID", help="Only this job.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_farm
def fix(
    connection: Connection,
    /,
    *,
    clusters: Sequence[str],
    how: str,
    workers: Sequence[str],
    jobs: Sequence[str],
    yes: bool,
) -> None:
    r"""Do something about clusters: first it says what that would do.

    \b
    quarantine   the workers finish their tasks and take no other
    enable       the workers take work again
    exclude      the workers get nothing more of the jobs
    requeue      failed tasks run again; stuck ones run elsewhere
    resume       jobs that were put aside go on
    """
    asked = {
        "clusters": list(clusters),
        "fix": how,
        "workers": list(workers) or None,
        "jobs": list(jobs) or None,
    }
    if not yes:
        told = connection.rest("POST", "/wrangle/actions", body=asked)
        for one in told["clusters"]:
            connection.out.note(f"{one['title']}: {one['text']}")
        if not sys.stdin.isatty():
            raise InvalidRequestError("Give --yes to do it where nobody can be asked.")
        click.confirm("Do it?", abort=True)
    _done(connection, connection.rest("POST", "/wrangle/actions", body={**asked, "apply": True}))


@command.command("snooze", epilog="Example: grange wrangle snooze silent-77ab0c41d2ef --hours 12")
@click.argument("clusters", nargs=-1, required=True, metavar="CLUSTER...")
@click.option("--hours", type=click.FloatRange(0.01, 8760), default=8.0, show_default=True)
@with_farm
def snooze(connection: Connection, clusters: Sequence[str], hours: float) -> None:
    """Do not show clusters for some hours."""
    until_at = connection.clock.now() + round(hours * 3_600_000)
    asked = {"clusters": list(clusters), "fix": "snooze", "until_at": until_at, "apply": True}
    _done(connection, connection.rest("POST", "/wrangle/actions", body=asked))


@command.command("assign", epilog="Example: grange wrangle assign failing-0c9d11aa43be ann")
@click.argument("cluster", metavar="CLUSTER")
@click.argument("user", metavar="USER", required=False)
@with_farm
def assign(connection: Connection, cluster: str, user: str | None) -> None:
    """Say who looks after a cluster; without a user, nobody any more."""
    asked = {"clusters": [cluster], "fix": "assign", "assignee": user, "apply": True}
    _done(connection, connection.rest("POST", "/wrangle/actions", body=asked))


@command.command("undo", epilog="Example: grange wrangle undo deed-0197…")
@click.argument("deed", metavar="DEED")
@with_farm
def undo(connection: Connection, deed: str) -> None:
    """Take back what somebody did about a cluster."""
    answer = connection.rest("POST", f"/wrangle/deeds/{deed}/undo", body={})
    out = connection.out
    if out.as_json:
        out.data(answer)
    else:
        out.line(answer["text"])


def _done(connection: Connection, answer: dict[str, Any]) -> None:
    out = connection.out
    if out.as_json:
        out.data(answer)
    else:
        for one in answer["clusters"]:
            out.line(f"{one['title']}: {one['refused'] or one['text']}")
            if one["deed_id"]:
                out.line(f"Undo with: grange wrangle undo {one['deed_id']}")
    refused = sum(1 for one in answer["clusters"] if one["refused"])
    if refused:
        raise InvalidRequestError(f"{plural(refused, 'cluster')} could not be acted on.")
