"""`grange streams sync`: have the hour blocks of another server here, too."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import moment
from grange.cli.output import Output
from grange.cli.spans import parse_when
from grange.cli.streams_collect import config_option
from grange.collect.syncing import Place
from grange.collect.syncing import sync as copy_hours
from grange.config.client import load_client
from grange.config.streams import load_streams


@click.command("sync", epilog="Example: grange streams sync --from other-server.toml --since 2d")
@config_option
@click.option(
    "--from", "sources", metavar="FILE", multiple=True, type=click.Path(path_type=Path),
    help="Settings of a client of the other server (client.toml); default: sync_from of"
    " [collect].",
)  # fmt: skip
@click.option("--since", metavar="WHEN", default="21d", show_default=True, help="From when on.")
@click.option("--exact", is_flag=True, help="Replace hours even where we hold more lines.")
@click.option("--dry-run", is_flag=True, help="Say what differs, and change nothing.")
@with_farm
def sync(
    connection: Connection,
    *,
    file: Path | None,
    sources: Sequence[Path],
    since: str,
    exact: bool,
    dry_run: bool,
) -> None:
    """Copy the hour blocks of log streams from another server, those that differ.

    A copy that was interrupted goes on where it was: run it again.
    """
    named = sources or [Path(one).expanduser() for one in load_streams(file).collect.sync_from]
    now = connection.clock.now()
    found = []
    for path in named:
        other = Connection.of(load_client(file=path, environ={}), Output())
        source = Place(api=other.api, farm_id=other.farm_id)
        target = Place(api=connection.api, farm_id=connection.farm_id)
        begin = parse_when(since, now)
        for one in copy_hours(source, target, begin, now, exact=exact, dry_run=dry_run):
            found.append(one)
            if not connection.out.as_json:
                verb = "differs" if dry_run else one.outcome
                connection.out.line(
                    f"{one.stream} {one.kind} {one.machine} {moment(one.start_at)}:"
                    f" {one.lines} lines, {verb}"
                )
    if connection.out.as_json:
        connection.out.data([asdict(one) for one in found])
    elif not named:
        connection.out.line("There is no server to copy from: name one in sync_from of [collect].")
    elif not found:
        connection.out.line("Nothing differs.")
