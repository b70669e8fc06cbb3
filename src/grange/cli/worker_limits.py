"""`grange worker limits`: what rendering may use of this machine now, and when that changes."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import rich_click as click

from grange.cli.connection import with_output
from grange.cli.formatting import plural
from grange.cli.output import Output
from grange.config.client import default_worker_dir
from grange.kernel.errors import InvalidRequestError
from grange.kernel.units import Instant, instant_of, iso8601
from grange.wiring.client import machine_zone, system_clock
from grange.worker.limits import FILE, Rules, read_profile

_MIB = 2**20


@click.command("limits", epilog="Example: grange worker limits --at 2026-06-01T08:00")
@click.option(
    "--data",
    "data_dir",
    type=click.Path(path_type=Path),
    help="The worker's folder; limits.toml in it says what holds.",
)
@click.option("--at", "when", metavar="TIME", help="Another moment, in the machine's zone.")
@click.option("--logged-in/--logged-off", default=True, help="Whether somebody is logged in.")
@with_output
def command(out: Output, /, *, data_dir: Path | None, when: str | None, logged_in: bool) -> None:
    """Print what rendering may use of this machine now, and when that changes."""
    zone = ZoneInfo(machine_zone())
    path = (data_dir or default_worker_dir()).absolute() / FILE
    profile = read_profile(path, zone)
    at = system_clock().now() if when is None else _moment(when, zone)
    rules = profile.at(at, user_logged_in=logged_in)
    change = profile.next_change(at)
    if out.as_json:
        out.data(
            {
                "at": iso8601(at),
                "closed": rules.closed or None,
                "stops_what_runs": rules.stop,
                "memory_bytes": rules.limits.memory_bytes,
                "cores": rules.limits.cores,
                "next_change_at": None if change is None else iso8601(change),
            }
        )
        return
    if not path.exists():
        out.line(f"There is no {path}: nothing is limited.")
        return
    out.line(_said(rules))
    if change is not None:
        then = profile.at(change, user_logged_in=logged_in)
        local = datetime.fromtimestamp(change / 1000, UTC).astimezone(zone)
        out.line(f"From {local:%a %Y-%m-%d %H:%M}: {_said(then)}")


def _said(rules: Rules) -> str:
    memory, cores = rules.limits.memory_bytes, rules.limits.cores
    parts = [
        "memory without limit" if memory is None else f"{memory // _MIB} MiB of memory",
        "all cores" if cores is None else plural(cores, "core"),
    ]
    if rules.closed:
        parts.insert(0, f"takes no work ({rules.closed})")
    return ", ".join(parts)


def _moment(text: str, zone: ZoneInfo) -> Instant:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequestError(f"--at {text}: write for example 2026-06-01T08:00.") from error
    return instant_of(moment if moment.tzinfo is not None else moment.replace(tzinfo=zone))
