"""`grange report schedule`: reports made by the server again and again."""

import re
from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.exits import FAILED, OK
from grange.cli.formatting import NOTHING, moment
from grange.kernel.errors import InvalidRequestError, NotFoundError

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_PATH = "/report-schedules"


@click.group("schedule")
def schedule() -> None:
    """Have reports made every day, week or month, into a folder or by mail."""


@schedule.command(
    "add",
    epilog="Example: grange report schedule add weekly-errors errors --every monday "
    "--at 07:00 --xlsx --to mailto:crew@studio.example",
)
@click.argument("name")
@click.argument("report")
@click.option(
    "--every",
    type=click.Choice(["day", "week", "month", *_DAYS]),
    default="day",
    show_default=True,
    help="The report is about the day, week or month before; a weekday means every week then.",
)
@click.option("--at", metavar="HH:MM", default="07:00", show_default=True, help="Farm's time.")
@click.option("--to", required=True, help="Folder of the server, or mailto:NAME@HOST.")
@click.option("--by", metavar="NAME[,NAME]", help="As for the report.")
@click.option("--where", metavar="CONDITION", help="As for the report.")
@click.option("--limit", type=click.IntRange(min=1), help="Most rows.")
@click.option("--format", "kind", type=click.Choice(["csv", "json", "parquet", "xlsx"]))
@click.option("--csv", "kind", flag_value="csv", help="Write CSV (the default).")
@click.option("--parquet", "kind", flag_value="parquet", help="Write PARQUET.")
@click.option("--xlsx", "kind", flag_value="xlsx", help="Write XLSX.")
@with_farm
def add(
    connection: Connection,
    *,
    name: str,
    report: str,
    every: str,
    at: str,
    to: str,
    by: str | None,
    where: str | None,
    limit: int | None,
    kind: str | None,
) -> None:
    """Have REPORT made again and again under NAME."""
    time = _TIME.fullmatch(at)
    if time is None:
        raise InvalidRequestError(f"--at {at} is no time of day, e.g. 07:00.")
    body: dict[str, Any] = {
        "name": name,
        "report": report,
        "every": "week" if every in _DAYS else every,
        "weekday": _DAYS.index(every) if every in _DAYS else 0,
        "minute": int(time[1]) * 60 + int(time[2]),
        "format": kind or "csv",
        "to": to,
        "by": by,
        "where": where,
        "limit": limit,
    }
    reply = connection.rest("POST", _PATH, body=body)
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        connection.out.line(f"{name} is made every {every} at {at}.")


@schedule.command("ls", epilog="Example: grange report schedule ls")
@with_farm
def list_schedules(connection: Connection) -> None:
    """List scheduled reports, when they are made next, and what became of them last."""
    rows = connection.rest("GET", _PATH)["report_schedules"]
    if connection.out.as_json:
        connection.out.data(rows)
        return
    connection.out.table(
        ["NAME", "REPORT", "EVERY", f"NEXT ({connection.zone.key})", "LAST", "RESULT"],
        [
            [
                row["name"],
                row["report"],
                row["every"],
                moment(row["next_at"], zone=connection.zone),
                moment(row["last_run_at"], zone=connection.zone),
                row["last_result"] or NOTHING,
            ]
            for row in rows
        ],
    )


@schedule.command("rm", epilog="Example: grange report schedule rm weekly-errors")
@click.argument("name")
@with_farm
def remove(connection: Connection, name: str) -> None:
    """Make a report no more; what was made stays."""
    found = _find(connection, name)
    connection.rest("DELETE", f"{_PATH}/{found['schedule_id']}")
    connection.out.tell(f"{name} is made no more.")


@schedule.command("run", epilog="Example: grange report schedule run weekly-errors")
@click.argument("name")
@with_farm
def run_now(connection: Connection, name: str) -> int:
    """Make a report now, beside its times; exit code 1 if it came to nothing."""
    found = _find(connection, name)
    reply = connection.rest("POST", f"{_PATH}/{found['schedule_id']}/run", body={})
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        connection.out.line(reply["result"])
    return OK if _find(connection, name)["last_ok"] else FAILED


def _find(connection: Connection, name: str) -> dict[str, Any]:
    rows = connection.rest("GET", _PATH)["report_schedules"]
    found = [row for row in rows if name in (row["name"], row["schedule_id"])]
    if not found:
        raise NotFoundError("report schedule", name)
    if len(found) > 1:
        ids = ", ".join(row["schedule_id"] for row in found)
        raise InvalidRequestError(f"Several reports are called {name}; name one by id: {ids}.")
    return dict(found[0])
