"""`grange books size|retention`: how large the books are, and how long they keep what."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import NOTHING, size
from grange.kernel.errors import GrangeError

_TELL_SECONDS = 1.0
_NOTHING_FORETOLD = "The books are younger than a day, so nothing is foretold."


@click.command("size", epilog="Example: grange books size --json")
@with_farm
def books_size(connection: Connection) -> None:
    """Say how large the books are, and will be at the growth of the last 30 days."""
    reply = connection.rest("GET", "/books/size", timeout_seconds=300.0)
    out = connection.out
    if out.as_json:
        out.data(reply)
        return
    out.table(
        ["TABLE", "FILES", "ROWS", "SIZE", "A DAY", "IN A YEAR", "KEPT"],
        [
            [
                row["table"],
                row["files"],
                row["rows"],
                size(row["byte_count"]),
                size(row["bytes_per_day"]),
                size(row["bytes_later"]["365"]),
                kept(row),
            ]
            for row in reply["tables"]
        ],
        right=frozenset({"FILES", "ROWS", "SIZE", "A DAY", "IN A YEAR"}),
    )
    later = reply["bytes_later"]
    fields = {
        "Files": size(reply["byte_count"]),
        "Replaced, not yet deleted": size(reply["retired_bytes"]),
        "Journal": size(reply["journal_bytes"]),
        "Files in 30 days": size(later["30"]),
        "Files in a year": size(later["365"]),
        "Free on the disk": size(reply["free_bytes"]),
    }
    if reply["bytes_per_day"] is None:
        fields["Forecast"] = _NOTHING_FORETOLD
    elif reply["full_in_days"] is not None:
        fields["The disk is full in"] = f"{reply['full_in_days']} days"
    for table, facts in reply["facts_refused"].items():
        fields[f"Refused as too late, {table}"] = str(facts)
    out.fields(fields)


@click.command(
    "retention",
    epilog="Examples: grange books retention · grange books retention worker_samples 800",
)
@click.argument("table", required=False)
@click.argument("days", required=False, metavar="[DAYS|forever|default]")
@with_farm
def books_retention(connection: Connection, table: str | None, days: str | None) -> None:
    """Say how long each table is kept, or set it: days, forever, or default."""
    if table is None:
        reply = connection.rest("GET", "/books/retention")
    else:
        reply = connection.rest("PUT", f"/books/retention/{table}", body=_wanted(days))
    if connection.out.as_json:
        connection.out.data(reply)
        return
    connection.out.table(
        ["TABLE", "KEPT", "SET BY"],
        [
            [row["table"], kept(row), reply["updated_by"] if row["set"] else "the catalog"]
            for row in reply["tables"]
        ],
    )


@contextmanager
def telling(connection: Connection) -> Iterator[None]:
    """Say on a terminal how far the books are, while a long answer is waited for."""
    if not sys.stderr.isatty():
        yield
        return
    over = threading.Event()
    beside = Connection.of(connection.settings, connection.out)

    def tell() -> None:
        said = ""
        while not over.wait(_TELL_SECONDS):
            try:
                steps = beside.rest("GET", "/books/progress")["steps"]
            except GrangeError:
                continue  # the answer that is waited for says what is wrong
            for step in steps:
                text = step["step"] + (f": {step['done']} of {step['of']}" if step["of"] else "")
                if text != said:
                    connection.out.note(f"{step['what']}: {text}")
                    said = text

    thread = threading.Thread(target=tell, name="telling", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _wanted(days: str | None) -> dict[str, Any]:
    match days:
        case "forever":
            return {"days": None}
        case "default":
            return {"as_declared": True}
        case str() if days.isdecimal() and int(days) > 0:
            return {"days": int(days)}
        case _:
            raise click.UsageError("Name the days, or say forever or default.")


def kept(row: dict[str, Any]) -> str:
    """Return how long a table is kept, in words."""
    if row["kept_hours"] is not None:
        return f"{row['kept_hours']} hours"
    if row["kept_days"] is None:
        return "for ever"
    return f"{row['kept_days']} days" if row["kept_days"] else NOTHING
