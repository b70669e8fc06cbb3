"""`grange admin import-constellation`: a studio's past in Constellation, into the books."""

from pathlib import Path
from zoneinfo import ZoneInfo

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.exits import FAILED, OK
from grange.cli.formatting import plural
from grange.domain.constellation import limits_toml, read_constellation
from grange.services.constellation import SOURCE, records_of
from grange.wiring.constellation import constellation_tables

_BATCH = 500


@click.command(
    "import-constellation", epilog="Example: grange admin import-constellation constellation.db"
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--source", default=SOURCE, show_default=True, help="What the past is called here.")
@click.option("--zone", metavar="NAME", help="Zone of its times; default: the farm's.")
@click.option(
    "--limits",
    type=click.Path(path_type=Path, file_okay=False),
    help="Also write each client's limits to FOLDER/NAME/limits.toml, for its worker's folder.",
)
@click.option("--dry-run", is_flag=True, help="Only read the file, and say what is in it.")
@with_farm
def command(
    connection: Connection,
    *,
    file: Path,
    source: str,
    zone: str | None,
    limits: Path | None,
    dry_run: bool,
) -> int:
    """Take the jobs, log and clients of a Constellation database into the books.

    FILE is its SQLite database; it is only read. Everything is kept row for row, shown, and never
    priced or added to anything. Doing it twice changes nothing. Rows that cannot be read are told
    and left out; the exit code is 1 then.
    """
    tables = constellation_tables(file)
    farm_zone = ZoneInfo(connection.rest("GET", "/overview")["farm"]["zone"])
    found = read_constellation(tables, ZoneInfo(zone) if zone else farm_zone)
    records = list(records_of(found, farm_zone))
    out = connection.out
    written_at = round(file.stat().st_mtime * 1000)
    for at in range(0, 0 if dry_run else len(records), _BATCH):
        batch = records[at : at + _BATCH]
        body = {"source": source, "written_at": written_at, "records": batch}
        connection.rest("POST", "/foreign-history", body=body)
    written = []
    for client in found.clients if limits is not None and not dry_run else ():
        place = Path(limits or "") / Path(client.name).name / "limits.toml"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(limits_toml(client), encoding="utf-8")
        written.append(str(place))
    layers = found.layers
    if out.as_json:
        out.data(
            {
                "source": source,
                "written_at": written_at,
                "imported": not dry_run,
                "layers": len(layers),
                "chunks": len(found.jobs),
                "log": len(found.log),
                "clients": len(found.clients),
                "limits": written,
                "problems": [
                    {"table": one.table, "row": one.row, "text": one.text} for one in found.problems
                ],
            }
        )
        return FAILED if found.problems else OK
    out.line(
        f"{'Read' if dry_run else 'Brought'} {plural(len(layers), 'layer')} of"
        f" {plural(len(found.jobs), 'chunk')}, {plural(len(found.log), 'line')} of log,"
        f" {plural(len(found.clients), 'client')}."
    )
    for path in written:
        out.line(f"Wrote {path}")
    for problem in found.problems:
        out.note(f"{problem.table}, row {problem.row} is left out: {problem.text}.")
    if not dry_run:
        out.line("Look at it: grange rrdata history")
    return FAILED if found.problems else OK
