"""The latest sample of each worker, kept in memory for pages; the books hold all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grange.kernel.ids import WorkerId
from grange.kernel.units import Instant

FRESH_MS = 90_000
"""An older sample says nothing about now."""


@dataclass(frozen=True, slots=True)
class Latest:
    """What a worker last said about itself."""

    at: Instant
    cpu_milli: int | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    disk_free_bytes: int | None = None


class LatestSamples:
    """Remembers one sample per worker."""

    def __init__(self) -> None:
        self._by_worker: dict[WorkerId, Latest] = {}

    def note(self, worker_id: WorkerId, rows: Sequence[Mapping[str, Any]], now: Instant) -> None:
        """Take in samples as they were posted; they count as of now."""
        if not rows:
            return
        row = max(rows, key=lambda item: item.get("at") or 0)
        self._by_worker[worker_id] = Latest(
            now,
            row.get("cpu_milli"),
            row.get("memory_used_bytes"),
            row.get("memory_total_bytes"),
            row.get("disk_free_bytes"),
        )

    def of(self, worker_id: WorkerId, now: Instant) -> Latest | None:
        """Return a worker's latest sample if it is fresh."""
        found = self._by_worker.get(worker_id)
        return found if found is not None and now - found.at <= FRESH_MS else None
