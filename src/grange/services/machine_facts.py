"""What a worker tells of its machine over time: addresses, version, speed; events on change only.

Capability values may have letters, digits, `_` and `-` only, so a hardware address is told as
`mac-0123456789ab` and a version as `v1-2-3`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from grange.domain.work import Worker
from grange.services.draft import Draft
from grange.services.worker_events import worker_event

MAC = "grange:attr.worker.mac"
VERSION = "grange:attr.worker.version"


def mac_addresses_of(worker: Worker) -> tuple[str, ...]:
    """Return the hardware addresses a worker told, as `0123456789ab`."""
    return tuple(
        value.removeprefix("mac-") for value in worker.attributes.get(MAC, ()) if len(value) == 16
    )


def version_of(worker: Worker) -> str | None:
    """Return the version of Grange a worker told; None of a foreign agent."""
    told = worker.attributes.get(VERSION, ())
    return told[0].removeprefix("v").replace("-", ".") if told else None


def addresses_of(host_properties: Mapping[str, Any]) -> list[str]:
    """Return the IP addresses in a worker's host properties, in a fixed order."""
    told = host_properties.get("ipAddresses") or {}
    return sorted(
        [*(told.get("ipV4Addresses") or ()), *(told.get("ipV6Addresses") or ())],
        key=lambda one: (":" in one, one),
    )


def book_changes(draft: Draft, before: Worker | None, after: Worker) -> None:
    """Leave an event for each thing about the machine that is another than it was."""
    old = [] if before is None else addresses_of(before.host_properties)
    new = addresses_of(after.host_properties)
    if new and new != old:
        worker_event(draft, after, "worker_addresses", new=msgspec.json.encode(new).decode())
    version = version_of(after)
    if version is not None and (before is None or version != version_of(before)):
        worker_event(draft, after, "worker_version", new=version)
    if before is not None and after.ps_milli != before.ps_milli:
        worker_event(draft, after, "worker_speed", number=after.ps_milli)
