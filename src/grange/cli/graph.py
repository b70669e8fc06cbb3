"""`grange graph`: a picture of the farm's books."""

from pathlib import Path

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.jobs import find_job
from grange.cli.spans import end_option, parse_span, start_option
from grange.kernel.errors import InvalidRequestError

GRAPHS = ("worker-states", "cpu", "frame-times")


@click.command("graph", epilog="Example: grange graph worker-states --start 2h -o states.svg")
@click.argument("name", type=click.Choice(GRAPHS))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File, .png or .svg.")
@click.option("--job", metavar="JOB", help="Only this job (frame-times).")
@start_option
@end_option
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True)
@click.option("--width", type=click.IntRange(200, 8000), default=1000, show_default=True)
@click.option(
    "--height", type=click.IntRange(100, 8000), help="Default: as high as it needs to be."
)
@with_farm
def command(
    connection: Connection,
    *,
    name: str,
    output: Path | None,
    job: str | None,
    start: str | None,
    end: str | None,
    theme: str,
    width: int,
    height: int | None,
) -> None:
    """Draw worker states, CPU or frame times as a PNG or SVG file."""
    path = output or Path(f"{name}.png")
    kind = path.suffix.lower().removeprefix(".")
    if kind not in {"png", "svg"}:
        raise InvalidRequestError(f"{path}: the name must end in .png or .svg.")
    query = {"theme": theme, "width": str(width)}
    if height is not None:
        query["height"] = str(height)
    if job is not None:
        query["job"] = find_job(connection, job)
    query |= parse_span(start, end, connection.clock.now())
    picture = connection.rest_bytes(f"/graphs/{name}.{kind}", query=query)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(picture)
    partial.replace(path)
    if connection.out.as_json:
        connection.out.data({"path": str(path), "bytes": len(picture)})
    else:
        connection.out.line(f"Wrote {path}.")
