"""`grange queue`: where jobs are submitted to."""

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.output import status


@click.group()
def command() -> None:
    """List the farm's queues."""


@command.command("ls", epilog="Example: grange queue ls")
@with_farm
def list_queues(connection: Connection) -> None:
    """List the farm's queues."""
    queues = list(connection.pages(f"/farms/{connection.farm_id}/queues", "queues"))
    if connection.out.as_json:
        connection.out.data(queues)
        return
    connection.out.table(
        ["QUEUE", "NAME", "STATUS"],
        [[queue["queueId"], queue["displayName"], status(queue["status"])] for queue in queues],
    )
