"""`grange rrdata`: the books as a folder of Royal Render's, for the scripts a studio has."""

from dataclasses import asdict
from pathlib import Path

import rich_click as click

from grange.cli.connection import Connection, with_farm, with_output
from grange.cli.formatting import moment
from grange.cli.output import Cell, Output
from grange.kernel.errors import ConfigurationError
from grange.rrdata.door import Door
from grange.rrdata.export import DEFAULT_DAYS, export_farm
from grange.rrdata.exporter import exporter_script
from grange.rrdata.foreign import bring, shown
from grange.rrdata.import_back import apply, differences, read_settings
from grange.rrdata.script import run_script
from grange.rrdata.workers import DAYS_KEPT

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def command() -> None:
    """Use Royal Render's statistics scripts, settings files and history with this farm."""


@command.command("export", epilog="Example: grange rrdata export /exports/rr --days 2")
@click.argument("folder", type=_FOLDER)
@click.option(
    "--days",
    type=click.IntRange(1, DAYS_KEPT),
    default=DEFAULT_DAYS,
    show_default=True,
    help="Write so many days anew, today the last; keep what else is there.",
)
@click.option("--no-frames", is_flag=True, help="Leave out the frames of each job.")
@click.option("--anew", is_flag=True, help="Write jobs again that have not changed.")
@with_farm
def export(connection: Connection, folder: Path, *, days: int, no_frames: bool, anew: bool) -> None:
    """Lay the books out as the folder that Royal Render's scripts know."""
    out = connection.out
    done = export_farm(
        _door(connection),
        folder,
        clock=connection.clock,
        days=days,
        frames=not no_frames,
        anew=anew,
        tell=out.note,
    )
    if out.as_json:
        out.data({"folder": str(folder), **asdict(done)})
        return
    out.line(
        f"Wrote {folder}: {done.days} days, {done.workers} workers, {done.jobs} jobs of"
        f" {done.projects} projects, {done.frames} files of frames."
    )
    out.line(f"Run a script on it: grange rrdata run SCRIPT --root {folder}")


@command.command("import", epilog="Example: grange rrdata import /exports/rr --yes")
@click.argument("folder", type=_FOLDER)
@click.option("--yes", is_flag=True, help="Change the farm without asking.")
@click.option("--dry-run", is_flag=True, help="Show the difference and change nothing.")
@with_farm
def import_back(connection: Connection, folder: Path, yes: bool, dry_run: bool) -> None:
    """Take changed licences and groups of a folder back to the farm, after showing them."""
    out, door = connection.out, _door(connection)
    settings = read_settings(folder)
    found = differences(door, settings)
    if out.as_json and not yes and not dry_run and found:
        raise ConfigurationError("With --json, say --yes to change the farm, or --dry-run.")
    if not out.as_json:
        for one in found:
            out.line(f"{one.kind} {one.name}")
            for sign, text in (("-", one.before), ("+", one.after)):
                if text is not None:
                    out.line(f"  {sign} {text or '(empty)'}")
    change = bool(found) and not dry_run and (yes or _agreed(len(found)))
    if change:
        apply(door, settings, found)
    if out.as_json:
        out.data({"changed": change, "differences": [asdict(one) for one in found]})
        return
    if not found:
        out.line("Nothing differs.")
    elif change:
        out.line(f"Changed {len(found)}. The books say who did it.")
    else:
        out.line("Nothing was changed.")


def _agreed(count: int) -> bool:
    return click.confirm(f"Change {count} on the farm?", default=False)


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
