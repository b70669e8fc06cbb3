"""`grange streams datalog`: log values of MQTT and of this machine, and look after that."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import rich_click as click
import urllib3

from grange.cli.connection import Connection, with_farm, with_output
from grange.cli.exits import require_extra
from grange.cli.formatting import NOTHING, moment
from grange.cli.output import Output
from grange.config.streams import load_streams, streams_file
from grange.config.streams_datalog import DatalogSection
from grange.kernel.errors import (
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    ThrottledError,
    UnreachableError,
)
from grange.wiring.parent import end_with

_SECONDS = 60.0

config_option = click.option(
    "--config", "file", metavar="FILE", type=click.Path(path_type=Path),
    help="The settings of streams; default: streams.toml in the platform's folder.",
)  # fmt: skip


@click.group()
def datalog() -> None:
    """Log values of MQTT and of this machine; flush, add, remove and count them."""


@datalog.command("run", epilog="Example: grange streams datalog run --config streams.toml")
@config_option
@click.option("--parent", type=int, hidden=True, help="End when this process, the parent, does.")
@with_farm
def run(connection: Connection, *, file: Path | None, parent: int | None) -> None:
    """Log values until Ctrl-C. A change of the settings is taken over as it runs."""
    section = load_streams(file).datalog
    if not section.broker and not section.host_values:
        raise ConfigurationError(
            "Nothing is logged: name a broker, or set host_values = true, under [datalog] of"
            f" {file or streams_file()}."
        )
    require_extra("collect")
    from grange.wiring.datalog import run_datalog  # noqa: PLC0415 - not in the base install
    from grange.wiring.logs import log_to_stderr  # noqa: PLC0415 - with it

    log_to_stderr("info")
    end_with(parent)
    path = file or streams_file()
    run_datalog(
        section,
        reread=lambda: load_streams(file).datalog,
        changed=lambda: path.stat().st_mtime_ns if path.exists() else 0,
        api=connection.api if section.server else None,
        farm_id=connection.farm_id if section.server else "",
        say=connection.out.note,
    )


@datalog.command("declare", epilog="Example: grange streams datalog declare")
@config_option
@with_farm
def declare_series(connection: Connection, *, file: Path | None) -> None:
    """Set up the series of streams.toml at the server, which keeps archives of them then.

    It needs an owner's key; the data logger itself may do with a worker's.
    """
    section = load_streams(file).datalog
    require_extra("collect")
    from grange.wiring.datalog import configured, declare  # noqa: PLC0415 - not in the base install

    _, series = configured(section)
    done = {one.name: declare(connection.api, connection.farm_id, one) for one in series}
    if connection.out.as_json:
        connection.out.data(done)
        return
    for name, changed in done.items():
        connection.out.line(f"{name} {'is set up.' if changed else 'was set up already.'}")


def _reader(name: str, example: str, text: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Return a decorator for a command that asks the running logger."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        made = datalog.command(name, epilog=f"Example: {example}", help=text)
        found: click.Command = made(config_option(with_output(function)))
        return found

    return decorate


@_reader(
    "status",
    "grange streams datalog status",
    "Show how the data logger does, and what it counted. Exit code 1: it is not well.",
)
def status(out: Output, *, file: Path | None) -> int:
    """Show health and counts."""
    section = load_streams(file).datalog
    health, counts = _ask(section, "GET", "/health"), _ask(section, "GET", "/counts")
    if out.as_json:
        out.data({"health": health, "counts": counts})
    else:
        out.fields(
            {
                "logger": health["logger"],
                "broker": health["broker"],
                "server": health["server"],
                "last kept": moment(health["last_kept_at"]) if health["last_kept_at"] else NOTHING,
            }
        )
        flat = {**counts, **counts["received"]}
        out.fields(
            {name.replace("_", " "): value for name, value in flat.items() if name != "received"}
        )
        for problem in health["problems"]:
            out.line(f"Not well: {problem}")
    return 0 if health["healthy"] else 1


@_reader(
    "index", "grange streams datalog index", "List the series that are alive, and their files."
)
def index(out: Output, *, file: Path | None) -> None:
    """List series."""
    found = _ask(load_streams(file).datalog, "GET", "/index.json")
    if out.as_json:
        out.data(found)
        return
    out.table(
        ["SERIES", "STEP", "SOURCES", "FILE"],
        [
            [one["name"], f"{one['step_seconds']} s", ", ".join(one["labels"]), one["file"]]
            for one in found
        ],
    )


@_reader(
    "show",
    "grange streams datalog show due",
    "Show cached, due, timers or settings of the running data logger.",
)
@click.argument("what", type=click.Choice(["cached", "due", "timers", "settings", "counts"]))
def show(out: Output, *, file: Path | None, what: str) -> None:
    """Show one thing as JSON."""
    out.data(_ask(load_streams(file).datalog, "GET", f"/{what}"))


@_reader(
    "flush",
    "grange streams datalog flush rack1",
    "Put finished rows of one series, or of all, in their files; the newest row stays.",
)
@click.argument("series", required=False)
def flush(out: Output, *, file: Path | None, series: str | None) -> None:
    """Flush."""
    found = _act(file, "flush", {"series": series} if series else {})
    _tell(out, found, f"{found['rows']} rows went to files.")


@_reader(
    "do",
    "grange streams datalog do rotate",
    "Do now what timers do: rotate, dump, retire; or reload the settings.",
)
@click.argument("action", type=click.Choice(["rotate", "dump", "retire", "reload"]))
def do(out: Output, *, file: Path | None, action: str) -> None:
    """Do one thing."""
    found = _act(file, action, {})
    _tell(out, found, " ".join(f"{name}: {value}" for name, value in found.items()))


@_reader(
    "add",
    "grange streams datalog add rack1 '0001/0000|temperature|0|GAUGE|Rack 1'",
    "Add a series: a name, and a text ADDRESS|VALUE|INDEX|TYPE|LABEL for each source.",
)
@click.argument("series")
@click.argument("sources", nargs=-1, required=True)
@click.option("--step", type=click.IntRange(min=1), default=300, help="Seconds; default 300.")
@click.option(
    "--heartbeat", type=click.IntRange(min=0), default=0, help="Seconds; default: two steps."
)
@click.option("--archives", default="janitoo", help="A profile, or RRA texts; default janitoo.")
def add(
    out: Output,
    *,
    file: Path | None,
    series: str,
    sources: tuple[str, ...],
    step: int,
    heartbeat: int,
    archives: str,
) -> None:
    """Add a series."""
    body = {
        "name": series,
        "sources": list(sources),
        "step_seconds": step,
        "heartbeat_seconds": heartbeat,
        "archives": archives,
    }
    found = _act(file, "add", body)
    _tell(out, found, f"{series} is logged." if found["added"] else f"{series} was there already.")


@_reader(
    "remove",
    "grange streams datalog remove rack1",
    "Remove a series and its file from this logger.",
)
@click.argument("series")
def remove(out: Output, *, file: Path | None, series: str) -> None:
    """Remove a series."""
    _tell(out, _act(file, "remove", {"series": series}), f"Removed {series}.")


@_reader(
    "set",
    "grange streams datalog set cache_ttl_seconds=600",
    "Change settings of the running data logger; they stay until the file says otherwise.",
)
@click.argument("settings", nargs=-1, required=True, metavar="NAME=VALUE…")
def change(out: Output, *, file: Path | None, settings: tuple[str, ...]) -> None:
    """Change settings."""
    changes: dict[str, int | str] = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidRequestError(f"{text!r} is not NAME=VALUE.")
        changes[name.strip()] = int(value) if value.strip().isdigit() else value.strip()
    out.data(_act(file, "settings", changes))


@_reader(
    "timer",
    "grange streams datalog timer flush stop",
    "Start or stop a timer: rotate, flush, dump, dead, host.",
)
@click.argument("name")
@click.argument("wanted", type=click.Choice(["start", "stop"]))
def timer(out: Output, *, file: Path | None, name: str, wanted: str) -> None:
    """Start or stop a timer."""
    found = _act(file, "timer", {"timer": name, "running": wanted == "start"})
    _tell(out, found, f"Timer {name} {'runs' if wanted == 'start' else 'stands still'}.")


def _tell(out: Output, found: Any, line: str) -> None:
    if out.as_json:
        out.data(found)
    else:
        out.line(line)


def _act(file: Path | None, action: str, body: Mapping[str, Any]) -> Any:
    return _ask(load_streams(file).datalog, "POST", f"/actions/{action}", body)


def _ask(
    section: DatalogSection, method: str, path: str, body: Mapping[str, Any] | None = None
) -> Any:
    """Ask the data logger that runs on this machine.

    Raises:
        UnreachableError: it does not answer.
        InvalidRequestError: it would not do that.
    """
    require_extra("collect")
    from grange.wiring.datalog import door_of, logger_folder  # noqa: PLC0415 - not in the base

    folder = logger_folder(section)
    address, token = door_of(folder)
    try:
        with urllib3.PoolManager(retries=False) as pool:
            answer = pool.request(
                method,
                address + path,
                body=None if body is None else json.dumps(body).encode(),
                headers={"authorization": f"Bearer {token}"},
                timeout=_SECONDS,
            )
            content = answer.data
    except urllib3.exceptions.HTTPError as error:
        raise UnreachableError(
            f"The data logger of {folder} does not answer at {address}: is it running?"
        ) from error
    found = json.loads(content)
    if answer.status in {200, 503}:
        return found
    message = found["error"]["message"]
    if answer.status == 404:
        missing = NotFoundError("series", path)
        missing.args = (message,)
        raise missing
    if answer.status == 429:
        raise ThrottledError(message)
    raise InvalidRequestError(message)
