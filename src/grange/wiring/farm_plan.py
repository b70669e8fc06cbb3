"""What an empty data folder is filled with."""

from dataclasses import dataclass

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
