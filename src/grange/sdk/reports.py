"""Reports and distributions of a farm.

table = farm.books.distributions.frame_times("2026-03-01", "2026-04-01", by="project")
table.rows[0]["p95_ms"], table.to_polars()
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from grange.kernel.units import Instant, datetime_of, instant_of
from grange.sdk.columns import to_arrow, to_polars

if TYPE_CHECKING:
    import polars
    import pyarrow as pa

Moment = datetime | date | str
"""A time with its zone; or a local day or time of the farm, also as ISO text."""


class Asks(Protocol):
    """What reports need of `Books`."""

    @property
    def zone(self) -> ZoneInfo:
        """The farm's zone."""
        ...

    def ask(self, question: str, path: str, **arguments: Any) -> Any:
        """Return an answer of the books."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTable(Sequence[Mapping[str, Any]]):
    """A report: a sequence of rows."""

    report: str
    start_at: datetime
    end_at: datetime
    columns: tuple[Mapping[str, str], ...]
    """name, unit and meaning of each."""
    rows: tuple[Mapping[str, Any], ...]
    """By column; what is not known is None."""
    matched: int
    """How many rows there are without the limit."""
    notes: tuple[str, ...]
    """What has to be said with the figures."""
    facts: Mapping[str, int]
    """Of how many attempts (`matched` of `total`) the figures are; of usage, of how many ms."""
    currency: str

    def __getitem__(self, place: Any) -> Any:
        return self.rows[place]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self.rows)

    def to_arrow(self) -> "pa.Table":
        """Return the rows as an Arrow table."""
        return to_arrow(self._columns())

    def to_polars(self) -> "polars.DataFrame":
        """Return the rows as a Polars frame."""
        return to_polars(self._columns())

    def _columns(self) -> dict[str, list[Any]]:
        return {one["name"]: [row[one["name"]] for row in self.rows] for one in self.columns}


class Reports:
    """Every report, by name."""

    def __init__(self, books: Asks) -> None:
        self._books = books

    def names(self) -> list[str]:
        """Return the names of the reports."""
        return [one["name"] for one in self._books.ask("report_list", "/reports")["reports"]]

    def get(
        self,
        report: str,
        start: Moment,
        end: Moment,
        *,
        by: str | None = None,
        where: str = "",
        limit: int | None = None,
    ) -> ReportTable:
        """Return a report over [start, end).

        Args:
            report: usage, frame-times, frame-ecdf, queue-wait, memory, cpu, errors or hosts.
            start: from when.
            end: until when, exclusive.
            by: one or two names with a comma between.
            where: a condition; see docs/where.md.
            limit: most rows.
        """
        found = self._books.ask(
            "report",
            "/reports/{report}",
            report=report,
            start=self._instant(start),
            end=self._instant(end),
            by=by,
            where=where or None,
            limit=limit,
        )
        return self._table(report, found)

    def forecast(self, *, days: int = 14) -> ReportTable:
        """Return demand in worker-hours and workers needed of the coming days, with intervals.

        Raises:
            InvalidRequestError: the books hold under 14 days of data.
        """
        return self._table("forecast", self._books.ask("forecast", "/forecast", days=days))

    def _table(self, report: str, found: Mapping[str, Any]) -> ReportTable:
        zone = self._books.zone
        return ReportTable(
            report=report,
            start_at=datetime_of(Instant(found["span"]["start_at"])).astimezone(zone),
            end_at=datetime_of(Instant(found["span"]["end_at"])).astimezone(zone),
            columns=tuple(found["columns"]),
            rows=tuple(found["rows"]),
            matched=found["matched"],
            notes=tuple(found["notes"]),
            facts=found["facts"],
            currency=found["currency"],
        )

    def _instant(self, moment: Moment) -> Instant:
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment)
        elif not isinstance(moment, datetime):
            moment = datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 - see below
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self._books.zone)
        return instant_of(moment)


class Distributions:
    """How attempts are spread, not only what they are on average."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    def frame_times(self, start: Moment, end: Moment, **options: Any) -> ReportTable:
        """Return quantiles of frame times; options as for `Reports.get`."""
        return self._reports.get("frame-times", start, end, **options)

    def frame_ecdf(self, start: Moment, end: Moment, **options: Any) -> ReportTable:
        """Return which share of frames took at most so long."""
        return self._reports.get("frame-ecdf", start, end, **options)

    def queue_wait(self, start: Moment, end: Moment, **options: Any) -> ReportTable:
        """Return how long tasks waited: submitted → eligible → started."""
        return self._reports.get("queue-wait", start, end, **options)

    def memory(self, start: Moment, end: Moment, **options: Any) -> ReportTable:
        """Return peaks of memory against what was reserved."""
        return self._reports.get("memory", start, end, **options)

    def cpu(self, start: Moment, end: Moment, **options: Any) -> ReportTable:
        """Return how much of the processor time they had attempts used."""
        return self._reports.get("cpu", start, end, **options)

    def errors(self, start: Moment, end: Moment, **options: Any) -> ReportTable:
        """Return failed attempts by class, the most wasted hours first."""
        return self._reports.get("errors", start, end, **options)

    def hosts(self, start: Moment, end: Moment, **options: Any) -> ReportTable:
        """Return how workers compare, by frame times normalised with their speed."""
        return self._reports.get("hosts", start, end, **options)
