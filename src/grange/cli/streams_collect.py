"""`grange streams collect`: read what grew in logs since the last time."""

from pathlib import Path

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.config.streams import load_streams
from grange.kernel.errors import ConfigurationError


@click.command("collect", epilog="Example: grange streams collect --config streams.toml")
@click.option(
    "--config", "file", metavar="FILE", type=click.Path(path_type=Path),
    help="The settings of streams; default: streams.toml in the platform's folder.",
)  # fmt: skip
@with_farm
def collect(connection: Connection, *, file: Path | None) -> None:
    """Read what grew in logs since the last time, and send it to the server."""
    settings = load_streams(file).collect
    if not settings.streams:
        raise ConfigurationError(
            "No stream is collected: name the logs in [[collect.streams]] of streams.toml."
        )
    connection.out.table(
        ["STREAM", "KIND", "LOGS"],
        [[one.name or "{stream}", one.kind or "by name", one.path] for one in settings.streams],
    )
