"""Series of logged values: what is kept of each, and in which archives."""

from enum import StrEnum

from msgspec import Struct

from grange.kernel.ids import FarmId
from grange.kernel.units import Instant


class DsType(StrEnum):
    """What a number that arrives means."""

    GAUGE = "GAUGE"
    """It is the value."""
    COUNTER = "COUNTER"
    """It only rises; the value is its rate. Going back means it wrapped at 32 or 64 bits."""
    DERIVE = "DERIVE"
    """The value is its rate, which may be negative."""
    ABSOLUTE = "ABSOLUTE"
    """It counts what came since the last one; the value is the rate."""


class Consolidation(StrEnum):
    """How the values of several steps become one."""

    AVERAGE = "AVERAGE"
    MIN = "MIN"
    MAX = "MAX"
    LAST = "LAST"


class ArchiveSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One archive: a fixed number of rows, each of some steps put together."""

    cf: Consolidation
    steps: int
    """Steps in a row."""
    rows: int
    """Rows kept: the newest replaces the oldest."""
    xff: float = 0.5
    """The largest part of a row's steps that may be unknown in a known row; below 1."""


class DataSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value of a series."""

    index: int
    """Its place in the series; values arrive under it."""
    label: str
    ds_type: DsType = DsType.GAUGE
    minimum: float | None = None
    """Rates below it are unknown; None: no limit."""
    maximum: float | None = None
    """Rates above it are unknown; None: no limit."""
    address: str = ""
    """Whose value it is, where values arrive by address."""
    value_id: str = ""
    """Which of the address's values it is."""
    value_index: int = 0
    """Which of several values of one id."""


class Series(Struct, frozen=True, kw_only=True):
    """A unique name, a step, and values that are logged together."""

    farm_id: FarmId
    name: str
    step_seconds: int = 300
    heartbeat_seconds: int = 600
    """The longest silence: a longer one is unknown."""
    sources: tuple[DataSource, ...]
    """Ascending by index."""
    archives: tuple[ArchiveSpec, ...]
    profile: str = ""
    """The name of the archives, if they have one."""
    created_at: Instant
    created_by: str
    updated_at: Instant | None = None
    updated_by: str | None = None
