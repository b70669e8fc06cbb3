"""`grange share`: what projects and users are entitled to, and how many threads they may have."""

from typing import Any
from urllib.parse import quote

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import NOTHING
from grange.cli.watching import listed

_KIND = click.Choice(["project", "user"])


@click.group()
def command() -> None:
    """Set shares and quotas of projects and users; see what they had of late."""


@command.command("ls", epilog="Example: grange share ls")
@with_farm
@listed
def list_shares(connection: Connection) -> None:
    """List shares; of each kind, who comes first now stands first."""
    reply = connection.rest("GET", "/shares")
    if connection.out.as_json:
        connection.out.data(reply)
        return
    connection.out.table(
        ["KIND", "NAME", "WEIGHT", "THREADS", "AT MOST", "RECENT HOURS"],
        [
            [
                row["kind"],
                row["name"],
                f"{row['weight']:g}",
                row["threads"],
                NOTHING if row["max_threads"] is None else row["max_threads"],
                f"{row['recent_hours']:.2f}",
            ]
            for row in reply["shares"]
        ],
        right=frozenset({"WEIGHT", "THREADS", "AT MOST", "RECENT HOURS"}),
    )


@command.command("set", epilog="Example: grange share set project film --weight 2")
@click.argument("kind", type=_KIND)
@click.argument("name")
@click.option("--weight", type=click.FloatRange(0.001, 1000), help="1 is that of everybody.")
@click.option("--max-threads", type=click.IntRange(0), help="At most so many job threads.")
@click.option("--no-quota", is_flag=True, help="Any number of job threads.")
@with_farm
def set_share(
    connection: Connection,
    /,
    *,
    kind: str,
    name: str,
    weight: float | None,
    max_threads: int | None,
    no_quota: bool,
) -> None:
    """Set the weight or quota of a project or user. What is not given stays as it is."""
    if weight is None and max_threads is None and not no_quota:
        raise click.UsageError("Give --weight, --max-threads or --no-quota.")
    body: dict[str, Any] = {"max_threads": max_threads}
    if weight is not None:
        body["weight"] = weight
    if max_threads is None and not no_quota:
        shares = connection.rest("GET", "/shares")["shares"]
        known = [one for one in shares if (one["kind"], one["name"]) == (kind, name)]
        body["max_threads"] = known[0]["max_threads"] if known else None
    connection.rest("PUT", _path(kind, name), body=body)
    connection.out.tell(f"The share of {kind} {name} is set.")


@command.command("unset", epilog="Example: grange share unset project film")
@click.argument("kind", type=_KIND)
@click.argument("name")
@with_farm
def unset_share(connection: Connection, kind: str, name: str) -> None:
    """Give a project or user the weight of everybody, and no quota."""
    connection.rest("DELETE", _path(kind, name))
    connection.out.tell(f"{kind.capitalize()} {name} has the share of everybody.")


def _path(kind: str, name: str) -> str:
    return f"/shares/{kind}/{quote(name, safe='')}"
