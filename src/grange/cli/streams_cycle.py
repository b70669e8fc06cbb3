"""`grange streams cycle`: everything that is due every hour, in order."""

from collections.abc import Sequence
from pathlib import Path

import rich_click as click

from grange.cli.connection import with_output
from grange.cli.exits import FAILED, OK
from grange.cli.output import Output
from grange.config.streams import load_streams

_EXAMPLES = """\b
Examples:
  grange streams cycle
  grange streams cycle --dry-run
  grange streams cycle --only collect
"""


@click.command("cycle", epilog=_EXAMPLES)
@click.option("--only", metavar="STEP", multiple=True, help="Run this step only; may be repeated.")
@click.option("--skip", metavar="STEP", multiple=True, help="Leave a step out; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Print the commands; run nothing.")
@click.option(
    "--config", "file", metavar="FILE", type=click.Path(path_type=Path),
    help="The settings of streams; default: streams.toml in the platform's folder.",
)  # fmt: skip
@with_output
def cycle(
    out: Output, *, only: tuple[str, ...], skip: tuple[str, ...], dry_run: bool, file: Path | None
) -> int:
    """Collect, synchronise, archive, draw, make pages and watch: once, for cron or a timer.

    Each step is a command of its own; `[cycle]` of streams.toml says which. A second cycle does
    nothing while one is running. What failed is made up for by the next cycle.
    """
    from grange.wiring import cycle as wired  # noqa: PLC0415 - loads adapters

    settings = load_streams(file)
    section = settings.cycle
    idle = () if settings.collect.streams else ("collect",)
    steps = wired.steps_of(
        section, options_of=options_of, file=file, idle=idle, only=only, skip=skip
    )
    if dry_run:
        if out.as_json:
            out.data({"steps": [{"name": one.name, "run": list(one.words)} for one in steps]})
        else:
            for one in steps:
                out.line(f"{one.name:8}  {' '.join(one.words)}")
        return OK
    done = wired.cycle(
        section,
        steps,
        tell=lambda one: out.note(f"{one.name}: {one.outcome} {one.said}".rstrip()),
    )
    if out.as_json:
        out.data(
            {
                "started_at": done.started_at,
                "ended_at": done.ended_at,
                "steps": [
                    {"name": one.name, "outcome": one.outcome, "seconds": round(one.seconds, 3),
                     "said": one.said}
                    for one in done.steps
                ],
            }
        )  # fmt: skip
    else:
        out.table(
            ["STEP", "OUTCOME", "SECONDS"],
            [[one.name, one.outcome, f"{one.seconds:.1f}"] for one in done.steps],
            right=frozenset({"SECONDS"}),
        )
    return OK if done.ok else FAILED


def options_of(words: Sequence[str]) -> frozenset[str]:
    """Return the options of a command of Grange; none if there is no such command."""
    from grange.cli.main import root  # noqa: PLC0415 - it loads this module

    command: click.Command | None = root
    for word in words:
        if not isinstance(command, click.Group) or word.startswith("-"):
            break
        command = command.get_command(click.Context(command), word)
    if command is None or isinstance(command, click.Group):
        return frozenset()
    return frozenset(option for one in command.params for option in one.opts)
