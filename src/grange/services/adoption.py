"""A simulated farm moves in: its files first, then its rows, and the farm itself last."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from grange.domain.farm import Farm, Fleet, Queue, QueueEnvironment, QueueFleetAssociation
from grange.domain.rates import RateCard
from grange.domain.work import Job, Layer, Session, SessionAction, Task, Worker
from grange.kernel.errors import NotFoundError
from grange.ports.state import Compare, ManifestRow, StateStore
from grange.services.audit import ACTING
from grange.services.commands.adoption import AdoptRows
from grange.services.owner import Owner

_FIRST = (Queue, Fleet, QueueFleetAssociation, QueueEnvironment, RateCard, Worker)
_OF_JOB = (Job, Layer, Task, Session, SessionAction)


async def simulated_farm(store: StateStore) -> Farm:
    """Return the simulated farm that a store holds.

    Raises:
        NotFoundError: it holds none.
    """
    for farm in await store.find(Farm):
        if farm.simulated:
            return farm
    raise NotFoundError("simulated farm", "")


async def move_in(
    source: StateStore,
    owner: Owner,
    publish: Callable[[Farm, Sequence[ManifestRow]], Awaitable[object]],
) -> Farm:
    """Take the simulated farm of another data folder into this server.

    Args:
        source: the folder's state.
        owner: decides here.
        publish: takes the farm's files into the books.

    Raises:
        NotFoundError: the folder holds no simulated farm.
        ConflictError: the farm is here already.
    """
    farm = await simulated_farm(source)
    await owner.ask(AdoptRows(farm=farm, rows=()))  # refuses at once what cannot be taken in
    await publish(farm, [row for row in await source.manifest() if row.farm_id == farm.farm_id])
    # The audit log has one entry for all this: that of the farm itself, which comes last.
    acting = ACTING.set(None)
    try:
        await _move_rows(source, owner, farm)
    finally:
        ACTING.reset(acting)
    await owner.ask(AdoptRows(farm=farm, rows=(farm,)))
    return farm


async def _move_rows(source: StateStore, owner: Owner, farm: Farm) -> None:
    of_farm = Compare("farm_id", "=", farm.farm_id)
    rows: list[Any] = [row for kind in _FIRST for row in await source.find(kind, of_farm)]
    await owner.ask(AdoptRows(farm=farm, rows=rows))
    by_job: dict[str, list[Any]] = defaultdict(list)
    for kind in _OF_JOB:
        rows = await source.find(kind, of_farm)
        for row in rows:
            by_job[row.job_id].append(row)
    for found in by_job.values():
        # One job after the other, so that whoever waits for the owner waits for one at most.
        await owner.ask(AdoptRows(farm=farm, rows=found))
