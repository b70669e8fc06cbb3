"""`grange admin audit`: who did what on the server, or tried to."""

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import moment
from grange.cli.history import where_option
from grange.cli.spans import parse_when


@click.command(
    "audit",
    epilog='Example: grange admin audit --since 7d --where "outcome=refused -actor=ben"',
)
@where_option
@click.option("--since", metavar="WHEN", help="From when, e.g. 24h, 30d or 2026-11-22.")
@click.option("--until", metavar="WHEN", help="Until when; default: now.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most so many."
)
@click.option("--of-farm", is_flag=True, help="One farm's entries only, as its OWNERs may see.")
@with_farm
def audit(
    connection: Connection,
    /,
    *,
    where: str,
    since: str | None,
    until: str | None,
    limit: int,
    of_farm: bool,
) -> None:
    """List who did what, newest first: changes, sign-ins, and what was refused."""
    now = connection.clock.now()
    query = {"limit": str(limit)}
    if where:
        query["where"] = where
    if since is not None:
        query["since"] = str(parse_when(since, now))
    if until is not None:
        query["until"] = str(parse_when(until, now))
    if of_farm:
        reply = connection.rest("GET", "/audit", query=query)
    else:
        reply = connection.server_call("GET", "/audit", query=query)
    if connection.out.as_json:
        connection.out.data(reply)
        return
    connection.out.table(
        ["WHEN", "WHO", "WHAT", "TO", "OUTCOME", "MORE"],
        [
            [
                moment(row["at"], now),
                row["actor"],
                row["operation"].removeprefix("grange:"),
                f"{row['kind']} {row['subject']}".strip(),
                row["outcome"],
                row["reason"] or row["detail"],
            ]
            for row in reply["entries"]
        ],
    )
    if reply["older"]:
        connection.out.note("There are older ones: give --limit, --until or --where.")
