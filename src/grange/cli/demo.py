"""`grange demo`: a whole farm on this machine, for the length of a small film."""

from pathlib import Path

import rich_click as click

from grange.cli.connection import with_output
from grange.cli.exits import require_extra
from grange.cli.output import Output

_FRAMES = 32


@click.command("demo", epilog="Example: grange demo --with-failure --exit-when-done --no-browser")
@click.option("--port", type=click.IntRange(1, 65535), help="Port; default 8765, or the next free.")
@click.option(
    "--data",
    "data_dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("var/demo"),
    show_default=True,
    help="The farm's data folder.",
)
@click.option("--no-browser", is_flag=True, help="Do not open the page.")
@click.option("--exit-when-done", is_flag=True, help="Stop when the job is done and is booked.")
@click.option("--fresh", is_flag=True, help="Start over: delete the demo's data folder first.")
@click.option("--with-failure", is_flag=True, help="Let one frame fail once.")
@click.option(
    "--frames", type=click.IntRange(1, 9999), default=_FRAMES, show_default=True, help="How many."
)
@with_output
def command(
    out: Output,
    *,
    port: int | None,
    data_dir: Path,
    no_browser: bool,
    exit_when_done: bool,
    fresh: bool,
    with_failure: bool,
    frames: int,
) -> int:
    """Start a farm with two workers on this machine, render a small film, print its receipt.

    A second run continues the farm with a new job. Nothing is installed outside the data folder,
    nothing can be reached from another machine, and nothing is left running.
    """
    require_extra("server")
    from grange.cli.demo_run import DemoOptions, run_demo  # noqa: PLC0415 - not in the base install

    return run_demo(
        DemoOptions(
            data_dir=data_dir.absolute(),
            port=port,
            open_page=not no_browser,
            exit_when_done=exit_when_done,
            fresh=fresh,
            fail_frame=(frames * 5 + 7) // 8 if with_failure else 0,
            frames=frames,
        ),
        out,
    )
