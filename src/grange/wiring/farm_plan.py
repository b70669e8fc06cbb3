"""What an empty data folder is filled with."""

from collections.abc import Sequence
from dataclasses import dataclass

from grange.domain.farm import Farm
from grange.domain.rates import RateLine


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmPlan:
    """What an empty data folder is filled with."""

    farm: str = "Farm"
    queue: str = "default"
    fleet: str = "default"
    owner: str = "owner"
    """Name of the first user."""
    worker: str = "worker"
    """Name of the user whose key workers register with."""
    zone: str | None = None
    """IANA name; None: the machine's."""
    currency: str = "USD"
    rate_name: str = ""
    rates: tuple[RateLine, ...] = ()
    """Prices; none: hours only."""
    example_rates: bool = False


def own_farms(farms: Sequence[Farm]) -> list[Farm]:
    """Return the farms where work is done, if there are any; else those whose past is made up."""
    return [farm for farm in farms if not farm.simulated] or list(farms)
