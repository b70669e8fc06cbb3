"""`grange streams series|archive`: series of logged values, and archives of ten years."""

import base64
import json
from pathlib import Path
from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import NOTHING, moment
from grange.cli.spans import end_option, start_option
from grange.kernel.errors import InvalidRequestError

_TYPES = ("GAUGE", "COUNTER", "DERIVE", "ABSOLUTE")
_FIGURES = ("average", "minimum", "maximum", "last", "total", "known_seconds")


@click.group("series")
def series() -> None:
    """Set up series of logged values; show, export and import their archives."""


@series.command("ls", epilog="Example: grange streams series ls")
@with_farm
def list_series(connection: Connection) -> None:
    """List the series of the farm."""
    reply = connection.rest("GET", "/series")
    if connection.out.as_json:
        connection.out.data(reply)
        return
    connection.out.table(
        ["SERIES", "STEP", "HEARTBEAT", "SOURCES", "ARCHIVES"],
        [
            [
                row["name"],
                f"{row['step_seconds']} s",
                f"{row['heartbeat_seconds']} s",
                ", ".join(source["label"] for source in row["sources"]),
                row["profile"] or f"{len(row['archives'])} own",
            ]
            for row in reply["series"]
        ],
        right=frozenset({"STEP", "HEARTBEAT"}),
    )


@series.command("show", epilog="Example: grange streams series show machine-room")
@click.argument("name")
@with_farm
def show_series(connection: Connection, name: str) -> None:
    """Show the sources and archives of a series."""
    row = connection.rest("GET", f"/series/{name}")
    if connection.out.as_json:
        connection.out.data(row)
        return
    connection.out.line(
        f"{row['name']}: a step is {row['step_seconds']} s, the longest silence "
        f"{row['heartbeat_seconds']} s."
    )
    connection.out.table(
        ["INDEX", "LABEL", "TYPE", "MINIMUM", "MAXIMUM", "FROM"],
        [
            [
                str(source["index"]),
                source["label"],
                source["ds_type"],
                _limit(source["minimum"]),
                _limit(source["maximum"]),
                f"{source['address']} {source['value_id']}".strip() or NOTHING,
            ]
            for source in row["sources"]
        ],
        right=frozenset({"INDEX", "MINIMUM", "MAXIMUM"}),
    )
    for text in row["archives"]:
        connection.out.line(text)


@series.command(
    "set",
    epilog="Example: grange streams series set machine-room --source Temperature --source "
    "Power:COUNTER:0:U --step 300 --archives janitoo",
)
@click.argument("name")
@click.option(
    "--source",
    "sources",
    metavar="LABEL[:TYPE[:MIN:MAX]]",
    multiple=True,
    required=True,
    help=f"A value of the series, in order. TYPE is {', '.join(_TYPES)} (default: GAUGE); "
    "U is no limit.",
)
@click.option("--step", type=click.IntRange(1), default=300, show_default=True, metavar="SECONDS")
@click.option(
    "--heartbeat",
    type=click.IntRange(1),
    metavar="SECONDS",
    help="The longest silence that is still known; default: two steps.",
)
@click.option(
    "--archives",
    metavar="PROFILE|RRA,…",
    default="janitoo",
    show_default=True,
    help="metpx, janitoo, home, or texts like RRA:AVERAGE:0.5:1:1440 with commas between.",
)
@click.option("--new", is_flag=True, help="Refuse a name that is taken.")
@with_farm
def set_series(
    connection: Connection,
    /,
    *,
    name: str,
    sources: tuple[str, ...],
    step: int,
    heartbeat: int | None,
    archives: str,
    new: bool,
) -> None:
    """Set up a series, or change its labels and limits and add sources at the end."""
    reply = connection.rest(
        "PUT",
        f"/series/{name}",
        query={"new": "true"} if new else None,
        body={
            "sources": [_source(text) for text in sources],
            "step_seconds": step,
            "heartbeat_seconds": heartbeat,
            "archives": archives.split(",") if ":" in archives else archives,
        },
    )
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        connection.out.line(f"Set {name}." if reply["changed"] else f"{name} is so already.")


@series.command("rm", epilog="Example: grange streams series rm machine-room")
@click.argument("name")
@with_farm
def remove_series(connection: Connection, name: str) -> None:
    """Remove a series and its archives; its values stay in the books."""
    connection.rest("DELETE", f"/series/{name}")
    if not connection.out.as_json:
        connection.out.line(f"Removed {name}.")


@series.command(
    "rows", epilog="Example: grange streams series rows machine-room --start 7d --step 3600"
)
@click.argument("name")
@click.option("--stream", is_flag=True, help="NAME is a log stream.")
@click.option("--kind", type=click.Choice(("rx", "tx", "other")), help="Of a log stream.")
@click.option("--machine", "machines", multiple=True, help="Whose logs; default: all machines'.")
@click.option("--step", type=click.IntRange(1), metavar="SECONDS", help="Rows may be this long.")
@start_option
@end_option
@with_farm
def show_rows(
    connection: Connection,
    /,
    *,
    name: str,
    stream: bool,
    kind: str | None,
    machines: tuple[str, ...],
    step: int | None,
    start: str | None,
    end: str | None,
) -> None:
    """Show what the archives keep of a span; unknown is left empty."""
    now = connection.clock.now()
    span = connection.span(start or "24h", end)
    query = {"since": span["start"], "until": span.get("end", str(now))}
    query["stream" if stream else "series"] = name
    if kind is not None:
        query["kind"] = kind
    if machines:
        query["machines"] = ",".join(machines)
    if step is not None:
        query["step_seconds"] = str(step)
    reply = connection.rest("GET", "/streams/ring-rows", query=query)
    if connection.out.as_json:
        connection.out.data(reply)
        return
    rows = []
    for place, at in enumerate(reply["starts_at"]):
        for source in reply["sources"]:
            if source["known_seconds"][place]:
                found = [_figure(source.get(name, []), place) for name in _FIGURES]
                rows.append([moment(at), source["label"], *found])
    titles = [name.replace("_", " ").upper() for name in _FIGURES]
    connection.out.table(["FROM", "SOURCE", *titles], rows, right=frozenset(titles))


@series.command("export", epilog="Example: grange streams series export machine-room room.xml")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@with_farm
def export_series(connection: Connection, name: str, file: Path) -> None:
    """Write rrdtool's XML, and beside it the totals; `rrdtool restore FILE X.rrd` reads it."""
    content = connection.rest_bytes(f"/series/{name}/rrd")
    totals = connection.rest("GET", f"/series/{name}/totals")
    beside = file.with_suffix(".totals.json")
    file.write_bytes(content)
    beside.write_text(json.dumps(totals), encoding="utf-8")
    if connection.out.as_json:
        connection.out.data({"xml": str(file), "totals": str(beside)})
    else:
        connection.out.line(f"Wrote {file} and {beside}.")


@series.command("import", epilog="Example: grange streams series import old-room room.xml")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--totals",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Totals of an export; without them totals of the past are unknown.",
)
@with_farm
def import_series(connection: Connection, name: str, file: Path, totals: Path | None) -> None:
    """Set up a series from the output of `rrdtool dump`, with everything its archives hold."""
    reply = connection.rest(
        "POST",
        f"/series/{name}/rrd",
        body={
            "xml": base64.b64encode(file.read_bytes()).decode(),
            "totals": None if totals is None else json.loads(totals.read_text(encoding="utf-8")),
        },
        timeout_seconds=300.0,
    )
    if connection.out.as_json:
        connection.out.data(reply)
    else:
        connection.out.line(f"Set up {name} with {reply['rows']} rows.")


@click.command("archive", epilog="Example: grange streams archive")
@click.option("--again", is_flag=True, help="Compute every row whose facts are kept anew.")
@click.option("--list", "listed", is_flag=True, help="Only list the archives.")
@with_farm
def archive(connection: Connection, /, *, again: bool, listed: bool) -> None:
    """Put what has come into the archives of streams; the server does so every half minute."""
    if listed:
        reply = connection.rest("GET", "/streams/rings", timeout_seconds=300.0)
        if connection.out.as_json:
            connection.out.data(reply)
            return
        connection.out.table(
            ["ARCHIVE", "MACHINE", "SOURCES", "FROM", "UNTIL", "SIZE", "PROBLEMS"],
            [
                [
                    row["series"] or f"{row['kind']} {row['stream']}",
                    row["machine"] or NOTHING,
                    str(row["sources"]),
                    moment(row["first_at"]),
                    moment(row["last_at"]),
                    f"{row['byte_count'] / 1024:.0f} KiB",
                    "; ".join(row["problems"]) or NOTHING,
                ]
                for row in reply["rings"]
            ],
            right=frozenset({"SOURCES", "SIZE"}),
        )
        return
    query = {"again": "true"} if again else None
    reply = connection.rest("POST", "/streams/rings/feed", query=query, timeout_seconds=3600.0)
    if connection.out.as_json:
        connection.out.data(reply)
        return
    connection.out.line(
        f"More in the archives of {reply['series']} series and {reply['streams']} log streams; in "
        f"{reply['late']} of them past rows were computed again."
    )
    for damaged in reply["damaged"]:
        connection.out.line(f"Damaged, put aside: {damaged}. Rows older than the facts are lost.")


def _source(text: str) -> dict[str, Any]:
    """Return the source of a text like Power:COUNTER:0:U."""
    label, *rest = text.split(":")
    if not label or len(rest) not in {0, 1, 3} or (rest and rest[0] not in _TYPES):
        raise InvalidRequestError(
            f"{text!r} is no source. Write LABEL, LABEL:TYPE or LABEL:TYPE:MIN:MAX, e.g. "
            "Power:COUNTER:0:U."
        )
    limits = [_bound(text, part) for part in rest[1:]] or [None, None]
    return {
        "label": label,
        "ds_type": rest[0] if rest else "GAUGE",
        "minimum": limits[0],
        "maximum": limits[1],
    }


def _bound(text: str, part: str) -> float | None:
    if part == "U":
        return None
    try:
        return float(part)
    except ValueError:
        raise InvalidRequestError(f"{part!r} in {text!r} is no number; U is no limit.") from None


def _limit(value: float | None) -> str:
    return NOTHING if value is None else f"{value:g}"


def _figure(column: list[float | None], place: int) -> str:
    value = column[place] if place < len(column) else None
    return "" if value is None else f"{value:.6g}"
