"""What a worker tells the farm about its machine."""

import re
from collections.abc import Sequence
from ipaddress import IPv6Address
from typing import Any

from grange.domain.renderers import ATTRIBUTE
from grange.ports.host import Inventory
from grange.worker.registry import Found
from grange.worker.settings import WorkerSettings

POWER = "grange:attr.worker.power"
"""What the worker can do to its machine."""
_MIB = 2**20
_GIB = 1024 * _MIB
_MOST_CARDS = 8
_MOST_PROGRAMS = 10
"""The wire carries no more values of one attribute."""


def host_properties(inventory: Inventory, settings: WorkerSettings) -> dict[str, Any]:
    """Return the wire's hostProperties: the worker's name and the machine's addresses."""
    v4 = [one for one in inventory.ip_addresses if ":" not in one]
    # The wire wants all eight groups, in capitals, without a zone.
    v6 = [
        IPv6Address(one.partition("%")[0]).exploded.upper()
        for one in inventory.ip_addresses
        if ":" in one
    ]
    properties: dict[str, Any] = {"hostName": settings.name or inventory.host_name}
    if v4 or v6:
        properties["ipAddresses"] = {"ipV4Addresses": v4, "ipV6Addresses": v6}
    return properties


def capabilities(
    inventory: Inventory, settings: WorkerSettings, programs: Sequence[Found] = ()
) -> dict[str, Any]:
    """Return the wire's capabilities. What is not known is left out.

    Args:
        inventory: what the machine is.
        settings: what the worker was told.
        programs: the renderers it has.
    """
    amounts: dict[str, float] = {
        "amount.worker.vcpu": inventory.logical_cores,
        "amount.worker.memory": inventory.memory_bytes // _MIB,
        "amount.worker.gpu": inventory.gpus,
        "amount.worker.gpu.memory": inventory.gpu_memory_mib,
        "amount.worker.disk.scratch": inventory.scratch_bytes // _GIB,
        "grange:amount.worker.jobthreads": settings.threads,
        "grange:amount.worker.cores": inventory.physical_cores,
        "grange:amount.worker.ps": settings.relative_speed,
    }
    if inventory.ghz is not None:
        amounts["grange:amount.worker.ghz"] = inventory.ghz
    if settings.watts is not None:
        amounts["grange:amount.worker.watts"] = settings.watts
    attributes = {
        "attr.worker.os.family": inventory.os_family,
        "attr.worker.cpu.arch": inventory.cpu_arch,
    }
    told = [{"name": name, "values": [value]} for name, value in attributes.items()]
    # Values have letters, digits, `_` and `-` only.
    told.append({"name": "grange:attr.worker.version", "values": [f"v{_plain(settings.version)}"]})
    if inventory.mac_addresses:
        macs = [f"mac-{one}" for one in inventory.mac_addresses[:_MOST_CARDS]]
        told.append({"name": "grange:attr.worker.mac", "values": macs})
    if settings.power_commands:
        told.append({"name": POWER, "values": sorted(settings.power_commands)})
    if programs:
        keys = sorted({one.key for one in programs})
        told.append({"name": ATTRIBUTE, "values": keys[:_MOST_PROGRAMS]})
    return {
        "amounts": [{"name": name, "value": float(value)} for name, value in amounts.items()],
        "attributes": told,
    }


def _plain(version: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "-", version)
