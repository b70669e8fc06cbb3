"""What a worker offers, and whether it can do what a layer demands."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from msgspec import Struct

from grange.domain.licences import PoolKey, Region
from grange.domain.routing import CLASS, GROUP
from grange.domain.work import Requirement, Worker
from grange.kernel.ids import WorkerId
from grange.scheduling.blocks import Block, Unmet
from grange.scheduling.words import none_of, not_all, too_little, too_much

RENDERER = "grange:attr.renderer"
"""Renderers that are installed."""
NOBODY = WorkerId("")
MEMORY = "amount.worker.memory"
GPU = "amount.worker.gpu"
CORES = "amount.worker.vcpu"

_BLOCKS: Mapping[str, Block] = {
    GROUP: Block.GROUP,
    CLASS: Block.CLASS,
    RENDERER: Block.RENDERER,
    MEMORY: Block.MEMORY,
    GPU: Block.GPU,
    "amount.worker.gpu.memory": Block.GPU,
}


@dataclass(frozen=True, slots=True)
class Capability:
    """What a worker can do; workers with equal capabilities are asked about once."""

    amounts: tuple[tuple[str, float], ...]
    attributes: tuple[tuple[str, tuple[str, ...]], ...]
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Keep the hash: a decision asks for it many times."""
        object.__setattr__(self, "_hash", hash((self.amounts, self.attributes)))

    def __hash__(self) -> int:
        return self._hash


class Offer(Struct, frozen=True):
    """What one free thread of a worker offers now."""

    capability: Capability
    worker_id: WorkerId = NOBODY
    region: Region = Region.DEFAULT
    free_memory_mib: float | None = None
    """What other sessions leave; None: there are none, or its memory is not known."""
    free_gpus: float | None = None
    """As `free_memory_mib`."""
    free_cores: float | None = None
    """As `free_memory_mib`: processor threads."""
    held: tuple[PoolKey, ...] = ()
    """Pools the thread's session holds a seat of, which would be free."""
    payer: tuple[str, str] | None = None
    """Project and user of the thread's session, who would have a thread less."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a layer demands of a worker; equal demands are looked at once."""

    requirement: Requirement
    memory_mib: int = 0
    """Kept for it beside other sessions."""
    gpus: int = 0
    cores: int = 0
    """Processor threads kept for it beside other sessions."""
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Keep the hash: a decision asks for it many times."""
        parts = (self.requirement, self.memory_mib, self.gpus, self.cores)
        object.__setattr__(self, "_hash", hash(parts))

    def __hash__(self) -> int:
        return self._hash


def demand_of(
    requirement: Requirement,
    reserve_mib: int | None,
    reserve_cores: int | None = None,
) -> Demand:
    """Return what a layer demands: what it says, or more if its frames took more."""
    least = {name: minimum for name, minimum, _ in requirement.amounts if minimum is not None}
    return _demand(
        requirement,
        max(int(least.get(MEMORY, 0)), reserve_mib or 0),
        int(least.get(GPU, 0)),
        reserve_cores or 0,
    )


def capability_of(worker: Worker, groups: Iterable[str] = ()) -> Capability:
    """Return the capability of a worker. Names compare in lower case.

    Args:
        worker: the worker; classes set by hand count instead of those it tells.
        groups: the groups it is in.
    """
    attributes = {name.lower(): tuple(values) for name, values in worker.attributes.items()}
    attributes[GROUP] = tuple(groups)
    if worker.classes is not None:
        attributes[CLASS] = worker.classes
    return _capability(
        tuple(sorted((name.lower(), value) for name, value in worker.amounts.items())),
        tuple(sorted(item for item in attributes.items() if item[1])),
    )


# Workers and layers that are alike share one object: the same one is found faster than an equal one
_capability = lru_cache(maxsize=4_096)(Capability)
_demand = lru_cache(maxsize=4_096)(Demand)


def satisfies(capability: Capability, requirement: Requirement) -> bool:
    """True if the worker's capability meets every part of the requirement."""
    return first_unmet(capability, requirement) is None


def unmet(capability: Capability, requirement: Requirement) -> str | None:
    """Return the first demand the capability does not meet, in words, or None."""
    found = first_unmet(capability, requirement)
    return None if found is None else found.text


def first_unmet(capability: Capability, requirement: Requirement) -> Unmet | None:
    """Return the first demand the capability does not meet, in the order reasons are given."""
    found = list(_unmet(capability, requirement))
    return min(found, key=lambda one: one.block.position, default=None)


def demand_without(demand: Demand, block: Block) -> Demand:
    """Return a demand without what a worker is blocked by for this reason."""
    requirement = demand.requirement
    return Demand(
        Requirement(
            amounts=tuple(one for one in requirement.amounts if block_of(one[0]) is not block),
            attributes=tuple(
                one for one in requirement.attributes if block_of(one[0]) is not block
            ),
            prefers=requirement.prefers,
        ),
        memory_mib=0 if block is Block.MEMORY else demand.memory_mib,
        gpus=0 if block is Block.GPU else demand.gpus,
        cores=0 if block is Block.REQUIREMENT else demand.cores,
    )


def prefers(capability: Capability, requirement: Requirement) -> bool:
    """True if the worker is one that the layer would rather have, or it does not mind."""
    if not requirement.prefers:
        return True
    offered = dict(capability.attributes)
    return all(
        _lower(offered.get(name, ())) & _lower(any_of) for name, any_of in requirement.prefers
    )


def block_of(name: str) -> Block:
    """Return the reason that a worker without this capability is blocked by."""
    return _BLOCKS.get(name, Block.REQUIREMENT)


def _unmet(capability: Capability, requirement: Requirement) -> Iterable[Unmet]:
    amounts: Mapping[str, float] = dict(capability.amounts)
    for name, minimum, maximum in requirement.amounts:
        offered = amounts.get(name, 0.0)
        if minimum is not None and offered < minimum:
            text = too_little(name, offered, minimum)
        elif maximum is not None and offered > maximum:
            text = too_much(name, offered, maximum)
        else:
            continue
        yield Unmet(block_of(name), text)
    attributes: Mapping[str, tuple[str, ...]] = dict(capability.attributes)
    for name, any_of, all_of in requirement.attributes:
        values = _lower(attributes.get(name, ()))
        if any_of and not values & _lower(any_of):
            text = none_of(name, any_of)
        elif all_of and not _lower(all_of) <= values:
            text = not_all(name, all_of)
        else:
            continue
        yield Unmet(block_of(name), text)


def _lower(values: Iterable[str]) -> set[str]:
    return {value.lower() for value in values}
