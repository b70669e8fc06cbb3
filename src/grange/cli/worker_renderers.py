"""`grange worker renderers`: the renderers of this machine, and where they were found."""

from collections.abc import Sequence

import rich_click as click

from grange.cli.connection import with_output
from grange.cli.formatting import NOTHING
from grange.cli.output import Output
from grange.config.client import process_environment
from grange.kernel.errors import InvalidRequestError
from grange.worker.registry import find_programs, version_of


@click.command("renderers", epilog="Example: grange worker renderers --renderer maya=/opt/m/Render")
@click.option("--renderer", "given", metavar="NAME=PATH", multiple=True, help="Where one is.")
@with_output
def command(out: Output, /, *, given: Sequence[str]) -> None:
    """List the renderers of this machine: name, version, path.

    A worker tells the farm which it has, so that a job waits for a worker that has its renderer.
    """
    found = find_programs(process_environment().get("PATH", ""), given_programs(given))
    rows = [
        {"name": one.key, "version": version_of(one), "path": one.path}
        for one in sorted(found, key=lambda one: one.key)
    ]
    if out.as_json:
        out.data(rows)
        return
    if not rows:
        out.line("No renderer was found. Name one with --renderer NAME=PATH.")
        return
    out.table(
        ["RENDERER", "VERSION", "PATH"],
        [[row["name"], row["version"] or NOTHING, row["path"]] for row in rows],
    )


def given_programs(pairs: Sequence[str]) -> dict[str, str]:
    """Return renderer → path of options that read NAME=PATH.

    Raises:
        InvalidRequestError: one does not read so.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, path = pair.partition("=")
        if not equals or not name:
            raise InvalidRequestError(f"--renderer {pair}: write --renderer NAME=PATH.")
        found[name] = path
    return found
