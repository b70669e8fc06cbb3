"""`grange demo`: a whole farm on this machine, for the length of a small film."""

from pathlib import Path

import rich_click as click

from grange.cli.connection import with_output
from grange.cli.exits import require_extra
from grange.cli.output import Output
from grange.kernel.errors import InvalidRequestError

_FRAMES = 32
_FOLDER = Path("var/demo")
_HISTORY = Path("var/history")


@click.command("demo", epilog="Example: grange demo --with-failure --exit-when-done --no-browser")
@click.option("--port", type=click.IntRange(1, 65535), help="Port; default 8765, or the next free.")
@click.option(
    "--data",
    "data_dir",
    type=click.Path(path_type=Path, file_okay=False),
    help=f"The farm's data folder; default {_FOLDER}, with --history {_HISTORY}.",
)
@click.option("--no-browser", is_flag=True, help="Do not open the page.")
@click.option("--exit-when-done", is_flag=True, help="Stop when the job is done and is booked.")
@click.option("--fresh", is_flag=True, help="Start over: delete the demo's data folder first.")
@click.option("--with-failure", is_flag=True, help="Let one frame fail once.")
@click.option(
    "--frames", type=click.IntRange(1, 9999), default=_FRAMES, show_default=True, help="How many."
)
@click.option("--no-showroom", is_flag=True, help="Make up no second farm in the background.")
@click.option(
    "--history",
    metavar="SPAN",
    help="Render nothing: simulate the past of a studio into a new folder, e.g. 90d.",
)
@click.option(
    "--workers", type=click.IntRange(1, 2000), default=200, show_default=True,
    help="With --history: how many machines.",
)  # fmt: skip
@click.option(
    "--seed", type=int, default=1, show_default=True,
    help="With --history: the same seed gives the same past.",
)  # fmt: skip
@with_output
def command(
    out: Output,
    *,
    port: int | None,
    data_dir: Path | None,
    no_browser: bool,
    exit_when_done: bool,
    fresh: bool,
    with_failure: bool,
    frames: int,
    no_showroom: bool,
    history: str | None,
    workers: int,
    seed: int,
) -> int:
    """Start a farm with two workers on this machine, render a small film, print its receipt.

    A second run continues the farm with a new job. Nothing is installed outside the data folder,
    nothing can be reached from another machine, and nothing is left running. While the first frames
    render, a second farm with a made-up past is filled in the background, so that no page is empty.

    With --history, only a past is made: that of a studio with many workers. Everything about it
    says SIMULATED.
    """
    require_extra("server")
    if history is not None:
        if fresh:
            raise InvalidRequestError("--fresh is for the demo; --history wants a new folder.")
        return _history(history, data_dir or _HISTORY, workers, seed, out)
    from grange.cli.demo_run import DemoOptions, run_demo  # noqa: PLC0415 - not in the base install

    return run_demo(
        DemoOptions(
            data_dir=(data_dir or _FOLDER).absolute(),
            port=port,
            open_page=not no_browser,
            exit_when_done=exit_when_done,
            fresh=fresh,
            fail_frame=(frames * 5 + 7) // 8 if with_failure else 0,
            frames=frames,
            showroom=not (no_showroom or exit_when_done),
        ),
        out,
    )


def _history(span: str, folder: Path, workers: int, seed: int, out: Output) -> int:
    # Not in the base install.
    from grange.cli.demo_history import parse_days, run_history  # noqa: PLC0415
    from grange.wiring.client import system_clock  # noqa: PLC0415

    return run_history(
        folder, days=parse_days(span), workers=workers, seed=seed, clock=system_clock(), out=out
    )
