"""`grange fleet`: sets of like workers."""

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.output import status
from grange.cli.watching import listed


@click.group()
def command() -> None:
    """List the farm's fleets."""


@command.command("ls", epilog="Example: grange fleet ls")
@with_farm
@listed
def list_fleets(connection: Connection) -> None:
    """List the farm's fleets and how many workers each has."""
    fleets = list(connection.pages(f"/farms/{connection.farm_id}/fleets", "fleets"))
    if connection.out.as_json:
        connection.out.data(fleets)
        return
    connection.out.table(
        ["FLEET", "NAME", "WORKERS", "STATUS"],
        [
            [fleet["fleetId"], fleet["displayName"], fleet["workerCount"], status(fleet["status"])]
            for fleet in fleets
        ],
        right=frozenset({"WORKERS"}),
    )
