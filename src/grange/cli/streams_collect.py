"""`grange streams collect`: read what grew in logs since the last time, and send it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.exits import require_extra
from grange.cli.formatting import moment, size
from grange.cli.spans import parse_when
from grange.config.streams import load_streams
from grange.config.streams_collect import CollectSection
from grange.kernel.errors import ConfigurationError
from grange.kernel.units import Instant

if TYPE_CHECKING:
    from grange.collect.run import Round

KINDS = click.Choice(["rx", "tx", "other"])


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --config."""
    return click.option(
        "--config", "file", metavar="FILE", type=click.Path(path_type=Path),
        help="The settings of streams; default: streams.toml in the platform's folder.",
    )(command)  # fmt: skip


def collect_section(file: Path | None) -> CollectSection:
    """Return the settings of collecting.

    Raises:
        ConfigurationError: no stream is named.
    """
    require_extra("collect")
    section = load_streams(file).collect
    if not section.streams:
        raise ConfigurationError(
            "No stream is collected: name logs in [[collect.streams]] of streams.toml."
        )
    return section


@click.command("collect", epilog="Example: grange streams collect --config streams.toml")
@config_option
@click.option("--stream", "streams", metavar="NAME", multiple=True, help="Only these streams.")
@click.option("--kind", type=KINDS, help="Only sources (rx), clients (tx) or others.")
@click.option(
    "--since", metavar="WHEN",
    help="Where a stream begins that was never collected; default: the present hour.",
)  # fmt: skip
@click.option("--until", metavar="WHEN", help="Leave later lines for the next time.")
@click.option("--dry-run", is_flag=True, help="Read everything, send nothing, remember nothing.")
@with_farm
def collect(
    connection: Connection,
    *,
    file: Path | None,
    streams: Sequence[str],
    kind: str | None,
    since: str | None,
    until: str | None,
    dry_run: bool,
) -> None:
    """Read what grew in logs since the last time, and send it to the server.

    Lines are durable on the server before this machine remembers that they were read, and a repeat
    changes nothing: after a crash, just run it again.
    """
    section = collect_section(file)
    from grange.wiring.collect import collecting  # noqa: PLC0415 - needs grange[collect]

    now = connection.clock.now()
    api = None if dry_run else connection.api
    farm_id = "" if dry_run else connection.farm_id
    with collecting(section, api, farm_id, streams=streams, kind=kind) as work:
        done = work.collector.collect(
            work.sources,
            since=None if since is None else parse_when(since, now),
            until=None if until is None else parse_when(until, now),
        )
        if not dry_run:
            _say_so(connection, work.machine, done, until=now)
    _tell(connection, done, dry_run=dry_run)


def _say_so(connection: Connection, machine: str, done: "Round", *, until: Instant) -> None:
    """Tell the server how far the logs were read, so that a watch knows."""
    by_machine: dict[str, list[dict[str, Any]]] = {machine: []}
    for one in done.streams:
        told = {"stream": one.stream, "kind": one.kind, "until_at": until}
        by_machine.setdefault(one.machine, []).append(told)
    for name, collected in by_machine.items():
        connection.rest(
            "PUT",
            "/streams/contacts",
            body={"program": "collect", "machine": name, "collected": collected},
        )


def _tell(connection: Connection, done: "Round", *, dry_run: bool) -> None:
    out = connection.out
    if out.as_json:
        out.data({**asdict(done), "dry_run": dry_run})
        return
    out.table(
        ["STREAM", "KIND", "MACHINE", "LINES", "READ", "DAMAGED", "LATEST"],
        [
            [one.stream, one.kind, one.machine, one.rows, size(one.read_bytes), one.dropped,
             moment(one.last_at)]
            for one in done.streams
        ],
        right=frozenset({"LINES", "READ", "DAMAGED"}),
    )  # fmt: skip
    for one in done.streams:
        if one.replaced_from is not None:
            since = moment(one.replaced_from)
            out.line(
                f"{one.stream}: collected again since {since}; {one.hours_replaced} hours changed."
            )
    verb = "would be sent" if dry_run else "are in the books"
    out.line(f"{sum(one.rows for one in done.streams)} lines {verb}.")
    if done.refused:
        out.line(
            f"{done.refused} lines were refused: older than lines are kept"
            " (grange books retention), or ahead of the server's clock."
        )
