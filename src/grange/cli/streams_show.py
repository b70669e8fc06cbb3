"""`grange streams ls|slots|hours|block|cursors|tail|prune`: look at log streams, and clean up."""

import csv
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm, with_output
from grange.cli.formatting import NOTHING, duration, moment, plural, size
from grange.cli.output import Output
from grange.cli.spans import parse_when
from grange.cli.streams_collect import KINDS, collect_section, config_option
from grange.kernel.errors import InvalidRequestError, NotFoundError
from grange.kernel.units import MILLIS_PER_HOUR, datetime_of, instant_of

_ADDRESS = re.compile(r"(.+)/(\d{8})/(rx|tx|other)/(.+)_([01]\d|2[0-3])")
_FIGURES = ("min", "max", "mean", "median", "total")


@click.command("ls", epilog="Example: grange streams ls")
@with_farm
def list_streams(connection: Connection) -> None:
    """List the log streams in the books, with their machines and the latest line."""
    reply = connection.rest("GET", "/streams", timeout_seconds=300.0)
    if connection.out.as_json:
        connection.out.data(reply)
        return
    connection.out.table(
        ["STREAM", "KIND", "MACHINE", "LINES", "ERRORS", "SIZE", "FIRST", "LATEST"],
        [
            [one["stream"], one["kind"], one["machine"], one["lines"], one["errors"],
             size(one["bytes"]), moment(one["first_at"]), moment(one["last_at"])]
            for one in reply["streams"]
        ],
        right=frozenset({"LINES", "ERRORS", "SIZE"}),
    )  # fmt: skip


@click.command("slots", epilog="Example: grange streams slots feed --kind tx --since 2h --step 600")
@click.argument("streams", metavar="[STREAM]...", nargs=-1)
@click.option("--kind", type=KINDS, help="Only sources (rx), clients (tx) or others.")
@click.option("--machine", "machines", metavar="NAME", multiple=True, help="Only of these.")
@click.option("--product", "products", metavar="NAME", multiple=True, help="E.g. '*WXB*'.")
@click.option("--measure", "measures", metavar="NAME", multiple=True,
              help="latency, bytes, errors, files or late.")  # fmt: skip
@click.option("--group", metavar="NAME", help="Add all streams up under this name.")
@click.option("--since", metavar="WHEN", default="1h", show_default=True, help="From when on.")
@click.option("--until", metavar="WHEN", default="0m", help="Until when; default: now.")
@click.option("--step", type=click.IntRange(1, 86_400), default=60, show_default=True,
              help="Seconds of a slot.")  # fmt: skip
@click.option("--limit", type=click.FloatRange(0), default=15.0, show_default=True,
              help="A file is late above so many seconds.")  # fmt: skip
@with_farm
def slots(
    connection: Connection,
    *,
    streams: Sequence[str],
    kind: str | None,
    machines: Sequence[str],
    products: Sequence[str],
    measures: Sequence[str],
    group: str | None,
    since: str,
    until: str,
    step: int,
    limit: float,
) -> None:
    """Print slots of log streams as CSV: least, most, mean, median, total of each measure."""
    now = connection.clock.now()
    begin = parse_when(since, now)
    query = {
        "since": str(begin - begin % (step * 1000)), "until": str(parse_when(until, now)),
        "streams": ",".join(streams), "machines": ",".join(machines),
        "products": ",".join(products), "measures": ",".join(measures),
        "step_seconds": str(step), "latency_limit_seconds": str(limit),
        **({"kind": kind} if kind else {}), **({"group": group} if group else {}),
    }  # fmt: skip
    reply = connection.rest("GET", "/streams/slots", query=query, timeout_seconds=300.0)
    for missing in reply["missing"]:
        connection.out.note(f"There is no line of {missing}.")
    if connection.out.as_json:
        connection.out.data(reply)
        return
    columns = [
        (measure, name)
        for measure in reply["measures"]
        for name in (_FIGURES if measure in {"latency", "bytes"} else ("total",))
    ]
    table = csv.writer(sys.stdout)
    table.writerow(["stream", "kind", "slot", *(f"{one}_{name}" for one, name in columns)])
    for row in reply["rows"]:
        at = datetime_of(row["slot_at"]).isoformat()
        table.writerow(
            [row["stream"], row["kind"] or "", at, *(row[one][name] for one, name in columns)]
        )


@click.command("hours", epilog="Example: grange streams hours feed --since 1d")
@click.argument("stream", required=False)
@click.option("--since", metavar="WHEN", default="1d", show_default=True, help="From when on.")
@with_farm
def hours(connection: Connection, *, stream: str | None, since: str) -> None:
    """List hour blocks by their address STREAM/DATE/KIND/MACHINE_HOUR, with a hash of each."""
    now = connection.clock.now()
    query = {"since": str(parse_when(since, now)), "until": str(now + MILLIS_PER_HOUR)}
    if stream is not None:
        query["stream"] = stream
    reply = connection.rest("GET", "/streams/hours", query=query, timeout_seconds=300.0)
    if connection.out.as_json:
        connection.out.data(
            {"hours": [{**row, "address": address_of(row)} for row in reply["hours"]]}
        )
        return
    connection.out.table(
        ["BLOCK", "LINES", "ERRORS", "SIZE", "CONTENT"],
        [
            [address_of(row), row["lines"], row["errors"], size(row["bytes"]), row["content"][:12]]
            for row in reply["hours"]
        ],
        right=frozenset({"LINES", "ERRORS", "SIZE"}),
    )


def address_of(row: Mapping[str, Any]) -> str:
    """Return the address of an hour block: STREAM/DATE/KIND/MACHINE_HOUR, in UTC."""
    at = datetime_of(row["start_at"])
    return f"{row['stream']}/{at:%Y%m%d}/{row['kind']}/{row['machine']}_{at:%H}"


def block_at(address: str) -> dict[str, str]:
    """Return what an address of an hour block means, as a query.

    Raises:
        InvalidRequestError: it is none.
    """
    wrong = InvalidRequestError(
        f"{address!r} is no block. Write STREAM/DATE/KIND/MACHINE_HOUR,"
        " e.g. feed/20261122/tx/node1_06."
    )
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise wrong
    try:
        day = datetime.strptime(found[2], "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        raise wrong from None
    at = day + timedelta(hours=int(found[5]))
    return {
        "stream": found[1],
        "kind": found[3],
        "machine": found[4],
        "start": str(instant_of(at)),
    }


@click.command("block", epilog="Example: grange streams block feed/20261122/tx/node1_06")
@click.argument("address")
@with_farm
def block(connection: Connection, address: str) -> None:
    """Print what is in an hour block: every minute of it, as text."""
    place = block_at(address)
    start = int(place["start"])
    query = {
        "since": str(start), "until": str(start + MILLIS_PER_HOUR), "streams": place["stream"],
        "machines": place["machine"], "kind": place["kind"],
    }  # fmt: skip
    reply = connection.rest("GET", "/streams/slots", query=query, timeout_seconds=300.0)
    if connection.out.as_json:
        connection.out.data(reply)
        return
    if not reply["rows"]:
        raise NotFoundError("block", address)
    out = connection.out
    for row in reply["rows"]:
        out.line(f"{datetime_of(row['slot_at']):%H:%M}  {_said(row)}")


def _said(row: Mapping[str, Any]) -> str:
    if not row["coverage_ms"]:
        return "unknown"
    parts = []
    for measure, told in row.items():
        if not isinstance(told, dict):
            continue
        if "count" not in told:
            parts.append(f"{measure} {told['total']}")
        elif told["count"]:
            show = duration if measure == "latency" else size
            worst = told["most"]
            parts.append(
                f"{measure} {show(told['min'])}–{show(told['max'])}, mean {show(told['mean'])},"
                f" median {show(told['median'])}, total {show(told['total'])}"
                f" (most: {worst['object']} at {datetime_of(worst['at']):%H:%M:%S})"
            )
    return "; ".join(parts) or "nothing"


@click.command("cursors", epilog="Example: grange streams cursors")
@config_option
@with_output
def cursors(out: Output, *, file: Path | None) -> None:
    """Show how far this machine has read its logs, and when."""
    section = collect_section(file)
    from msgspec import to_builtins  # noqa: PLC0415 - only here

    from grange.wiring.collect import cursor_store  # noqa: PLC0415 - needs grange[collect]

    found = list(cursor_store(section).all())
    if out.as_json:
        out.data(to_builtins(found))
        return
    for one in found:
        back = f", set back to {moment(one.rewind_to)}" if one.rewind_to is not None else ""
        out.line(
            f"{one.stream} ({one.kind}, {one.machine}): collected {moment(one.updated_at)},"
            f" latest line {moment(one.last_at)}{back}"
        )
        for log in one.files:
            out.line(f"    {log.path}: {log.offset} bytes read")


@click.command("tail", epilog="Example: grange streams tail feed -n 20")
@config_option
@click.argument("stream")
@click.option("-n", "count", type=click.IntRange(1), default=10, show_default=True,
              help="How many lines.")  # fmt: skip
@with_output
def tail(out: Output, *, file: Path | None, stream: str, count: int) -> None:
    """Print the last lines of a stream's newest log on this machine."""
    section = collect_section(file)
    from grange.wiring.collect import tail_of  # noqa: PLC0415 - needs grange[collect]

    lines = tail_of(section, stream, count)
    if out.as_json:
        out.data(lines)
        return
    for line in lines:
        print(line)


@click.command("prune", epilog="Example: grange streams prune --older-than 21d --dry-run")
@click.option("--older-than", metavar="WHEN", default="21d", show_default=True,
              help="Everything before the hour this lies in.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")
@with_farm
def prune(connection: Connection, *, older_than: str, dry_run: bool) -> None:
    """Delete old log lines now; by themselves they go after 21 days (grange books retention).

    Archives keep what was made of them.
    """
    until = parse_when(older_than, connection.clock.now())
    reply = connection.rest(
        "POST", "/streams/lines/prune", body={"until": until, "dry_run": dry_run},
        timeout_seconds=300.0,
    )  # fmt: skip
    if connection.out.as_json:
        connection.out.data(reply)
        return
    verb = "would go" if dry_run else "are gone"
    first = moment(reply["first_at"]) if reply["first_at"] is not None else NOTHING
    connection.out.line(
        f"{plural(reply['lines'], 'line')} of {plural(reply['hours'], 'hour block')} {verb}"
        f" (since {first})."
    )
