"""What the books do by the clock: seal, roll up, compact, delete what is no longer needed."""

from dataclasses import dataclass

from grange.books.manifest import Grain
from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.services.books.compaction import Compactor
from grange.services.books.reach import Reach, hours_to_roll
from grange.services.books.rolling import Roller, rolled_until
from grange.services.books.sealing import GRACE_MS, Sealer, sealed_view
from grange.services.books.shelf import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkept:
    """What was done."""

    rows_sealed: int = 0
    files_added: int = 0
    files_replaced: int = 0
    files_deleted: int = 0


class Upkeep:
    """Keeps the files of the books in order. One caller at a time; the rest wait."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.sealer = Sealer(shelf)
        self._compactor = Compactor(shelf)
        self._owed: dict[str, Reach] = {}
        """What was sealed and not rolled up yet touches, by farm."""

    def seal(
        self,
        now: Instant,
        *,
        force: bool = False,
        grain: Grain = Grain.HOUR,
        up_to: int | None = None,
        roll: bool = True,
    ) -> Upkept:
        """Seal finished hours (with `force`: everything) and roll them up, in one publication.

        Args:
            now: the current instant.
            force: also seal the running hour.
            grain: how long a span one file covers.
            up_to: seal no frame behind this sequence of the journal.
            roll: False leaves the rolling up to a later call of the same process.
        """
        with self.sealer.lock:
            publication, sealed = self.sealer.blocks(now, force=force, grain=grain, up_to=up_to)
            for farm_id, reach in sealed.reach.items():
                self._owed.setdefault(farm_id, Reach()).take(reach)
            owed = self._owed if roll else {}
            finished = finished_until(now)
            files = [*self._shelf.files(), *publication.add]
            for farm_id in sorted({row.farm_id for row in files}) if roll else ():
                view = sealed_view(self._shelf, farm_id, now, publication)
                hours = hours_to_roll(
                    view, owed.get(farm_id), rolled_until(files, farm_id), finished
                )
                if hours:
                    Roller(view, self._shelf.blocks, publication, now).roll(hours)
            if publication.add or publication.retire:
                self._shelf.publish(publication.add, publication.retire, now)
            if roll:
                self._owed = {}
        return Upkept(
            rows_sealed=sealed.row_count,
            files_added=len(publication.add),
            files_replaced=len(publication.retire),
        )

    def compact(self, now: Instant) -> Upkept:
        """Put files together and delete what is no longer needed."""
        with self.sealer.lock:
            done = self._compactor.compact(now)
            deleted = self._compactor.expire(now)
        return Upkept(
            files_added=len(done.add),
            files_replaced=len(done.retire),
            files_deleted=len(deleted),
        )

    def expire(self, now: Instant) -> Upkept:
        """Delete what is no longer needed."""
        with self.sealer.lock:
            return Upkept(files_deleted=len(self._compactor.expire(now)))


def finished_until(now: Instant) -> Instant:
    """Return the end of the last UTC hour that is sealed by now."""
    settled = now - GRACE_MS
    return Instant(settled - settled % MILLIS_PER_HOUR)
