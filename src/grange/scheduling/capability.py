"""Whether a worker can do what a layer demands."""

from collections.abc import Mapping
from dataclasses import dataclass

from grange.domain.work import Requirement, Worker


@dataclass(frozen=True, slots=True)
class Capability:
    """What a worker offers; workers with equal capabilities share one class."""

    amounts: tuple[tuple[str, float], ...]
    attributes: tuple[tuple[str, tuple[str, ...]], ...]


def capability_of(worker: Worker) -> Capability:
    """Return the capability class of a worker. Names compare in lower case."""
    return Capability(
        amounts=tuple(sorted((name.lower(), value) for name, value in worker.amounts.items())),
        attributes=tuple(
            sorted((name.lower(), tuple(values)) for name, values in worker.attributes.items())
        ),
    )


def satisfies(capability: Capability, requirement: Requirement) -> bool:
    """True if the worker's capability meets every part of the requirement."""
    return unmet(capability, requirement) is None


def unmet(capability: Capability, requirement: Requirement) -> str | None:
    """Return the first demand the capability does not meet, in words, or None."""
    amounts: Mapping[str, float] = dict(capability.amounts)
    for name, minimum, maximum in requirement.amounts:
        offered = amounts.get(name, 0.0)
        if minimum is not None and offered < minimum:
            return f"{name} is {offered:g}, at least {minimum:g} is needed"
        if maximum is not None and offered > maximum:
            return f"{name} is {offered:g}, at most {maximum:g} is allowed"
    attributes: Mapping[str, tuple[str, ...]] = dict(capability.attributes)
    for name, any_of, all_of in requirement.attributes:
        values = {value.lower() for value in attributes.get(name, ())}
        if any_of and not values & {value.lower() for value in any_of}:
            return f"{name} must be one of {', '.join(any_of)}"
        if all_of and not {value.lower() for value in all_of} <= values:
            return f"{name} must have all of {', '.join(all_of)}"
    return None
