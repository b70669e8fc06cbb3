"""`grange attribution`: what decides the project, shot and app of work."""

from typing import Any

import rich_click as click
from rich.text import Text

from grange.cli.connection import Connection, with_farm
from grange.cli.jobs import find_job


@click.group()
def command() -> None:
    """See what decides the project, shot, app and other attributes of work."""


@command.command("test", epilog="Example: grange attribution test job-0123")
@click.argument("job")
@with_farm
def test_job(connection: Connection, job: str) -> None:
    """Show for every attribute of JOB what decides it by the rules as they are now.

    The rules are in attribution.toml in the server's data folder. They are applied when a job is
    created; a job that was created keeps what was decided then (KEPT).
    """
    reply = connection.rest("GET", f"/jobs/{find_job(connection, job)}/attribution")
    if connection.out.as_json:
        connection.out.data(reply)
        return
    rows: list[dict[str, Any]] = reply["rows"]
    connection.out.line(f"{reply['name']}: {len(reply['rules'])} rules in attribution.toml.")
    connection.out.table(
        ["LAYER", "ATTRIBUTE", "VALUE", "DECIDED BY", "KEPT"],
        [
            [
                row["layer"] or "(job)",
                row["attribute"],
                row["value"],
                row["source"],
                row["kept"] if row["kept"] == row["value"] else Text(row["kept"], style="yellow"),
            ]
            for row in rows
        ],
    )
