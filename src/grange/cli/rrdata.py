"""`grange rrdata`: the books as a folder of Royal Render's, for the scripts a studio has."""

from pathlib import Path

import rich_click as click

from grange.cli.connection import Connection, with_farm, with_output
from grange.cli.formatting import moment
from grange.cli.output import Cell, Output
from grange.rrdata.door import Door
from grange.rrdata.exporter import exporter_script
from grange.rrdata.foreign import bring, shown
from grange.rrdata.script import run_script

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def command() -> None:
    """Use Royal Render's statistics scripts, settings files and history with this farm."""


@command.command(
    "run",
    epilog="Example: grange rrdata run clientstats.py --root /exports/rr",
    context_settings={"ignore_unknown_options": True},
)
@click.argument("script", type=_FILE)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--root", type=_FOLDER, help="The exported folder; else RR_ROOT.")
@with_output
def run(_out: Output, script: Path, arguments: tuple[str, ...], root: Path | None) -> None:
    """Run a script of Royal Render's console on an exported folder.

    It finds `rrGlobal`, `rr_python_utils` and `libpyRR39_datafiles` as it does there.
    """
    run_script(script, root=root, arguments=arguments)


@command.command("exporter", epilog="Example: grange rrdata exporter grange_past.py")
@click.argument("target", type=_FILE, default="grange_past.py")
@with_output
def write_exporter(out: Output, target: Path) -> None:
    """Write the script that a studio runs in Royal Render's own console to bring its past."""
    target.write_text(exporter_script(), encoding="utf-8")
    if out.as_json:
        out.data({"script": str(target)})
        return
    out.line(f"Wrote {target}. Run it in Royal Render's Python console; it changes nothing there.")
    out.line("Then: grange rrdata import-history grange-past.jsonl.gz")


@command.command(
    "import-history", epilog="Example: grange rrdata import-history grange-past.jsonl.gz"
)
@click.argument("file", type=_FILE)
@click.option("--source", default="royal-render", show_default=True, help="Name of that system.")
@with_farm
def import_history(connection: Connection, file: Path, source: str) -> None:
    """Take a studio's past into the books: it is shown, and never priced or added to anything."""
    out = connection.out
    past = bring(_door(connection), file, source=source, tell=out.note)
    if out.as_json:
        out.data({"source": source, "written_at": past.written_at, "counts": dict(past.counts)})
        return
    counts = ", ".join(f"{count} × {kind}" for kind, count in past.counts.items())
    out.line(f"Brought {counts or 'nothing'}. Look at it: grange rrdata history")


@command.command("history", epilog="Example: grange rrdata history --project Fox")
@click.option("--project", help="Only jobs of this project.")
@click.option("--limit", type=click.IntRange(1, 5000), default=50, show_default=True)
@with_farm
def list_history(connection: Connection, project: str | None, limit: int) -> None:
    """List the jobs that were brought from another system, newest first."""
    reply = shown(_door(connection), project=project, limit=limit)
    if connection.out.as_json:
        connection.out.data(reply)
        return
    columns = ["SUBMITTED", "PROJECT", "USER", "APP", "LAYER", "FRAMES", "RENDERED", "SOURCE"]
    table: list[list[Cell]] = []
    for row in reply["records"]:
        values = row["record"].get("values", {})
        seconds = values.get("infoRenderTimeSum_seconds_disobeyReset")
        table.append(
            [
                moment(row["at"]),
                row["project"],
                row["user_name"],
                row["app"],
                row["layer_name"],
                values.get("framesTotal"),
                None if seconds is None else f"{seconds / 3600:.2f} h",
                row["source"],
            ]
        )
    connection.out.table(columns, table, right=frozenset({"FRAMES", "RENDERED"}))
    connection.out.note(f"{len(table)} of {reply['total']} jobs. Foreign history is never priced.")


def _door(connection: Connection) -> Door:
    return Door(connection.api, connection.farm_id)
