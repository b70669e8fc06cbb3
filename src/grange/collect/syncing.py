"""Hour blocks copied from another server: what differs, and nothing else."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal
from urllib.parse import quote

from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.ports.farm_api import FarmApi

MOST_LINES = 50_000
"""About so many lines are copied at once."""
_DAY_MS = 24 * MILLIS_PER_HOUR
Outcome = Literal["copied", "kept"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A farm on a server."""

    api: FarmApi
    farm_id: str

    @property
    def path(self) -> str:
        """Where its streams are."""
        return f"/api/v1/farms/{quote(self.farm_id)}/streams"

    def hours(self, start: int, end: int) -> dict[tuple[str, str, str, int], dict[str, Any]]:
        """Return its hour blocks, by address."""
        query = {"since": str(start), "until": str(end)}
        reply = self.api.call(
            "GET", f"{self.path}/hours", query=query, service="grange", timeout_seconds=300.0
        )
        return {
            (row["stream"], row["kind"], row["machine"], row["start_at"]): row
            for row in reply["hours"]
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class HourCopy:
    """What became of one hour block that differs."""

    stream: str
    kind: str
    machine: str
    start_at: Instant
    lines: int
    outcome: Outcome
    """kept: the target holds more lines of this hour than the source."""


def sync(
    source: Place,
    target: Place,
    since: Instant,
    until: Instant,
    *,
    exact: bool = False,
    dry_run: bool = False,
) -> Iterator[HourCopy]:
    """Copy every hour block that is another one in the target; yield each as it is done.

    What is equal is passed over, so that an interrupted copy goes on where it was.

    Args:
        source: whose blocks are copied.
        target: whose blocks become the same.
        since: from when; the hour it lies in begins it.
        until: until when.
        exact: also where the target holds more lines than the source.
        dry_run: change nothing.
    """
    day = since - since % MILLIS_PER_HOUR
    while day < until:
        end = min(day + _DAY_MS, until)
        held = target.hours(day, end)
        for address, row in source.hours(day, end).items():
            own = held.get(address)
            if own is not None and own["content"] == row["content"]:
                continue
            more = own is not None and own["lines"] > row["lines"] and not exact
            if not (more or dry_run):
                _copy(source, target, address, max(row["lines"], own["lines"] if own else 0))
            stream, kind, machine, start = address
            yield HourCopy(
                stream=stream, kind=kind, machine=machine, start_at=Instant(start),
                lines=row["lines"], outcome="kept" if more else "copied",
            )  # fmt: skip
        day = end


def _copy(source: Place, target: Place, address: tuple[str, str, str, int], lines: int) -> None:
    """Copy one hour; one with very many lines in several pieces."""
    stream, kind, machine, start = address
    named: Mapping[str, str] = {"stream": stream, "kind": kind, "machine": machine}
    pieces = -(-lines // MOST_LINES)
    edges = [start + MILLIS_PER_HOUR * place // pieces for place in range(pieces + 1)]
    for begin, end in pairwise(edges):
        query = {**named, "start": str(begin), "end": str(end)}
        found = source.api.fetch(f"{source.path}/hours/lines", query=query, timeout_seconds=300.0)
        target.api.upload(
            f"{target.path}/lines/replaced", found, query=query, timeout_seconds=300.0
        )
