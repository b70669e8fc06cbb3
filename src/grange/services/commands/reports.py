"""Scheduled reports: put, remove, and note what became of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from grange.domain.farm import Farm
from grange.domain.schedules import Every, ReportSchedule
from grange.kernel.errors import NotFoundError
from grange.kernel.ids import FarmId
from grange.kernel.units import Instant
from grange.services.draft import Draft
from grange.services.owner import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class PutReportSchedule:
    """Have a report made again and again. Answers {"schedule_id"}."""

    farm_id: FarmId
    name: str
    report: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    format: str
    every: Every
    minute: int
    weekday: int
    to: str
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the schedule; it is first due after now."""
        draft.get(Farm, self.farm_id)
        schedule = ReportSchedule(
            farm_id=self.farm_id,
            schedule_id=draft.context.ids.new("schedule"),
            name=self.name,
            report=self.report,
            arguments=self.arguments,
            format=self.format,
            every=self.every,
            minute=self.minute,
            weekday=self.weekday,
            to=self.to,
            since=draft.now,
            created_at=draft.now,
            created_by=self.by,
        )
        draft.put(schedule)
        return {"schedule_id": schedule.schedule_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveReportSchedule:
    """Make a report no more. Answers {}."""

    farm_id: FarmId
    schedule_id: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Delete the schedule; files that were made stay."""
        schedule = _schedule(draft, self.farm_id, self.schedule_id)
        draft.delete(ReportSchedule, schedule.schedule_id)
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteReport:
    """Note what became of a scheduled report. Answers {}."""

    farm_id: FarmId
    schedule_id: str
    due_at: Instant | None
    """The moment that is seen to; None: it was made because somebody wanted it now."""
    result: str
    ok: bool

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the result into the schedule."""
        old = _schedule(draft, self.farm_id, self.schedule_id)
        draft.put(
            replace(
                old,
                last_due_at=old.last_due_at if self.due_at is None else self.due_at,
                last_run_at=draft.now,
                last_result=self.result,
                last_ok=self.ok,
            )
        )
        return {}


def _schedule(draft: Draft, farm_id: FarmId, schedule_id: str) -> ReportSchedule:
    found = draft.get(ReportSchedule, schedule_id)
    if found.farm_id != farm_id:
        raise NotFoundError("report schedule", schedule_id)
    return found
