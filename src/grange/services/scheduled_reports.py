"""Makes scheduled reports when they are due, and catches up once with those that were missed."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from grange.books.report_times import due_at, period_of
from grange.domain.farm import Farm
from grange.domain.schedules import ReportSchedule
from grange.kernel.clock import Clock
from grange.kernel.errors import GrangeError, NotFoundError, ThrottledError, UnreachableError
from grange.kernel.ids import FarmId
from grange.kernel.units import Instant, datetime_of
from grange.ports.deliveries import Deliveries, Parcel
from grange.ports.state import Compare, StateStore
from grange.services.commands.reports import NoteReport
from grange.services.owner import Owner

STEP_SECONDS = 20.0

_log = logging.getLogger(__name__)


class AsksBooks(Protocol):
    """The books, wherever they run."""

    async def ask(self, question: str, /, **arguments: Any) -> Any:
        """Put a question to the books."""
        ...


class ScheduledReports:
    """A loop that looks at the farms' clocks and has reports made by the books."""

    def __init__(
        self,
        *,
        store: StateStore,
        owner: Owner,
        books: AsksBooks,
        deliveries: Deliveries,
        clock: Clock,
    ) -> None:
        self._store = store
        self._owner = owner
        self._books = books
        self._deliveries = deliveries
        self._clock = clock

    async def run(self) -> None:
        """Make what is due, for ever; cancel to stop."""
        while True:
            await self._clock.sleep(STEP_SECONDS)
            try:
                await self.step(self._clock.now())
            except GrangeError as error:
                _log.warning(
                    "Scheduled reports were put off.",
                    exc_info=error,
                    extra={"action": "reports_put_off"},
                )
            except Exception:  # noqa: BLE001 - a loop that ends is worse than one that fails
                _log.exception("Scheduled reports failed.", extra={"action": "reports_put_off"})

    async def step(self, now: Instant) -> int:
        """Make the reports that are due; returns how many."""
        made = 0
        for schedule in await self._store.find(ReportSchedule):
            zone = await self._zone(schedule)
            due = due_at(schedule, zone, now)
            if due is not None:
                await self.make(schedule, due, noted=due)
                made += 1
        return made

    async def make(
        self, schedule: ReportSchedule, moment: Instant, *, noted: Instant | None
    ) -> str:
        """Make a report as of a moment, deliver it, and note what became of it.

        Args:
            schedule: which.
            moment: the report is about the day, week or month before it.
            noted: the moment that is seen to; None: it was made because somebody wanted it now.

        Raises:
            ThrottledError: the books cannot answer now; it stays due.
            UnreachableError: the books are being restarted; it stays due.
        """
        zone = await self._zone(schedule)
        ok = True
        try:
            parcel = await self._parcel(schedule, moment, zone)
        except (ThrottledError, UnreachableError):
            raise
        except GrangeError as error:
            await self._note(schedule, noted, str(error), ok=False)
            return str(error)
        try:
            result = await asyncio.to_thread(self._deliveries.deliver, parcel, schedule.to)
        except (GrangeError, OSError) as error:
            ok, result = False, str(error)
        await self._note(schedule, noted, result, ok=ok)
        return result

    async def _note(
        self, schedule: ReportSchedule, noted: Instant | None, result: str, *, ok: bool
    ) -> None:
        if not ok:
            _log.warning(
                "A scheduled report came to nothing.",
                extra={"action": "report_failed", "schedule": schedule.name, "reason": result},
            )
        note = NoteReport(
            farm_id=schedule.farm_id,
            schedule_id=schedule.schedule_id,
            due_at=noted,
            result=result,
            ok=ok,
        )
        await self._owner.ask(note)

    async def _parcel(self, schedule: ReportSchedule, moment: Instant, zone: ZoneInfo) -> Parcel:
        span = period_of(schedule, moment, zone)
        asked = dict(schedule.arguments)
        limit = asked.pop("limit", None)
        made = await self._books.ask(
            "report_file",
            farm_id=schedule.farm_id,
            report=schedule.report,
            format=schedule.format,
            start=span.start,
            end=span.end,
            limit=None if limit is None else int(limit),
            **asked,
        )
        first = datetime_of(span.start).astimezone(zone).date().isoformat()
        title = f"{schedule.name}, {schedule.every} of {first}"
        return Parcel(
            name=f"{schedule.name}-{first}.{schedule.format}",
            media_type=made["media_type"],
            content=made["content"],
            subject=title,
            text=f"Attached: {schedule.report} of the {schedule.every} from {first}.\n",
        )

    async def run_now(self, farm_id: str, schedule_id: str) -> str:
        """Make a report now, beside its times; returns what became of it.

        Raises:
            NotFoundError: there is no such schedule.
        """
        schedule = await self._schedule(farm_id, schedule_id)
        return await self.make(schedule, self._clock.now(), noted=None)

    async def check(
        self, farm_id: FarmId, *, report: str, arguments: Mapping[str, str], to: str
    ) -> None:
        """Return if a schedule makes sense: its report can be made and its place reached.

        Raises:
            InvalidRequestError: it cannot; names the field.
            NotFoundError: there is no such report.
        """
        self._deliveries.check(to)
        now = self._clock.now()
        asked = {name: value for name, value in arguments.items() if name in ("by", "where")}
        await self._books.ask(
            "report", farm_id=farm_id, report=report, start=now - 1, end=now, limit=0, **asked
        )

    async def _zone(self, schedule: ReportSchedule) -> ZoneInfo:
        farm = await self._store.get(Farm, (schedule.farm_id,))
        return ZoneInfo(farm.zone if farm is not None else "UTC")

    async def _schedule(self, farm_id: str, schedule_id: str) -> ReportSchedule:
        found = await self._store.find(
            ReportSchedule, Compare("schedule_id", "=", schedule_id), limit=1
        )
        if not found or found[0].farm_id != farm_id:
            raise NotFoundError("report schedule", schedule_id)
        return found[0]
