"""Scheduled reports: what is made, when by the farm's clock, and where it goes."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from grange.kernel.ids import FarmId
from grange.kernel.units import Instant


class Every(StrEnum):
    """How often a report is made; it is about the day, week or month before."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class ReportSchedule(Struct, frozen=True, kw_only=True):
    """A report that is made again and again."""

    farm_id: FarmId
    schedule_id: str
    name: str
    report: str
    """usage, frame-times, queue-wait, …"""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """by, where, limit: as on the command line."""
    format: str = "csv"
    every: Every
    minute: int = 420
    """Minute of the local day; 420 is 07:00."""
    weekday: int = 0
    """With `week`: 0 is Monday."""
    to: str
    """A folder of the server, or mailto:NAME@HOST."""
    since: Instant
    """Moments before this are not due."""
    last_due_at: Instant | None = None
    """The latest moment that was seen to, if a report came of it or not."""
    last_run_at: Instant | None = None
    last_result: str = ""
    """Where the report went, or why there is none."""
    last_ok: bool | None = None
    created_at: Instant
    created_by: str
