"""`grange farm`: which farms there are."""

import rich_click as click

from grange.cli.connection import Connection, with_farm


@click.group()
def command() -> None:
    """List the server's farms."""


@command.command("ls", epilog="Example: grange farm ls")
@with_farm
def list_farms(connection: Connection) -> None:
    """List the farms this key may see."""
    farms = list(connection.pages("/farms", "farms"))
    if connection.out.as_json:
        connection.out.data(farms)
        return
    connection.out.table(
        ["FARM", "NAME", "CREATED BY"],
        [[farm["farmId"], farm["displayName"], farm["createdBy"]] for farm in farms],
    )
