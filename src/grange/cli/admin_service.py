"""`grange admin service`: have a program of Grange start with the machine, under systemd."""

from pathlib import Path

import rich_click as click

from grange.cli.connection import with_output
from grange.cli.output import Output
from grange.config.service_units import ServiceKind, ServiceSettings, unit_files
from grange.wiring.service_files import FOLDER, install_units, this_program


@click.command(
    "service",
    epilog="Example: grange admin service worker --user render --data /srv/render -- --threads 2",
)
@click.argument("kind", type=click.Choice([kind.value for kind in ServiceKind]))
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@click.option("--user", required=True, metavar="USER", help="The user it runs as.")
@click.option("--group", default="", metavar="GROUP", help="Its group; default: the user's own.")
@click.option(
    "--data",
    "data_dir",
    type=click.Path(path_type=Path),
    help="Folder of the server or the worker, as a full path.",
)
@click.option(
    "--drain-minutes",
    type=click.IntRange(1, 7 * 24 * 60),
    default=60,
    show_default=True,
    help="How long a worker that is stopped may take to finish its frames.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    show_default=True,
    help="Where units are written.",
)
@click.option("--print", "only_print", is_flag=True, help="Print the units; write nothing.")
@with_output
def command(
    out: Output,
    /,
    *,
    kind: str,
    words: tuple[str, ...],
    user: str,
    group: str,
    data_dir: Path | None,
    drain_minutes: int,
    folder: Path,
    only_print: bool,
) -> None:
    """Write the systemd units of the server, a worker, the collector or the data logger.

    The service starts before anybody logs in and stays when all log off. A worker that is stopped
    or restarted finishes its frames first, so an upgrade loses none. Words behind two dashes go to
    the program. systemd looks at the units before they are put in place.
    """
    settings = ServiceSettings(
        kind=ServiceKind(kind),
        user=user,
        program=this_program(),
        group=group,
        data_dir=data_dir,
        words=words,
        drain_minutes=drain_minutes,
    )
    files = unit_files(settings)
    paths: tuple[Path, ...] = () if only_print else install_units(settings, folder)
    if out.as_json:
        out.data(
            {
                "units": [{"name": one.name, "text": one.text} for one in files],
                "written": [str(path) for path in paths],
            }
        )
    elif only_print:
        for one in files:
            if len(files) > 1:
                out.line(f"# {one.name}")
            out.line(one.text)
    else:
        for path in paths:
            out.line(f"Wrote {path}")
        out.line(f"Start it: systemctl daemon-reload && systemctl enable --now {files[-1].name}")
