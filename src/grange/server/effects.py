"""Performs what a committed batch asks for: wakes workers, tells the pages. Cannot fail or wait."""

from collections.abc import Callable, Sequence

from grange.domain.effects import CloseLog, DeliverHooks, Effect, Publish, WakeFleet, WakeWorker
from grange.kernel.ids import FleetId
from grange.services.wake import Wakes

Touch = Callable[[str, str, str], None]
"""(farm id, event name, subject id)."""


class Effects:
    """What the owner calls after each commit."""

    def __init__(self, wakes: Wakes) -> None:
        self._wakes = wakes
        self.touch: Touch | None = None
        """Set once there are pages to tell."""
        self.committed: Callable[[], None] | None = None
        """Set once somebody waits for facts in the outbox."""
        self.deliver: Callable[[], None] | None = None
        """Set once hooks are told."""

    async def perform(self, effects: Sequence[Effect]) -> None:
        """Perform the effects of one batch."""
        if self.committed is not None:
            self.committed()
        waiting: dict[FleetId, int] = {}
        for effect in effects:
            match effect:
                case WakeWorker(worker_id):
                    self._wakes.wake_worker(worker_id)
                case WakeFleet(fleet_id, count):
                    waiting[fleet_id] = count  # the latest is how many there are now
                case Publish():
                    self._publish(effect)
                case DeliverHooks():
                    if self.deliver is not None:
                        self.deliver()
                case CloseLog():
                    continue  # a sweep compresses idle logs, for late lines may still come
        for fleet_id, count in waiting.items():
            self._wakes.wake_fleet(fleet_id, count)

    def _publish(self, effect: Publish) -> None:
        if self.touch is None:
            return
        if effect.job_id is not None:
            self.touch(effect.farm_id, "job", effect.job_id)
        if effect.worker_id is not None:
            self.touch(effect.farm_id, "worker", effect.worker_id)
