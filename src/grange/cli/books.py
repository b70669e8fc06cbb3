"""`grange books`: check, rebuild and list the books."""

from collections.abc import Mapping, Sequence
from typing import Any

import rich_click as click
from rich.text import Text

from grange.cli import books_months, books_store
from grange.cli.books_store import telling
from grange.cli.connection import Connection, with_farm
from grange.cli.exits import FAILED, OK
from grange.cli.formatting import moment, plural, size

_LONG_SECONDS = 600.0


@click.group()
def command() -> None:
    """Check, rebuild and list the books; freeze months, print statements."""


@command.command("verify", epilog="Example: grange books verify && echo clean")
@with_farm
def verify_books(connection: Connection) -> int:
    """Recompute everything from the facts; exit code 1 if anything differs."""
    with telling(connection):
        reply = connection.rest("POST", "/books/verify", body={}, timeout_seconds=_LONG_SECONDS)
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        connection.out.table(
            ["CHECK", "RESULT", "DETAIL"],
            [
                [
                    check["name"],
                    Text("ok", style="green") if check["ok"] else Text("DIFFERS", style="red"),
                    check["detail"],
                ]
                for check in reply["checks"]
            ],
        )
        connection.out.line(_verdict(reply["checks"]))
    return OK if reply["ok"] else FAILED


def _verdict(checks: Sequence[Mapping[str, Any]]) -> Text:
    """Return what came of the checks in one line: the last one, on a terminal and in a pipe."""
    wrong = [check["name"] for check in checks if not check["ok"]]
    if wrong:
        said = f"The books differ in {len(wrong)} of {plural(len(checks), 'check')}: "
        return Text(said + "; ".join(wrong) + ".", style="red")
    return Text(f"The books are whole: {plural(len(checks), 'check')}, nothing differs.")


@command.command("rebuild", epilog="Example: grange books rebuild")
@with_farm
def rebuild_books(connection: Connection) -> None:
    """Make blocks again from the journal's kept segments, and rollups from blocks."""
    with telling(connection):
        reply = connection.rest("POST", "/books/rebuild", body={}, timeout_seconds=_LONG_SECONDS)
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        connection.out.fields({name: str(value) for name, value in reply.items()})


@command.command("files", epilog="Example: grange books files attempts")
@click.argument("table", metavar="[TABLE]", required=False)
@with_farm
def list_files(connection: Connection, table: str | None) -> None:
    """List the live files of a table, or of all: what any reader of the books should read."""
    query = {"table": table} if table else None
    reply = connection.rest("GET", "/books/files", query=query)
    if connection.out.as_json:
        connection.out.data(reply)
        return
    connection.out.table(
        ["FILE", "TABLE", "FROM", "TO", "ROWS", "SIZE"],
        [
            [
                file["path"],
                file["table_name"],
                moment(file["start_at"]),
                moment(file["end_at"]),
                file["row_count"],
                size(file["byte_count"]),
            ]
            for file in reply["files"]
        ],
        right=frozenset({"ROWS", "SIZE"}),
    )


command.add_command(books_store.books_size)
command.add_command(books_store.books_retention)
for _month_command in books_months.COMMANDS:
    command.add_command(_month_command)
