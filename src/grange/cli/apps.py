"""`grange apps`: what `grange submit SCENE` can render."""

import rich_click as click

from grange.cli.connection import with_output
from grange.cli.formatting import NOTHING
from grange.cli.output import Output
from grange.domain.renderers import RENDERERS


@click.command("apps", epilog="Example: grange apps")
@with_output
def command(out: Output, /) -> None:
    """List what `grange submit SCENE` can render, and what was tested with the real program.

    Any other program is submitted as a command: grange submit --frames 1-10 -- PROGRAM ...
    """
    rows = [
        {
            "name": one.name,
            "app": one.app,
            "renderer": one.renderer or None,
            "scenes": list(one.suffixes),
            "needs": one.program,
            "tested": one.tested,
            "command": list(one.command),
        }
        for one in RENDERERS
    ]
    if out.as_json:
        out.data(rows)
        return
    out.table(
        ["NAME", "APP", "RENDERER", "SCENES", "NEEDS", "TESTED WITH THE PROGRAM"],
        [
            [
                one.name,
                one.app,
                one.renderer or NOTHING,
                " ".join(one.suffixes) or NOTHING,
                one.program,
                "yes" if one.tested else "no, by its manual",
            ]
            for one in RENDERERS
        ],
    )
