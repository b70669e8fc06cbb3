"""`grange usage`: where machine time went and what it cost."""

import json
import sys
from pathlib import Path
from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.report_options import ReportOptions, by_option, report_options, show_report
from grange.cli.statistics import print_statistics
from grange.cli.watching import watchable
from grange.kernel.errors import InvalidRequestError


@click.command(
    "usage",
    epilog="Examples: grange usage --by project,user --since 7d --where app=nuke; "
    "grange usage --request question.json",
)
@by_option("project; of project, user, app, queue, fleet, worker, job, layer, shot, day, …")
@report_options
@click.option(
    "--request",
    "request_file",
    metavar="FILE",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Ask Deadline Cloud's statistics: the request as the AWS SDK has it, in JSON; - is "
    "standard input. The answer is the SDK's too.",
)
@click.option("--max-results", type=click.IntRange(1, 100), help="With --request: one page.")
@click.option("--starting-token", metavar="TOKEN", help="With --request: the page after it.")
@click.option("--aggregation", metavar="ID", help="With --request: one that was started already.")
@with_farm
@watchable
def command(
    connection: Connection,
    *,
    asked: ReportOptions,
    request_file: Path | None,
    max_results: int | None,
    starting_token: str | None,
    aggregation: str | None,
) -> None:
    """Show hours of machine time, and cost where there is a rate card; the unassigned first."""
    if request_file is None:
        show_report(connection, "usage", asked)
        return
    print_statistics(
        connection,
        _read(request_file),
        max_results=max_results,
        token=starting_token,
        aggregation_id=aggregation,
    )


def _read(path: Path) -> dict[str, Any]:
    text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidRequestError(f"{path} is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise InvalidRequestError(f"{path} must hold a JSON object.")
    return found
