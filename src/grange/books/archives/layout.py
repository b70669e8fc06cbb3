"""What a ring is made of: tiers of rows, and what a row keeps of each source.

Archives with as many steps and rows share a tier, and with it the row's total and known seconds.
Of a tier with one step in a row every function has the same value, which is kept once, unless
the ring is told the least and the most of each step apart.
"""

from dataclasses import dataclass
from functools import lru_cache

from grange.domain.series import ArchiveSpec, Consolidation, DataSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One number of a row that follows rrdtool's arithmetic."""

    cf: Consolidation
    xff: float
    also: tuple[Consolidation, ...] = ()
    """Functions that have the same value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """Rows of as many steps each. Behind the columns a row keeps its total and known seconds."""

    steps: int
    rows: int
    columns: tuple[Column, ...]

    @property
    def width(self) -> int:
        """Numbers kept of each source."""
        return len(self.columns) + 2

    @property
    def total(self) -> int:
        """Place of the total: what came in the row's time (of a gauge: value × seconds)."""
        return len(self.columns)

    @property
    def known(self) -> int:
        """Place of the seconds of which something is known."""
        return len(self.columns) + 1

    def column(self, cf: Consolidation) -> int | None:
        """Return the place of a function's value; None if the tier has none."""
        for place, column in enumerate(self.columns):
            if cf is column.cf or cf in column.also:
                return place
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RingSpec:
    """Everything about a ring that never changes while its file lives."""

    step_seconds: int
    heartbeat_seconds: int
    sources: tuple[DataSource, ...]
    archives: tuple[ArchiveSpec, ...]
    extremes: bool = False
    """Steps are told with their least and most value; see `slots`."""

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """The tiers, finest first."""
        return tiers_of(self.archives, extremes=self.extremes)

    @property
    def width(self) -> int:
        """How many sources there are."""
        return len(self.sources)


@lru_cache(maxsize=256)
def tiers_of(archives: tuple[ArchiveSpec, ...], *, extremes: bool = False) -> tuple[Tier, ...]:
    """Return the tiers of archives, finest first."""
    found: dict[tuple[int, int], list[ArchiveSpec]] = {}
    for spec in archives:
        found.setdefault((spec.steps, spec.rows), []).append(spec)
    tiers = []
    for (steps, rows), specs in sorted(found.items()):
        if steps == 1 and not extremes:
            columns: tuple[Column, ...] = (
                Column(cf=specs[0].cf, xff=specs[0].xff, also=tuple(spec.cf for spec in specs[1:])),
            )
        else:
            columns = tuple(Column(cf=spec.cf, xff=spec.xff) for spec in specs)
        tiers.append(Tier(steps=steps, rows=rows, columns=columns))
    return tuple(tiers)
