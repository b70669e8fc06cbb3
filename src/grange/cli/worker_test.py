"""`grange worker test`: try everything on this machine that a render needs."""

from pathlib import Path

import rich_click as click

from grange.cli.connection import with_output
from grange.cli.exits import FAILED, OK
from grange.cli.output import Output
from grange.cli.worker_options import WorkerOptions
from grange.wiring.client import system_clock

_STYLES = {"ok": "ok", "failed": "FAILED", "skipped": "skipped"}


@click.command("test", epilog="Example: grange worker test --output /srv/images")
@click.option("--server", metavar="URL", help="Address of the server; default: as joined.")
@click.option(
    "--data",
    "data_dir",
    type=click.Path(path_type=Path),
    help="Folder of the worker; default: as of grange worker run.",
)
@click.option(
    "--output",
    "outputs",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A folder that jobs write to; may be given several times.",
)
@click.option(
    "--renderer",
    metavar="NAME=PATH",
    multiple=True,
    help="Where a renderer is that is not found by itself; without PATH it is not tried.",
)
@click.option(
    "--hail-port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="PORT",
    help="Where neighbours ask, as given to the worker; default: any free port.",
)
@click.option("--allow-root", is_flag=True, help="The worker may render as root.")
@click.option("--keep/--no-keep", default=True, show_default=True, help="Keep what was found.")
@with_output
def command(
    out: Output,
    /,
    *,
    server: str | None,
    data_dir: Path | None,
    outputs: tuple[Path, ...],
    renderer: tuple[str, ...],
    hail_port: int,
    allow_root: bool,
    keep: bool,
) -> int:
    """Try everything on this machine that a render needs; exit code 1 if a check fails.

    Server, clock, scratch, output, each renderer (it draws one frame), limits, hail and service.
    What fails is kept: the worker of this folder takes no work until a test has passed.
    """
    from grange.cli.worker_run import worker_settings  # noqa: PLC0415 - not for `worker ls`
    from grange.wiring.trial import trial_of  # noqa: PLC0415
    from grange.worker.verdict import Checked, keep_result  # noqa: PLC0415

    options = WorkerOptions(
        server=server,
        name=None,
        threads=1,
        data_dir=data_dir,
        farm=None,
        fleet=None,
        job_user=None,
        allow_root=allow_root,
        watts=None,
        pass_env=(),
        renderers=renderer,
        hail_port=hail_port,
    )
    checks: list[Checked] = []
    for checked in trial_of(*worker_settings(options), outputs=outputs):
        checks.append(checked)
        if not out.as_json:
            out.line(f"{_STYLES[checked.outcome]:<8}{checked.name:<18}{checked.text}")
    failed = [one.name for one in checks if one.outcome == "failed"]
    path = keep_result(options.folder, checks, system_clock().now()) if keep else None
    if out.as_json:
        out.data(
            {
                "ok": not failed,
                "failed": failed,
                "checks": [
                    {"name": one.name, "outcome": one.outcome, "text": one.text} for one in checks
                ],
                "path": None if path is None else str(path),
            }
        )
    elif failed:
        kept = " The worker takes no work until a test has passed." if keep else ""
        out.line(f"{len(failed)} failed: {', '.join(failed)}.{kept}")
    else:
        out.line("This machine can render.")
    return FAILED if failed else OK
