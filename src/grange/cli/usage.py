"""`grange usage`: where machine time went and what it cost."""

from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import money
from grange.cli.output import Cell
from grange.cli.spans import end_option, parse_span, start_option

GROUPS = ("user", "project", "app", "queue", "fleet", "worker", "job", "shot", "render_type")


@click.command("usage", epilog="Example: grange usage --by project --start 7d")
@click.option("--by", "group_by", type=click.Choice(GROUPS), default="project", show_default=True)
@start_option
@end_option
@with_farm
def command(connection: Connection, group_by: str, start: str | None, end: str | None) -> None:
    """Show hours of machine time, and cost where there is a rate card."""
    query = {"group_by": group_by, **parse_span(start or "30d", end, connection.clock.now())}
    query.setdefault("end", str(connection.clock.now()))
    reply = connection.rest("GET", "/usage", query=query)
    if connection.out.as_json:
        connection.out.data(reply)
        return
    rows: list[dict[str, Any]] = reply["rows"]
    currency = str(reply.get("currency") or "")
    columns = [group_by.upper(), "SESSIONS", "SESSION HOURS", "MACHINE HOURS", "COST"]
    table: list[list[Cell]] = [
        [
            str(row.get(group_by) or "–"),
            row.get("sessions"),
            f"{row['runtime_ms'] / 3_600_000:.3f}",
            f"{row['machine_ms'] / 3_600_000:.3f}",
            money(row.get("cost"), currency),
        ]
        for row in rows
    ]
    connection.out.table(columns, table, right=frozenset(columns[1:]))
    if reply.get("example"):
        connection.out.note("Cost is of EXAMPLE rates: nobody pays them.")
