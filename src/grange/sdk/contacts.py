"""Contact with workers, groups and licence pools, as a script sees them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from grange.domain.licences import Region
from grange.kernel.units import Instant, datetime_of, instant_of
from grange.sdk.history import Asks, moment_in


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeAttempt:
    """One magic packet (ledger S0-37)."""

    at: datetime
    success: bool | None
    """None: still in progress."""
    online_seconds: float | None
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContact:
    """What is known of the contact with a worker (ledger S0-35 to S0-37)."""

    name: str
    worker_id: str
    index: int
    version: str | None
    last_contact_at: datetime | None
    last_connect_at: datetime | None
    ip_history: tuple[tuple[IPv4Address | IPv6Address, datetime], ...]
    """Newest first, each with when it was first seen."""
    wake_failed_tries: int
    """Since the last success; the latest may be in progress."""
    last_wake_at: datetime | None
    wakes: tuple[WakeAttempt, ...]
    """Newest first."""
    ps: float


class Contacts(Mapping[str, WorkerContact]):
    """Contact by the worker's name."""

    def __init__(self, asks: Asks) -> None:
        self._found = {}
        zone = asks.zone
        for row in asks.ask("contacts", "/contacts")["contacts"]:
            if row["deleted"]:
                continue
            self._found[row["name"]] = WorkerContact(
                name=row["name"],
                worker_id=row["worker_id"],
                index=row["index"],
                version=row["version"],
                last_contact_at=moment_in(zone, row["last_contact_at"]),
                last_connect_at=moment_in(zone, row["last_connect_at"]),
                ip_history=tuple(
                    (
                        ip_address(one["ip_address"]),
                        datetime_of(Instant(one["since"])).astimezone(zone),
                    )
                    for one in row["ip_history"]
                ),
                wake_failed_tries=row["wake_failed_tries"],
                last_wake_at=moment_in(zone, row["last_wake_at"]),
                wakes=tuple(
                    WakeAttempt(
                        at=datetime_of(Instant(one["at"])).astimezone(zone),
                        success=one["success"],
                        online_seconds=None
                        if one["online_ms"] is None
                        else one["online_ms"] / 1000,
                        by=one["by"],
                    )
                    for one in row["wakes"]
                ),
                ps=row["ps"],
            )

    def __getitem__(self, name: str) -> WorkerContact:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


class Groups(Mapping[str, frozenset[str]]):
    """Groups as sets of worker names (ledger S0-39, S0-40)."""

    def __init__(self, asks: Asks) -> None:
        self._answer: dict[str, Any] = asks.ask("groups", "/groups")
        self._zone = asks.zone

    def __getitem__(self, name: str) -> frozenset[str]:
        for group in self._answer["groups"]:
            if group["name"] == name:
                return frozenset(member["name"] for member in group["members"])
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (group["name"] for group in self._answer["groups"])

    def __len__(self) -> int:
        return len(self._answer["groups"])

    def of(self, worker: str) -> tuple[str, ...]:
        """Return the groups a worker is in, by its name."""
        return tuple(name for name in self if worker in self[name])

    def indices(self, name: str) -> str:
        """Return the indices of a group's members, with commas between."""
        for group in self._answer["groups"]:
            if group["name"] == name:
                return ",".join(
                    str(member["index"])
                    for member in group["members"]
                    if member["index"] is not None
                )
        raise KeyError(name)

    def members_at(self, name: str, when: datetime) -> frozenset[str]:
        """Return the ids of who was in a group at a time: later edits do not change it."""
        at = instant_of(when)
        return frozenset(
            one["worker_id"]
            for one in self._answer["memberships"]
            if one["group"] == name
            and one["start_at"] <= at
            and (one["end_at"] is None or at < one["end_at"])
        )

    @property
    def settings_at(self) -> datetime | None:
        """When groups were last changed."""
        return moment_in(self._zone, self._answer["settings_at"])


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionLicences:
    """What holds in a region (ledger S0-38)."""

    is_set: bool
    """False: it has the default's terms."""
    limit: int | None
    """None: unlimited."""
    cost: Decimal
    """Price of one licence for an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LicencePools(Mapping[tuple[str, str, str], Mapping[Region, RegionLicences]]):
    """Licence pools by application, plugin and version."""

    pools: Mapping[tuple[str, str, str], Mapping[Region, RegionLicences]]

    @classmethod
    def of(cls, asks: Asks) -> "LicencePools":
        """Return the pools of a farm."""
        return cls(
            pools={
                (row["app"], row["plugin"], row["version"]): {
                    Region(name): RegionLicences(
                        is_set=told["is_set"],
                        limit=None if told["unlimited"] else told["count"],
                        cost=Decimal(told["cost"]),
                    )
                    for name, told in row["regions"].items()
                }
                for row in asks.ask("licence_pools", "/licences")["pools"]
            }
        )

    def __getitem__(self, key: tuple[str, str, str]) -> Mapping[Region, RegionLicences]:
        return self.pools[key]

    def __iter__(self) -> Iterator[tuple[str, str, str]]:
        return iter(self.pools)

    def __len__(self) -> int:
        return len(self.pools)
