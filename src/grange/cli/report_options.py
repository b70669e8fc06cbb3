"""What every report of the command line shares: its options, its table, its files."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rich_click as click

from grange.cli.connection import Connection
from grange.cli.formatting import NOTHING, amounts, duration, moment, plural, size
from grange.cli.output import Cell
from grange.kernel.errors import InvalidRequestError

FORMATS = ("csv", "parquet", "xlsx")
DEFAULT_SINCE = "30d"
DEFAULT_LIMIT = 100
_TEXTS = frozenset({"text", "instant"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """What was asked on the command line."""

    by: str | None
    since: str
    until: str | None
    where: str
    limit: int | None
    formats: tuple[str, ...]
    output: Path | None


def report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --by, --since, --until, --where, --limit, and what it is written as."""

    def run(*args: Any, **kwargs: Any) -> Any:
        asked = ReportOptions(
            by=kwargs.pop("by", None),
            since=kwargs.pop("since"),
            until=kwargs.pop("until"),
            where=kwargs.pop("where"),
            limit=kwargs.pop("limit"),
            formats=tuple(name for name in FORMATS if kwargs.pop(f"as_{name}")),
            output=kwargs.pop("output"),
        )
        return command(*args, asked=asked, **kwargs)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__dict__.update(command.__dict__)
    for option in reversed(_OPTIONS):
        run = option(run)
    return run


_OPTIONS = [
    click.option(
        "--since",
        "--start",
        "since",
        metavar="WHEN",
        default=DEFAULT_SINCE,
        show_default=True,
        help="From when, e.g. 24h, 7d, 2026-11-22 or 2026-11-22T14:00.",
    ),
    click.option("--until", "--end", "until", metavar="WHEN", help="Until when; default: now."),
    click.option(
        "--where", metavar="CONDITION", default="", help="Only this, e.g. 'user=ann app=nuke'."
    ),
    click.option("--limit", type=click.IntRange(min=0), help="Most rows; files have all of them."),
    *(
        click.option(f"--{name}", f"as_{name}", is_flag=True, help=f"Write {name.upper()}.")
        for name in FORMATS
    ),
    click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path, dir_okay=False),
        help="File to write; default: standard output for CSV, else NAME.parquet or NAME.xlsx.",
    ),
]


def by_option(default: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command --by."""
    return click.option(
        "--by", metavar="NAME[,NAME]", help=f"One or two names; default: {default}."
    )


def show_report(connection: Connection, name: str, asked: ReportOptions) -> None:
    """Ask for a report and print it, or write it into a file."""
    now = connection.clock.now()
    query = connection.span(asked.since, asked.until)
    query.setdefault("end", str(now))
    if asked.by is not None:
        query["by"] = asked.by
    if asked.where:
        query["where"] = asked.where
    if len(asked.formats) > 1 or (asked.formats and connection.out.as_json):
        raise InvalidRequestError("Name one of --csv, --json, --parquet and --xlsx.")
    if asked.formats:
        _write(connection, name, asked, query)
        return
    if asked.limit is not None or not connection.out.as_json:
        query["limit"] = str(DEFAULT_LIMIT if asked.limit is None else asked.limit)
    reply = connection.rest("GET", f"/reports/{name}", query=query, timeout_seconds=300.0)
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        print_report(connection, reply)


def _write(
    connection: Connection, name: str, asked: ReportOptions, query: Mapping[str, str]
) -> None:
    (kind,) = asked.formats
    more = {} if asked.limit is None else {"limit": str(asked.limit)}
    content = connection.rest_bytes(f"/reports/{name}/{kind}", query={**query, **more})
    write_file(connection, name, kind, content, asked.output)


def write_file(
    connection: Connection, name: str, kind: str, content: bytes, output: Path | None
) -> None:
    """Write a report into a file; CSV without a file goes to standard output."""
    if output is None and kind == "csv":
        sys.stdout.write(content.decode())
        return
    path = output or Path(f"{name}.{kind}")
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)
    connection.out.note(f"Wrote {path}.")


def print_report(connection: Connection, reply: Mapping[str, Any]) -> None:
    """Print a report for people."""
    for note in reply["notes"]:
        connection.out.line(note)
    if span := reply.get("span"):
        begins, ends = (moment(span[at], zone=connection.zone) for at in ("start_at", "end_at"))
        connection.out.line(f"From {begins} to {ends}, {connection.zone.key}.")
    columns = [column for column in reply["columns"] if not column["name"].endswith("_id")]
    currency = str(reply.get("currency") or "")
    names = [heading(column["name"]) for column in columns]
    cells = [
        _column([row[c["name"]] for row in reply["rows"]], c["unit"], currency) for c in columns
    ]
    connection.out.table(
        names,
        [list(row) for row in zip(*cells, strict=True)],
        right=frozenset(
            name for name, c in zip(names, columns, strict=True) if c["unit"] not in _TEXTS
        ),
    )
    shown, matched = len(reply["rows"]), reply["matched"]
    counted = f"{shown:,} of {plural(matched, 'row')}"
    facts = reply.get("facts") or {}
    if reply.get("where") and facts.get("total"):
        of = f"{facts['matched']:,} of {facts['total']:,} attempts"
        if reply["report"] == "usage":
            of = f"{facts['matched'] / facts['total'] * 100:.1f} % of the hours"
        counted += f", {of}"
    connection.out.line(f"{counted}.")


def heading(name: str) -> str:
    """Return a column's name as a heading."""
    for ending in ("_ms", "_bytes"):
        name = name.removesuffix(ending)
    return name.replace("_", " ").upper()


def _column(values: Sequence[Any], unit: str, currency: str) -> Sequence[Cell]:
    if unit == "money":
        return amounts(values, currency)
    return [_shown(value, unit) for value in values]


def _shown(value: Any, unit: str) -> Cell:
    if value is None:
        return NOTHING
    match unit:
        case "ms":
            return duration(value)
        case "bytes":
            return size(value)
        case "share":
            return f"{value * 100:.1f} %"
        case "ratio":
            return f"{value:.3f}"
        case "instant":
            return moment(value)
        case "count" | "number":
            return f"{value:,}"
        case _:
            return str(value)
