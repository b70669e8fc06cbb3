"""`grange farm`: which farms there are, and what their money is worth."""

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.farm_scheduling import scheduling
from grange.cli.formatting import moment
from grange.cli.watching import listed


@click.group()
def command() -> None:
    """List the server's farms; say what their money is worth in dollars."""


command.add_command(scheduling)


@command.command("ls", epilog="Example: grange farm ls")
@with_farm
@listed
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


@command.group("exchange")
def exchange() -> None:
    """Say what the farm's currency is worth in the dollars of Deadline Cloud's API."""


@exchange.command("add", epilog="Example: grange farm exchange add 1.083 --from 2026-01-01")
@click.argument("rate")
@click.option("--from", "since", metavar="WHEN", help="From when on; default: now.")
@with_farm
def add_rate(connection: Connection, rate: str, since: str | None) -> None:
    """Put a RATE: dollars for one unit of the farm's currency. Earlier ones stay for their time."""
    body: dict[str, object] = {"rate": rate}
    if since is not None:
        body["valid_from"] = connection.when(since)
    reply = connection.rest("POST", "/exchange-rates", body=body)
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        connection.out.line(f"One is worth {rate} USD from then on.")


@exchange.command("ls", epilog="Example: grange farm exchange ls")
@with_farm
@listed
def list_rates(connection: Connection) -> None:
    """List the rates, the newest first."""
    rows = connection.rest("GET", "/exchange-rates")["exchange_rates"]
    if connection.out.as_json:
        connection.out.data(rows)
        return
    connection.out.table(
        ["FROM", "USD", "BY"],
        [[moment(row["valid_from"]), row["rate"], row["created_by"]] for row in rows],
        right=frozenset({"USD"}),
    )
