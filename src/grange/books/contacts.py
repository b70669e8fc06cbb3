"""Contact with a worker, from its events: connects, addresses, wake-ups (S0-35 to S0-37)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_MINUTE, Instant

WAKE_PATIENCE_MS = 30 * MILLIS_PER_MINUTE
"""A worker that is not online by then did not wake up."""
ONLINE = "STARTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """One magic packet and what became of it."""

    at: int
    success: bool | None
    """None: it is still in progress."""
    online_ms: int | None
    """How long until the worker was online."""
    by: str


def wakes(events: Sequence[Mapping[str, Any]], now: Instant) -> list[Wake]:
    """Return the wake-ups of one worker, newest first. An online event closes the latest.

    Args:
        events: the worker's events, oldest first.
        now: the present.
    """
    found: list[Wake] = []
    tries = [event for event in events if event["name"] == "worker_wake"]
    online = [
        event["at"]
        for event in events
        if event["name"] == "worker_status" and event["new"] == ONLINE
    ]
    for place, event in enumerate(tries):
        at = event["at"]
        until = min(
            at + WAKE_PATIENCE_MS, tries[place + 1]["at"] if place + 1 < len(tries) else now + 1
        )
        came = next((moment for moment in online if at <= moment < until), None)
        going = came is None and place + 1 == len(tries) and now < at + WAKE_PATIENCE_MS
        found.append(
            Wake(
                at=at,
                success=None if going else came is not None,
                online_ms=None if came is None else came - at,
                by=event["actor"],
            )
        )
    return found[::-1]


def failed_tries(found: Iterable[Wake]) -> int:
    """Return how many tries since the last success had none; the latest may be in progress.

    Args:
        found: wake-ups, newest first.
    """
    count = 0
    for wake in found:
        if wake.success:
            break
        count += 1
    return count


def addresses(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the addresses of one worker, newest first; one that stayed has one row.

    Args:
        events: the worker's events, oldest first.
    """
    found: list[dict[str, Any]] = []
    before: list[str] = []
    for event in events:
        if event["name"] != "worker_addresses":
            continue
        now: list[str] = msgspec.json.decode(event["new"]) if event["new"] else []
        found.extend({"ip_address": one, "since": event["at"]} for one in now if one not in before)
        before = now
    return found[::-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A worker was in a group for a time."""

    group: str
    worker_id: str
    start: Instant
    end: Instant | None
    """None: it still is."""

    def covers(self, at: int) -> bool:
        """Return whether it held at an instant."""
        return self.start <= at and (self.end is None or at < self.end)


def memberships(events: Iterable[Mapping[str, Any]]) -> list[Membership]:
    """Return who was in which group when, from the events of groups, oldest first (rule 11.4)."""
    open_at: dict[tuple[str, str], Instant] = {}
    found: list[Membership] = []
    for event in events:
        key = (event["group"], event["worker_id"])
        if event["name"] == "group_joined":
            open_at.setdefault(key, event["at"])
        elif key in open_at:
            found.append(
                Membership(group=key[0], worker_id=key[1], start=open_at.pop(key), end=event["at"])
            )
    found.extend(
        Membership(group=group, worker_id=worker_id, start=start, end=None)
        for (group, worker_id), start in open_at.items()
    )
    return sorted(found, key=lambda one: (one.group, one.worker_id, one.start))


def members_over(found: Iterable[Membership], span: Span) -> dict[str, list[Membership]]:
    """Return the memberships that hold at some time in a span, by group."""
    by_group: dict[str, list[Membership]] = {}
    for one in found:
        if one.start < span.end and (one.end is None or one.end > span.start):
            by_group.setdefault(one.group, []).append(one)
    return by_group
