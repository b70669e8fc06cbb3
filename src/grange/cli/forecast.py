"""`grange forecast`: what the coming days will ask for."""

from pathlib import Path

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.report_options import FORMATS, print_report, write_file
from grange.kernel.errors import InvalidRequestError


@click.command("forecast", epilog="Example: grange forecast --days 7")
@click.option("--days", type=click.IntRange(1, 90), default=14, show_default=True)
@click.option("--csv", "as_csv", is_flag=True, help="Write CSV.")
@click.option("--parquet", "as_parquet", is_flag=True, help="Write PARQUET.")
@click.option("--xlsx", "as_xlsx", is_flag=True, help="Write XLSX.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; default: standard output for CSV, else forecast.parquet or forecast.xlsx.",
)
@with_farm
def command(connection: Connection, /, *, days: int, output: Path | None, **kinds: bool) -> None:
    """Foretell worker-hours and workers needed by day; needs 14 days of data."""
    chosen = [name for name in FORMATS if kinds[f"as_{name}"]]
    query = {"days": str(days)}
    if len(chosen) > 1 or (chosen and connection.out.as_json):
        raise InvalidRequestError("Name one of --csv, --json, --parquet and --xlsx.")
    if chosen:
        content = connection.rest_bytes(f"/forecast/{chosen[0]}", query=query)
        write_file(connection, "forecast", chosen[0], content, output)
        return
    reply = connection.rest("GET", "/forecast", query=query, timeout_seconds=120.0)
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        print_report(connection, reply)
