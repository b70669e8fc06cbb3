"""Groups: named sets of workers, which may overlap."""

from collections.abc import Iterable

from msgspec import Struct

from grange.kernel.ids import FarmId, WorkerId
from grange.kernel.units import Instant


class Group(Struct, frozen=True, kw_only=True):
    """A named set of workers. Who was in it when is in the books, as events."""

    farm_id: FarmId
    name: str
    workers: tuple[WorkerId, ...] = ()
    """Its members, ascending, each once."""
    created_at: Instant
    created_by: str
    updated_at: Instant | None = None
    updated_by: str | None = None


def members(workers: Iterable[WorkerId]) -> tuple[WorkerId, ...]:
    """Return workers as a group keeps them: adding one twice changes nothing."""
    return tuple(sorted(set(workers)))


def groups_of(groups: Iterable[Group], worker_id: WorkerId) -> tuple[str, ...]:
    """Return the names of the groups a worker is in, ascending."""
    return tuple(sorted(group.name for group in groups if worker_id in group.workers))
