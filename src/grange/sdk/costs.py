"""What work cost, and the statements of months.

costs = farm.books.costs("2026-03-01", "2026-04-01", by="project,user")
costs.total.cost, costs.rows[0].wasted_cost, costs.to_polars()
farm.books.statements["2026-03"].rows[0].printed
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from grange.kernel.units import Instant, datetime_of, instant_of
from grange.sdk.columns import amount, to_arrow, to_polars

if TYPE_CHECKING:
    import polars
    import pyarrow as pa

Moment = datetime | date | str
"""A time with its zone; or a local day or time of the farm, also as ISO text."""


class Asks(Protocol):
    """What costs need of `Books`."""

    @property
    def zone(self) -> ZoneInfo:
        """The farm's zone."""
        ...

    def ask(self, question: str, path: str, **arguments: Any) -> Any:
        """Return an answer of the books."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """What one group of work cost."""

    group: Mapping[str, str | None]
    """Attribute → value; None: of no work, e.g. idle time."""
    machine_ms: int
    cost: Decimal | None
    """None: there was no rate card."""
    sell: Decimal | None
    """What the client pays; None: no sell card holds."""
    wasted_ms: int
    wasted_cost: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs(Sequence[CostRow]):
    """What work cost in a span."""

    start_at: datetime
    end_at: datetime
    by: tuple[str, ...]
    currency: str
    example: bool
    """True: of EXAMPLE rates, which nobody pays."""
    rows: tuple[CostRow, ...]
    total: CostRow
    components: Mapping[str, Decimal | None]
    """machine, licence, energy, overhead, idle → cost."""
    waste: Mapping[str, Decimal | None]
    """failed, aborted, superseded, rerendered → cost."""

    def __getitem__(self, place: Any) -> Any:
        return self.rows[place]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[CostRow]:
        return iter(self.rows)

    def to_arrow(self) -> "pa.Table":
        """Return the rows as an Arrow table."""
        return to_arrow(self._columns())

    def to_polars(self) -> "polars.DataFrame":
        """Return the rows as a Polars frame."""
        return to_polars(self._columns())

    def _columns(self) -> dict[str, list[Any]]:
        names = ("machine_ms", "cost", "sell", "wasted_ms", "wasted_cost")
        return {
            **{name: [row.group[name] for row in self.rows] for name in self.by},
            **{name: [getattr(row, name) for row in self.rows] for name in names},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """One row of a statement."""

    group: Mapping[str, str | None]
    """The attributes, and `corrects`, `posting` (freeze, move, credit; open: not posted yet),
    `reason`."""
    machine_ms: int
    lines: int
    amount: Decimal
    """Exact."""
    printed: Decimal
    """Rounded; the printed amounts of all rows sum to the statement's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The statement of a month."""

    month: str
    frozen_at: datetime | None
    """None: the month is open, and its figures may change."""
    client: str | None
    currency: str
    example: bool
    rows: tuple[StatementRow, ...]
    amount: Decimal
    printed: Decimal
    lines: tuple[Mapping[str, Any], ...] | None
    """Every line down to its attempt, if they were asked for."""


class Statements:
    """The months of the books."""

    def __init__(self, books: Asks) -> None:
        self._books = books

    def months(self) -> list[dict[str, Any]]:
        """Return every month, the newest first: whether it is frozen, what was posted in it."""
        found: list[dict[str, Any]] = self._books.ask("months", "/months")["months"]
        return found

    def __getitem__(self, month: str) -> Statement:
        return self.get(month)

    def get(
        self,
        month: str,
        *,
        by: str = "client,project,component",
        client: str | None = None,
        lines: bool = False,
    ) -> Statement:
        """Return the statement of a month: of a frozen one as posted, else as it is now.

        Args:
            month: e.g. 2026-03.
            by: names of attributes with commas between.
            client: what this client pays; None: what it cost the farm.
            lines: whether to return every line too.
        """
        found = self._books.ask(
            "month_statement",
            "/months/{month}/statement",
            month=month,
            by=by,
            client=client,
            lines=lines,
        )
        part = found["rows"]
        names = part["columns"][:-4]
        return Statement(
            month=month,
            frozen_at=None
            if found["frozen_at"] is None
            else datetime_of(Instant(found["frozen_at"])),
            client=client,
            currency=found["currency"],
            example=found["example"],
            rows=tuple(
                StatementRow(
                    group=dict(zip(names, row, strict=False)),
                    machine_ms=row[-4],
                    lines=row[-3],
                    amount=Decimal(row[-2]),
                    printed=Decimal(row[-1]),
                )
                for row in part["rows"]
            ),
            amount=Decimal(part["amount"]),
            printed=Decimal(part["printed"]),
            lines=None if found["line_rows"] is None else tuple(found["line_rows"]),
        )


def costs(
    books: Asks, start: Moment, end: Moment, *, by: str = "project", where: str = ""
) -> Costs:
    """Return what work cost over [start, end), by one or two attributes."""
    found = books.ask(
        "cost",
        "/costs",
        start=_instant(start, books.zone),
        end=_instant(end, books.zone),
        by=by,
        where=where,
    )
    names = tuple(found["by"])
    return Costs(
        start_at=datetime_of(Instant(found["span"]["start_at"])).astimezone(books.zone),
        end_at=datetime_of(Instant(found["span"]["end_at"])).astimezone(books.zone),
        by=names,
        currency=found["currency"],
        example=found["example"],
        rows=tuple(_row(row, names) for row in found["rows"]),
        total=_row(found["total"], ()),
        components={name: amount(row["cost"]) for name, row in found["components"].items()},
        waste={name: amount(row["cost"]) for name, row in found["waste"].items()},
    )


def _row(row: Mapping[str, Any], names: Sequence[str]) -> CostRow:
    return CostRow(
        group={name: row[name] for name in names},
        machine_ms=row["machine_ms"],
        cost=amount(row["cost"]),
        sell=amount(row["sell"]),
        wasted_ms=row["wasted_ms"],
        wasted_cost=amount(row["wasted_cost"]),
    )


def _instant(moment: Moment, zone: ZoneInfo) -> Instant:
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=zone)
    return instant_of(moment if moment.tzinfo else moment.replace(tzinfo=zone))
