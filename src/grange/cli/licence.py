"""`grange licence`: how many licences there are, where, and what one costs."""

from collections.abc import Mapping, Sequence
from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import NOTHING, moment, money
from grange.cli.output import Cell
from grange.cli.watching import listed

REGIONS = ("default", "workstation", "farm", "cloud")


@click.group()
def command() -> None:
    """Say how many licences of an application there are; list and remove pools."""


@command.command("ls", epilog="Example: grange licence ls")
@with_farm
@listed
def list_pools(connection: Connection) -> None:
    """List licence pools: seats in use, and how many there are.

    A region in brackets has the default's terms and seats.
    """
    reply = connection.rest("GET", "/licences")
    if connection.out.as_json:
        connection.out.data(reply)
        return
    currency = reply["currency"]
    rows: list[list[Cell]] = [
        [
            pool["app"],
            pool["plugin"] or NOTHING,
            pool["version"] or "every",
            *(_terms(pool["regions"][region], currency) for region in REGIONS),
        ]
        for pool in reply["pools"]
    ]
    connection.out.table(
        ["APP", "PLUGIN", "VERSION", *(region.upper() for region in REGIONS)],
        rows,
        empty="No licences are counted yet. Count some: grange licence set APP --count N",
    )
    if reply["servers"]:
        _print_servers(connection, reply["servers"])


@command.command("set", epilog="Example: grange licence set nuke --count 20 --cost 0.50")
@click.argument("app")
@click.option("--plugin", metavar="NAME", default="", help="A plugin of it, e.g. Sapphire.")
@click.option("--version", metavar="TEXT", default="", help="One version; default: every.")
@click.option("--region", type=click.Choice(REGIONS), default="default", show_default=True)
@click.option("--count", type=click.IntRange(0), help="How many there are.")
@click.option("--unlimited", is_flag=True, help="Any number.")
@click.option("--cost", metavar="AMOUNT", help="Price of one for an hour.")
@click.option("--unset", is_flag=True, help="The default's terms hold in the region again.")
@with_farm
def set_pool(
    connection: Connection,
    /,
    *,
    app: str,
    plugin: str,
    version: str,
    region: str,
    count: int | None,
    unlimited: bool,
    cost: str | None,
    unset: bool,
) -> None:
    """Set what holds in a region. What is not given stays as it is."""
    if not unset and count is None and not unlimited and cost is None:
        raise click.UsageError("Give --count, --unlimited, --cost or --unset.")
    terms: dict[str, Any] | None = None
    if not unset:
        known = _known(connection, (app, plugin, version), region)
        terms = {
            "count": known["count"] if count is None else count,
            "unlimited": unlimited or (count is None and bool(known["unlimited"])),
            "cost": known["cost"] if cost is None else cost,
        }
    connection.rest(
        "POST",
        "/licences",
        body={"app": app, "plugin": plugin, "version": version, "regions": {region: terms}},
    )
    connection.out.tell(f"Licences of {app} in {region} are set.")


@command.command("rm", epilog="Example: grange licence rm nuke --version 15")
@click.argument("app")
@click.option("--plugin", metavar="NAME", default="", help="A plugin of it.")
@click.option("--version", metavar="TEXT", default="", help="One version; default: every.")
@with_farm
def remove(connection: Connection, app: str, plugin: str, version: str) -> None:
    """Remove a licence pool: nobody counts these licences any more."""
    connection.rest("DELETE", "/licences", query={"app": app, "plugin": plugin, "version": version})
    connection.out.tell(f"The licence pool of {app} is removed.")


def _print_servers(connection: Connection, servers: Sequence[Mapping[str, Any]]) -> None:
    """Print what licence servers outside the farm said; those that fail are warned of."""
    out = connection.out
    out.line()
    out.table(
        ["LICENCE SERVER OF", "REGION", "SEATS FOR US", "OTHERS USE", "ANSWERED", "PROBLEM"],
        [
            [
                " ".join(part for part in (one["app"], one["plugin"], one["version"]) if part),
                one["region"],
                one["seats"],
                NOTHING if one["others"] is None else one["others"],
                moment(one["answered_at"]),
                one["problem"] or NOTHING,
            ]
            for one in servers
        ],
        right=frozenset({"SEATS FOR US", "OTHERS USE"}),
    )
    if any(one["problem"] for one in servers):
        out.note("A server that does not answer frees nothing: what it said last holds.")


def _known(connection: Connection, key: tuple[str, str, str], region: str) -> dict[str, Any]:
    for pool in connection.rest("GET", "/licences")["pools"]:
        if (pool["app"], pool["plugin"], pool["version"]) == key:
            terms: dict[str, Any] = pool["regions"][region]
            return terms
    return {"count": 0, "unlimited": True, "cost": "0"}


def _terms(told: Mapping[str, Any], currency: str) -> str:
    count = f"{told['in_use']} of {'unlimited' if told['unlimited'] else told['count']}"
    text = count if float(told["cost"]) == 0 else f"{count}, {money(told['cost'], currency)}/h"
    return text if told["is_set"] else f"({text})"
