"""`grange cost`: what work cost, by any attribute; waste; licence minutes."""

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import NOTHING
from grange.cli.report_options import ReportOptions, by_option, report_options, show_report
from grange.cli.watching import watchable
from grange.kernel.errors import InvalidRequestError


@click.command(
    "cost",
    epilog="Examples: grange cost --by project,user --since 7d --where app=nuke; "
    "grange cost --by outcome,cause; grange cost --licences; grange cost --by shot --xlsx",
)
@by_option("project; of user, client, queue, job, layer, frame, shot, outcome, payer, day, …")
@report_options
@click.option("--licences", is_flag=True, help="Show licence minutes: in use, at limit, denied.")
@with_farm
@watchable
def command(connection: Connection, *, asked: ReportOptions, licences: bool) -> None:
    """Show what work cost, what of it was wasted, and what clients pay for it.

    Whatever it is grouped by, the total is the same to the last digit.
    """
    if not licences:
        show_report(connection, "cost", asked)
        return
    if asked.formats or asked.where or asked.by:
        raise InvalidRequestError("--licences goes with --since, --until and --json only.")
    now = connection.clock.now()
    query = connection.span(asked.since, asked.until)
    query.setdefault("end", str(now))
    reply = connection.rest("GET", "/licence-minutes", query=query, timeout_seconds=300.0)
    if connection.out.as_json:
        connection.out.data(reply)
        return
    names = ["PRODUCT", "LIMIT", "MOST IN USE", "MINUTES IN USE", "AT LIMIT", "DENIED", "DENIALS"]
    connection.out.table(
        names,
        [
            [
                row["product"],
                row["limit"],
                row["most_in_use"],
                f"{row['in_use_minutes']:,.1f}",
                NOTHING if row["at_limit_minutes"] is None else f"{row['at_limit_minutes']:,.1f}",
                f"{row['denied_minutes']:,.1f}",
                row["denied_attempts"],
            ]
            for row in reply["rows"]
        ],
        right=frozenset(names[1:]),
    )
