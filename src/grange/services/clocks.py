"""Workers whose clocks differ from the farm's: a finding, told once when it begins and ends."""

from grange.domain.effects import Publish
from grange.domain.work import Worker
from grange.services.draft import Draft

SKEW_MS = 5_000
"""A clock that is further off is a finding. Times are put on the server's clock all the same."""


def is_skewed(behind_ms: int | None) -> bool:
    """Return True if a clock that is so far behind the server's (or ahead: negative) is wrong."""
    return behind_ms is not None and abs(behind_ms) > SKEW_MS


def watch_clock(draft: Draft, worker: Worker, behind_ms: int) -> None:
    """Take note of how far a worker's clock is behind; leave an event where that matters."""
    memory = draft.memory
    was_wrong = is_skewed(memory.clock_behind_ms.get(worker.worker_id))
    memory.clock_behind_ms[worker.worker_id] = behind_ms
    is_wrong = is_skewed(behind_ms)
    if was_wrong == is_wrong:
        return
    draft.event(
        "worker",
        worker.worker_id,
        "clock_skew",
        worker.farm_id,
        old="wrong" if was_wrong else "right",
        new="wrong" if is_wrong else "right",
        worker_id=worker.worker_id,
        fleet_id=worker.fleet_id,
        number=behind_ms,
    )
    draft.effect(Publish(worker.farm_id, worker_id=worker.worker_id))
