"""`grange admin backup|restore`: copies of state and books, and the way back."""

from pathlib import Path
from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm, with_output
from grange.cli.exits import FAILED, OK, require_extra
from grange.cli.formatting import moment, size
from grange.cli.output import Output
from grange.cli.waiting import wait_seconds
from grange.config.load import load
from grange.config.settings import ServerSettings
from grange.kernel.units import Instant, iso8601

_POLL_SECONDS = 0.5
NOT_IN_IT = (
    "master.key and the server's certificate are not in a backup. Keep a copy of master.key in a "
    "safe place: without it every key and token is worthless."
)


@click.command("backup", epilog="Examples: grange admin backup · grange admin backup --list")
@click.option("--list", "only_list", is_flag=True, help="List the backups there are.")
@with_farm
def backup(connection: Connection, *, only_list: bool) -> int:
    """Copy state and books while the server runs."""
    out = connection.out
    if only_list:
        reply = connection.server_call("GET", "/backups")
        if out.as_json:
            out.data(reply)
        else:
            _table(out, reply)
        return OK
    name = connection.server_call("POST", "/backups", body={})["name"]
    said = ""
    while True:
        reply = connection.server_call("GET", "/backups")
        running = reply["running"]
        if running is None or running["name"] != name:
            break
        text = _progress(running)
        if text != said:
            out.note(text)
            said = text
        wait_seconds(_POLL_SECONDS)
    made = next((row for row in reply["backups"] if row["name"] == name), None)
    if made is None:
        out.note(f"The backup failed: {reply['problem'] or 'see the log of the server'}")
        return FAILED
    if out.as_json:
        out.data({**made, "not_in_it": ["master.key", "tls"]})
    else:
        out.line(f"Backup {name}: {made['files']} files, {size(made['byte_count'])}.")
        out.line(NOT_IN_IT)
    return OK


def _progress(running: dict[str, Any]) -> str:
    if not running["bytes_of"]:
        return f"copying {running['step']} …"
    share = 100 * running["byte_count"] // running["bytes_of"]
    return f"copying {running['step']}: {share} % of {size(running['bytes_of'])}"


def _table(out: Output, reply: dict[str, Any]) -> None:
    out.table(
        ["BACKUP", "MADE", "VERSION", "STATE", "FILES", "SIZE"],
        [
            [
                row["name"],
                moment(row["created_at"]),
                row["version"],
                row["state"],
                row["files"],
                size(row["byte_count"]),
            ]
            for row in reply["backups"]
        ],
        right=frozenset({"FILES", "SIZE"}),
    )


@click.command(
    "restore", epilog="Example: grange admin restore 2026-11-20 --data /srv/grange --yes"
)
@click.argument("name", required=False)
@click.option("--data", "data_dir", type=click.Path(path_type=Path), help="The data folder.")
@click.option("--state-url", metavar="URL", help="postgresql://…; default: SQLite in the folder.")
@click.option(
    "--from", "folder", type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Where backups are; default: backup_dir of the settings.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_output
def restore(
    out: Output,
    *,
    name: str | None,
    data_dir: Path | None,
    state_url: str | None,
    folder: Path | None,
    yes: bool,
) -> int:
    """Put a backup (default: the newest) in the place of what is there. Stop the server first.

    NAME may be the beginning of a name, e.g. a day: the newest of those is taken. What is there now
    is kept in the data folder, under `replaced`.
    """
    loaded = load(ServerSettings, command_line={"data_dir": data_dir, "state_url": state_url})
    require_extra("server")
    from grange.wiring.backup import restore_backup  # noqa: PLC0415 - not in the base install

    if not yes and not out.as_json:
        where = loaded.settings.data_dir
        is_new = not where.is_dir() or not any(where.iterdir())
        question = f"Put state and books of a backup into {where}, which is empty?"
        if not is_new:
            question = f"Replace state and books in {where} by a backup?"
        click.confirm(question, abort=True)
    done = restore_backup(loaded.settings, name=name, folder=folder)
    if out.as_json:
        out.data(
            {
                "name": done.name,
                "created_at": done.created_at,
                "kept": str(done.kept),
                "master_key": str(done.master_key),
                "has_master_key": done.has_master_key,
            }
        )
        return OK
    out.line(f"Restored {done.name}. What was there is in {done.kept}; delete it when all is well.")
    if not done.has_master_key:
        out.line(f"Put your copy of master.key at {done.master_key} before you start the server.")
    out.line("Start the server, then check: grange books verify")
    if done.collected_elsewhere:
        moment_of_backup = iso8601(Instant(done.created_at))[:16] + "Z"
        out.line(
            "Collectors on other machines have to go back too; on each of them run:"
            f" grange streams rewind --all --to {moment_of_backup}"
        )
    return OK
