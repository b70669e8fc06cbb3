"""The server's own samples, one for each minute of a past in which it always ran."""

from typing import Any

from grange.kernel.units import MILLIS_PER_HOUR, MILLIS_PER_MINUTE, Instant
from grange.simulation.machines import GIB

SERVER = "simulated-server"


def server_samples(
    farm_id: str, since: Instant, until: Instant, workers: int
) -> list[dict[str, Any]]:
    """Return the rows of the minutes that ended in (since, until].

    Args:
        farm_id: the farm.
        since: end of the minutes before.
        until: the present.
        workers: how many there are: the more, the busier the server.
    """
    first = (since // MILLIS_PER_MINUTE + 1) * MILLIS_PER_MINUTE
    rows = []
    for at in range(first, until + 1, MILLIS_PER_MINUTE):
        wave = (at // MILLIS_PER_MINUTE * 7919) % 97
        rows.append(
            {
                "farm_id": farm_id,
                "server": SERVER,
                "at": Instant(at),
                "coverage_ms": MILLIS_PER_MINUTE,
                "machine_cpu_milli": 40 + workers // 4 + wave,
                "process_cpu_milli": 20 + workers // 6 + wave // 2,
                "memory_used_bytes": 3 * GIB + wave * (GIB // 400),
                "process_memory_bytes": GIB // 3 + workers * 40_000,
                "disk_free_bytes": 900 * GIB - at // MILLIS_PER_HOUR % 4096 * (GIB // 64),
                "temperature_milli_c": 36_000 + wave * 20,
            }
        )
    return rows
