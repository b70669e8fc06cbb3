"""`grange history`: every layer that was ever submitted, with errors and log."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import rich_click as click

from grange.books.csv_text import csv_text
from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import NOTHING, duration, moment, money, size
from grange.cli.output import Cell, Output
from grange.cli.output import status as coloured
from grange.kernel.errors import NotFoundError

STATES = {"idle": 1, "rendering": 2, "disabled": 4, "waiting": 8, "finished": 16}
MODES = {"submitted": 1, "finished": 2, "both": 3, "changed": 4}
_PAGE = 1000
_CSV = (
    "layer_id", "project", "user", "job", "layer", "state", "submitted_at", "finished_at", "sent",
    "crashed", "aborted", "errors", "render_ms", "memory_bytes", "shot", "sequence", "version",
    "scene", "priority",
)  # fmt: skip
_CSV_DETAILS = ("cost", "ps_cost")


class _Listing(click.RichGroup):
    """Lists where no other command is named: `grange history --since 30d`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words behind the command."""
        if not args and ctx.resilient_parsing:  # a shell asks what may come
            return super().parse_args(ctx, args)
        named = bool(args) and (args[0] in self.commands or args[0] in ("-h", "--help"))
        return super().parse_args(ctx, args if named else ["ls", *args])


@click.group(cls=_Listing)
def command() -> None:
    """Show the job history: one record for each layer that was ever submitted."""


def where_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --where."""
    return click.option(
        "--where",
        metavar="QUERY",
        default="",
        help='Which rows, e.g. "beauty -volume user=ann time>1h"; see docs/where.md.',
    )(function)


@command.command(
    "ls",
    epilog='Example: grange history ls --project film --where "beauty -volume" --since 30d',
)
@click.option("--project", metavar="NAME", help="One project; default: all.")
@where_option
@click.option("--invert", is_flag=True, help="Turn the query's words around.")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(tuple(STATES)),
    help="In this state; may be given again.",
)
@click.option("--since", metavar="WHEN", help="From when, e.g. 24h, 30d, 2026-11 or 2026-11-22.")
@click.option("--until", metavar="WHEN", help="Until when; default: now.")
@click.option(
    "--time",
    "mode",
    type=click.Choice(tuple(MODES)),
    default="submitted",
    show_default=True,
    help="What --since and --until are about.",
)
@click.option(
    "--sort",
    metavar="FIELDS",
    default="",
    help="By which fields, e.g. -time,layer: the longest first; default: by time of submission.",
)
@click.option("--oldest-first", is_flag=True, help="Oldest first; default: newest first.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="At most so many rows.",
)
@click.option("--all", "everything", is_flag=True, help="No limit.")
@click.option("--details", is_flag=True, help="Sums and cost of each record too.")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
@with_farm
def list_records(
    connection: Connection,
    /,
    *,
    project: str | None,
    where: str,
    invert: bool,
    states: Sequence[str],
    since: str | None,
    until: str | None,
    mode: str,
    sort: str,
    oldest_first: bool,
    limit: int,
    everything: bool,
    details: bool,
    as_csv: bool,
) -> None:
    """List records: filtered first, limited then."""
    query = {
        "where": where,
        "invert": str(invert).lower(),
        "states": str(sum(STATES[state] for state in set(states)) or 255),
        "sort": sort,
        "oldest_first": str(oldest_first).lower(),
        "details": str(details).lower(),
    }
    if project is not None:
        query["project"] = project
    if since is not None or until is not None:
        query["mode"] = str(MODES[mode])
    if since is not None:
        query["start"] = str(connection.when(since))
    if until is not None:
        query["end"] = str(connection.when(until))
    reply = _pages(connection, query, None if everything else limit)
    if connection.out.as_json:
        connection.out.data(reply)
    elif as_csv:
        _write_csv(reply, "records", (*_CSV, *(_CSV_DETAILS if details else ())))
    else:
        _table(connection.out, reply, details=details)
    shown = len(reply["records"])
    connection.out.note(
        f"{reply['matched']:,} of {reply['of']:,} records"
        + (f"; {shown:,} shown." if shown < reply["matched"] else ".")
    )


def _pages(connection: Connection, query: Mapping[str, str], limit: int | None) -> dict[str, Any]:
    records: list[dict[str, Any]] = []
    while True:
        size_ = _PAGE if limit is None else min(_PAGE, limit - len(records))
        reply = connection.rest(
            "GET",
            "/history",
            query={**query, "limit": str(size_), "offset": str(len(records))},
            timeout_seconds=300.0,
        )
        records += reply["records"]
        done = len(reply["records"]) < size_ or len(records) >= reply["matched"]
        if done or (limit is not None and len(records) >= limit):
            return {**reply, "records": records, "offset": 0}


def _table(out: Output, reply: Mapping[str, Any], *, details: bool) -> None:
    columns = ["ID", "PROJECT", "USER", "JOB", "LAYER", "STATE", "SUBMITTED", "FRAMES", "SENT",
               "ERRORS", "TIME", "MEMORY"]  # fmt: skip
    if details:
        columns.append("COST")
    rows: list[list[Cell]] = []
    for record in reply["records"]:
        row: list[Cell] = [
            record["short_id"],
            record["project"],
            record["user"],
            record["job"],
            record["layer"],
            coloured(record["state"]),
            moment(record["submitted_at"]),
            record["frames"]["total_frame_set"],
            record["sent"],
            record["errors"],
            duration(record["render_ms"]),
            size(record["memory_bytes"]),
        ]
        if details:
            row.append(money(record["cost"], reply["currency"]))
        rows.append(row)
    right = {"FRAMES", "SENT", "ERRORS", "TIME", "MEMORY", "COST"}
    out.table(columns, rows, right=frozenset(right))


def _write_csv(reply: Mapping[str, Any], member: str, columns: Sequence[str]) -> None:
    rows = ([row.get(name) for name in columns] for row in reply[member])
    sys.stdout.write(csv_text(columns, rows, simulated=bool(reply.get("simulated"))))


@command.command("show", epilog="Example: grange history show 4f0c21aa")
@click.argument("record", metavar="ID")
@with_farm
def show(connection: Connection, record: str) -> None:
    """Show one record: what it was, what it took, who rendered it.

    The id may be the short one that `grange history` shows.
    """
    found = connection.rest("GET", f"/history/{_layer_id(connection, record)}")
    out = connection.out
    if out.as_json:
        out.data(found)
        return
    app, usage = found["app"], found["usage"]
    lifetime, current = found["lifetime"], found["current"]
    mean = usage["mean_workers"]
    out.fields(
        {
            "Layer": f"{found['layer']} of {found['job']}",
            "Id": found["layer_id"],
            "Project": found["project"],
            "User": found["user"],
            "State": coloured(found["state"]),
            "Submitted": moment(found["submitted_at"]),
            "Finished": moment(found["finished_at"]),
            "Scene": found["scene"],
            "Rendered with": f"{app['name']} {app['version']}, {app['renderer']}",
            "Frames": found["frames"]["frame_set"],
            "Sent": lifetime["sent"],
            "Errors": f"{found['error_count']} ({found['server_error_count']} by the server)",
            "Aborted": lifetime["aborted"],
            "Render time": duration(lifetime["render_ms"]),
            "… since reset": duration(current["render_ms"]),
            "By the wall": duration(lifetime["wall_ms"]),
            "Workers, mean": NOTHING if mean is None else f"{mean:.2f}",
            "Frame, mean": duration(usage["mean_frame_ms"]),
            "Most memory": size(usage["max_memory_bytes"]),
            "Cost": money(found["cost"]),
        }
    )
    out.line()
    out.table(
        ["WORKER", "SENT", "CRASHED", "ABORTED", "TIME"],
        [
            [
                one["worker"],
                one["sent"],
                one["crashed"],
                one["aborted"],
                duration(one["render_ms"]),
            ]
            for one in found["workers"]
        ],
        right=frozenset({"SENT", "CRASHED", "ABORTED", "TIME"}),
    )


@command.command("errors", epilog="Example: grange history errors 4f0c21aa")
@click.argument("record", metavar="ID")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
@with_farm
def errors(connection: Connection, record: str, as_csv: bool) -> None:
    """List every error of a record, oldest first."""
    found = connection.rest("GET", f"/history/{_layer_id(connection, record)}/errors")
    if connection.out.as_json:
        connection.out.data(found)
        return
    names = ("at", "what", "class", "machine", "worker", "frames", "text")
    if as_csv:
        _write_csv(found, "errors", names)
        return
    connection.out.table(
        ["TIME", "CLASS", "WORKER", "FRAMES", "TEXT"],
        [
            [moment(one["at"]), one["class"], one["worker"], one["frames"], one["text"]]
            for one in found["errors"]
        ],
    )


@command.command("log", epilog="Example: grange history log 4f0c21aa")
@click.argument("record", metavar="ID")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
@with_farm
def log(connection: Connection, record: str, as_csv: bool) -> None:
    """List every entry of a record's log, oldest first."""
    found = connection.rest("GET", f"/history/{_layer_id(connection, record)}/log")
    if connection.out.as_json:
        connection.out.data(found)
        return
    names = ("at", "what", "what_name", "machine", "who", "text", "workers_rendering",
             "frames_missing", "status", "frame_start", "frame_end", "frame_step")  # fmt: skip
    if as_csv:
        _write_csv(found, "log", names)
        return
    connection.out.table(
        ["TIME", "WHAT", "WHO", "FRAMES", "MISSING", "TEXT"],
        [
            [
                moment(one["at"]),
                one["what_name"],
                one["who"],
                NOTHING
                if one["frame_start"] is None
                else f"{one['frame_start']}-{one['frame_end']}",
                one["frames_missing"],
                one["text"],
            ]
            for one in found["log"]
        ],
        right=frozenset({"MISSING"}),
    )


def _layer_id(connection: Connection, given: str) -> str:
    """Return the id of a record, from it or from its short form."""
    if given.startswith("step-"):
        return given
    reply = connection.rest(
        "GET", "/history", query={"where": f'layer_id~"{given}"', "limit": "20"}
    )
    found = [one["layer_id"] for one in reply["records"] if one["layer_id"].endswith(given)]
    if len(found) == 1:
        return str(found[0])
    if not found:
        raise NotFoundError("record", given)
    raise click.UsageError(
        f"Several records end in {given}: give the whole id. `grange history --json` shows them."
    )
