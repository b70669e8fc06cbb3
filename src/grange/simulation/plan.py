"""What is simulated: how large the studio is, for how long, and who is in it."""

import random
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from grange.kernel.units import MILLIS_PER_DAY, Instant, datetime_of

_NAMES = (
    "ada", "ben", "chloe", "david", "emil", "farah", "george", "hanna", "ivan", "julia", "karl",
    "lena", "marek", "nora", "oskar", "paula", "quentin", "rosa", "samir", "tessa", "ulf", "vera",
    "wanda", "xenia", "yusuf", "zoe", "anton", "bea", "cem", "dora", "elif", "finn", "greta",
    "hugo", "ines", "jonas", "kaya", "leo", "mila", "noah",
)  # fmt: skip
_PROJECTS = (
    "harvest", "lanterns", "orchard", "tideline", "mill", "barley", "northwind", "thicket",
)  # fmt: skip
DEPARTMENTS = ("lighting", "comp", "effects", "lookdev", "animation")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudioPlan:
    """A studio and the span of its past."""

    seed: int = 1
    workers: int = 8
    start: Instant
    end: Instant
    zone: str = "Europe/Berlin"
    currency: str = "EUR"
    farm: str = "Studio"
    attempts_per_worker_day: float = 18.0
    """How much is submitted."""
    samples: bool = True
    """False: machines send no samples, which makes the past smaller."""

    @property
    def days(self) -> float:
        """How long the past is."""
        return (self.end - self.start) / MILLIS_PER_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Artist:
    """Somebody who submits jobs."""

    name: str
    department: str
    machine: str
    weight: float
    """How much he submits, relative to others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who is in the studio and what they work on."""

    artists: tuple[Artist, ...]
    projects: tuple[str, ...]


def people_of(plan: StudioPlan) -> People:
    """Return the studio's people and projects."""
    rng = random.Random(f"people {plan.seed}")  # noqa: S311 - a simulation, no secrets
    count = max(5, min(len(_NAMES), plan.workers // 4))
    artists = tuple(
        Artist(
            name=name,
            department=DEPARTMENTS[number % len(DEPARTMENTS)],
            machine=f"ws{number + 1:03d}",
            weight=rng.lognormvariate(0, 0.6),
        )
        for number, name in enumerate(_NAMES[:count])
    )
    return People(artists=artists, projects=_PROJECTS[: max(3, min(8, plan.workers // 25))])


class Calendar:
    """Local time of the studio."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)

    def hour(self, at: Instant) -> float:
        """Return the hour of the local day, 0 to 24."""
        local = datetime_of(at).astimezone(self._zone)
        return local.hour + local.minute / 60 + local.second / 3600

    def weekend(self, at: Instant) -> bool:
        """Return True on Saturdays and Sundays."""
        return datetime_of(at).astimezone(self._zone).weekday() >= 5

    def appetite(self, at: Instant) -> float:
        """Return how eagerly jobs are submitted now: 1 is the busiest hour of a working day."""
        share = _BY_HOUR[int(self.hour(at))]
        return share * 0.12 if self.weekend(at) else share


_BY_HOUR = (
    0.06, 0.04, 0.03, 0.02, 0.02, 0.02, 0.03, 0.08, 0.2, 0.5, 0.75, 0.9,
    0.6, 0.55, 0.8, 0.85, 0.9, 1.0, 0.95, 0.6, 0.35, 0.2, 0.12, 0.08,
)  # fmt: skip
