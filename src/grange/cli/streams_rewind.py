"""`grange streams rewind`: go back, and collect again from there."""

from collections.abc import Sequence
from pathlib import Path

import rich_click as click

from grange.cli.connection import with_output
from grange.cli.formatting import moment
from grange.cli.output import Output
from grange.cli.spans import parse_when
from grange.cli.streams_collect import KINDS, collect_section, config_option
from grange.kernel.errors import InvalidRequestError, NotFoundError


@click.command("rewind", epilog="Example: grange streams rewind feed --to 2026-11-22T06:00")
@config_option
@click.argument("streams", metavar="[STREAM]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All streams of this machine.")
@click.option("--to", metavar="WHEN", required=True, help="From when; its hour begins it.")
@click.option("--kind", type=KINDS, help="Only sources (rx), clients (tx) or others.")
@click.option("--dry-run", is_flag=True, help="Say what would be set back, and change nothing.")
@with_output
def rewind(
    out: Output,
    *,
    file: Path | None,
    streams: Sequence[str],
    every: bool,
    to: str,
    kind: str | None,
    dry_run: bool,
) -> None:
    """Set streams back: the next round of collecting replaces everything from there on.

    What is in the books before that hour, and what the logs no longer hold, stays as it is.
    """
    section = collect_section(file)
    if bool(streams) == every:
        raise InvalidRequestError("Name streams, or give --all.")
    from grange.collect.run import rewind as set_back  # noqa: PLC0415 - needs grange[collect]
    from grange.wiring.client import system_clock  # noqa: PLC0415
    from grange.wiring.collect import cursor_store  # noqa: PLC0415

    goal = parse_when(to, system_clock().now())
    found = set_back(cursor_store(section), goal, streams=streams, kind=kind, dry_run=dry_run)
    missing = set(streams) - {cursor.stream for cursor in found}
    if missing:
        raise NotFoundError("stream", ", ".join(sorted(missing)))
    if out.as_json:
        out.data(
            [
                {"stream": one.stream, "kind": one.kind, "machine": one.machine,
                 "rewind_to": one.rewind_to, "dry_run": dry_run}
                for one in found
            ]
        )  # fmt: skip
        return
    verb = "would be" if dry_run else "is"
    for one in found:
        out.line(
            f"{one.stream} ({one.kind}, {one.machine}) {verb} set back to {moment(one.rewind_to)}."
        )
