"""`grange graph`: a picture of the farm's books, or of streams."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.jobs import find_job
from grange.cli.spans import end_option, start_option
from grange.kernel.errors import InvalidRequestError

GRAPHS = ("worker-states", "cpu", "frame-times")
_FORMATS = ("png", "svg", "csv")
_EXAMPLES = """\b
Examples:
  grange graph worker-states --start 2h -o states.svg
  grange graph --stream archive --start 7d -o archive.png
  grange graph --all --machine ada,bob --combine --now 2026-01-31T12:00 -o all.csv
"""


def stream_options(command: Any) -> Any:
    """Give a command the options that choose streams."""
    for option in reversed(
        (
            click.option("--stream", "streams", multiple=True, metavar="NAME",
                         help="A log stream, by name or pattern; may be repeated."),
            click.option("--all", "every", is_flag=True, help="All log streams (of the machines)."),
            click.option("--group", metavar="NAME", help="A group of streams.toml."),
            click.option("--series", multiple=True, metavar="NAME",
                         help="A series of logged values, by name or pattern."),
            click.option("--machine", "machines", multiple=True, metavar="NAMES",
                         help="Only these machines: names, patterns or tags of streams.toml."),
            click.option("--type", "kind", type=click.Choice(["rx", "tx", "other"]),
                         help="Only sources (rx), clients (tx) or other logs."),
            click.option("--product", "products", multiple=True, metavar="PATTERNS",
                         help="Only these product types."),
            click.option("--measure", "measures", multiple=True, metavar="NAMES",
                         help="latency, bytes, files, errors, late; else all."),
            click.option("--combine", is_flag=True, help="Add the streams up into one."),
            click.option("--individual", is_flag=True,
                         help="One file for each stream; --output is a folder."),
            click.option("--hours", type=click.FloatRange(min=0, min_open=True), metavar="N",
                         help="How long, without --start. Default: 12."),
            click.option("--now", "now", metavar="WHEN", help="The same as --end."),
            click.option("--scale", type=click.Choice(["auto", "linear", "log"]), default="auto",
                         show_default=True, help="Of values."),
            click.option("--language", type=click.Choice(["en", "fr"]), default="en",
                         show_default=True, help="Of words in the picture."),
            click.option("--config", type=click.Path(path_type=Path), metavar="FILE",
                         help="streams.toml, for groups and tags; else where it is looked for."),
        )
    ):  # fmt: skip
        command = option(command)
    return command


@click.command("graph", epilog=_EXAMPLES)
@click.argument("name", type=click.Choice(GRAPHS), required=False)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File, .png, .svg or .csv.")
@click.option("--job", metavar="JOB", help="Only this job (frame-times).")
@start_option
@end_option
@stream_options
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True)
@click.option("--width", type=click.IntRange(200, 8000), default=1000, show_default=True)
@click.option(
    "--height", type=click.IntRange(100, 8000), help="Default: as high as it needs to be."
)
@with_farm
def command(
    connection: Connection,
    /,
    *,
    name: str | None,
    output: Path | None,
    job: str | None,
    start: str | None,
    end: str | None,
    theme: str,
    width: int,
    height: int | None,
    now: str | None,
    individual: bool,
    **chosen: Any,
) -> None:
    """Draw worker states, CPU, frame times, or log streams as a file.

    Streams are drawn as PNG or SVG, or listed as CSV: lowest, mean, highest and total of each slot.
    Without --output the file has a name that follows from what was asked.
    """
    query = {"theme": theme, "width": str(width)}
    if height is not None:
        query["height"] = str(height)
    if end is not None and now is not None:
        raise InvalidRequestError("Give either --end or --now.")
    query |= connection.span(start, end or now)
    if name is not None:
        _farm_graph(connection, name, output, query, job)
        return
    series = chosen.pop("series")
    if series:
        path = _series_graph(connection, series, output, query, chosen)
        connection.out.line(f"Wrote {path}.")
        return
    asked = _asked(**chosen)
    names = _streams(connection, asked, query) if individual else [None]
    written = [_stream_graph(connection, asked, query, output, one) for one in names]
    if connection.out.as_json:
        connection.out.data({"paths": [str(path) for path in written]})
    else:
        for path in written:
            connection.out.line(f"Wrote {path}.")


def _farm_graph(
    connection: Connection,
    name: str,
    output: Path | None,
    query: Mapping[str, str],
    job: str | None,
) -> None:
    path = output or Path(f"{name}.png")
    kind = _kind_of(path, ("png", "svg"))
    asked = dict(query)
    if job is not None:
        asked["job"] = find_job(connection, job)
    picture = connection.rest_bytes(f"/graphs/{name}.{kind}", query=asked)
    _write(path, picture)
    if connection.out.as_json:
        connection.out.data({"path": str(path), "bytes": len(picture)})
    else:
        connection.out.line(f"Wrote {path}.")


def _series_graph(
    connection: Connection,
    series: tuple[str, ...],
    output: Path | None,
    query: Mapping[str, str],
    chosen: Mapping[str, Any],
) -> Path:
    """Write a graph of logged values; --measure names sources then."""
    path = output or Path(_file_name(f"series_{'+'.join(series)}", ".png"))
    asked = {
        "series": ",".join(series),
        "sources": ",".join(chosen["measures"]),
        "hours": "" if chosen["hours"] is None else str(chosen["hours"]),
        "combine": "true" if chosen["combine"] else "",
        "scale": chosen["scale"],
        "language": chosen["language"],
        **query,
    }
    if chosen["streams"] or chosen["every"] or chosen["group"]:
        raise InvalidRequestError("Draw either series or log streams.")
    kind = _kind_of(path, _FORMATS)
    content = connection.rest_bytes(
        f"/streams/value-graphs/graph.{kind}",
        query={key: value for key, value in asked.items() if value},
    )
    _write(path, content)
    return path


def _stream_graph(
    connection: Connection,
    asked: Mapping[str, str],
    query: Mapping[str, str],
    output: Path | None,
    one: tuple[str, str] | None,
) -> Path:
    """Write one graph of streams; of a pair (kind, name) into a folder."""
    if one is None:
        path = output or Path(_usual_name(asked))
        whole = {**query, **asked}
    else:
        kind, stream = one
        path = (output or Path()) / _file_name(f"{kind}_{stream}", ".png")
        whole = {**query, **asked, "kind": kind, "streams": stream}
    content = connection.rest_bytes(
        f"/streams/graphs/graph.{_kind_of(path, _FORMATS)}", query=whole
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, content)
    return path


def _asked(
    *,
    streams: tuple[str, ...],
    every: bool,
    group: str | None,
    machines: tuple[str, ...],
    kind: str | None,
    products: tuple[str, ...],
    measures: tuple[str, ...],
    combine: bool,
    hours: float | None,
    scale: str,
    language: str,
    config: Path | None,
) -> dict[str, str]:
    """Return the query that options mean.

    Raises:
        InvalidRequestError: nothing to draw was named, or too much.
    """
    from grange.config.streams import load_streams  # noqa: PLC0415 - for graphs of streams alone

    if sum((bool(streams), every, group is not None)) != 1:
        raise InvalidRequestError(
            "Say what to draw: a NAME, or one of --stream, --all, --group and --series."
        )
    section = load_streams(config).graphs
    limit = section.latency_limit_seconds
    asked = {
        "streams": ",".join(streams),
        "machines": ",".join(section.machines(_parts(machines))),
        "kind": kind or "",
        "products": ",".join(products),
        "measures": ",".join(measures),
        "hours": "" if hours is None else str(hours),
        "scale": scale,
        "language": language,
        "latency_limit_seconds": str(limit),
        "combine": "true" if combine or group is not None else "",
    }
    if group is not None:
        found = next((one for one in section.groups if one.name == group), None)
        if found is None:
            known = ", ".join(one.name for one in section.groups) or "none"
            raise InvalidRequestError(f"streams.toml has no group {group!r}; it has: {known}.")
        asked |= {
            "name": found.name,
            "streams": ",".join(found.streams),
            "kind": kind or found.kind or "",
            "machines": asked["machines"] or ",".join(section.machines(found.machines)),
            "products": asked["products"] or ",".join(found.products),
        }
    return {key: value for key, value in asked.items() if value}


def _streams(
    connection: Connection, asked: Mapping[str, str], query: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield kind and name of every stream that is asked for."""
    names = ("start", "end", "hours", "streams", "kind", "machines")
    chosen = {key: value for key, value in {**query, **asked}.items() if key in names}
    known = connection.rest("GET", "/streams/names", query={"hours": "12", **chosen})
    yield from ((kind, stream) for kind, stream in known["streams"])


def _parts(named: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.strip() for text in named for part in text.split(",") if part.strip())


def _usual_name(asked: Mapping[str, str]) -> str:
    words = (
        asked.get("kind", "all"),
        (asked.get("name") or asked.get("streams", "all")).replace(",", "+"),
        asked.get("measures", "all").replace(",", "+"),
        f"{asked.get('hours', '12')}h",
        asked.get("machines", "all").replace(",", "+"),
    )
    return _file_name("_".join(words), ".png")


def _file_name(text: str, suffix: str) -> str:
    from grange.books.graphs.names import safe_name  # noqa: PLC0415

    return safe_name(text, suffix)


def _kind_of(path: Path, known: tuple[str, ...]) -> str:
    kind = path.suffix.lower().removeprefix(".")
    if kind not in known:
        raise InvalidRequestError(f"{path}: the name must end in .{', .'.join(known)}.")
    return kind


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name[:100]}.partial")
    partial.write_bytes(content)
    partial.replace(path)
