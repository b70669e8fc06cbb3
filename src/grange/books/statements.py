"""Statements: a month's lines in rows that people can add up.

Amounts are exact; what is printed is rounded by largest remainder, so that every printed column
adds up to the printed total (ledger rules 11.4 and 11.7).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any

from grange.books.allotment import decimals, minor_unit, rounded
from grange.books.payers import WASTE, Payer
from grange.books.periods import midnight
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.intervals import Span
from grange.kernel.units import amount_text

BY = ("client", "project", "component")
"""How rows are grouped where nothing else is asked."""
GROUPS: Mapping[str, str] = {
    "client": "client", "project": "project", "component": "component", "item": "item",
    "user": "user_name", "queue": "queue_id", "fleet": "fleet_id", "worker": "worker_id",
    "job": "job_id", "job_name": "job_name", "layer": "layer_id", "app": "app",
    "sequence": "sequence", "shot": "shot", "version": "version", "render_type": "render_type",
    "outcome": "outcome", "cause": "cause", "payer": "payer", "region": "region",
}  # fmt: skip
"""What rows can be grouped by → the column of lines."""


def month_span(month: str, zone: tzinfo) -> Span:
    """Return the span of a month `2026-01` in a zone.

    Raises:
        InvalidRequestError: it is no month.
    """
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        message = f"{month!r} is no month; write e.g. 2026-01"
        raise InvalidRequestError(f"{message}.", fields=[FieldProblem("month", message)]) from None
    return Span(midnight(first, zone), midnight(_next(first), zone))


def next_month(month: str) -> str:
    """Return the month after a month."""
    return f"{_next(date.fromisoformat(f'{month}-01')):%Y-%m}"


def _next(first: date) -> date:
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a table of a statement."""

    labels: tuple[str | None, ...]
    machine_ms: int
    amount: int
    """Billionths."""
    printed: Decimal
    lines: int
    """How many lines it sums."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows whose printed amounts sum to the printed total."""

    names: tuple[str, ...]
    rows: tuple[Row, ...]
    amount: int
    printed: Decimal
    machine_ms: int

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "columns": [*self.names, "machine_ms", "lines", "amount", "printed"],
            "rows": [
                [*row.labels, row.machine_ms, row.lines, amount_text(row.amount),
                 str(row.printed)]
                for row in self.rows
            ],
            "machine_ms": self.machine_ms,
            "amount": amount_text(self.amount),
            "printed": str(self.printed),
        }  # fmt: skip


def table(
    lines: Iterable[Mapping[str, Any]],
    names: Sequence[str],
    columns: Sequence[str],
    currency: str,
    *,
    amount: str = "cost",
) -> Table:
    """Return lines in groups.

    Args:
        lines: as rows.
        names: of the groups' labels.
        columns: of the lines.
        currency: decides the printed unit.
        amount: cost, or sell.
    """
    sums: dict[tuple[Any, ...], int] = defaultdict(int)
    of_threads: dict[tuple[tuple[Any, ...], int], int] = defaultdict(int)
    counts: dict[tuple[Any, ...], int] = defaultdict(int)
    for line in lines:
        key = tuple([line[column] for column in columns])
        sums[key] += line[amount] or 0
        of_threads[key, line["threads"] or 1] += line["ms"] or 0
        counts[key] += 1
    times: dict[tuple[Any, ...], Fraction] = defaultdict(Fraction)
    for (key, threads), millis in of_threads.items():
        times[key] += Fraction(millis, threads)
    keys = sorted(sums, key=lambda key: tuple((part is None, str(part)) for part in key))
    amounts = [sums[key] for key in keys]
    cents = rounded(amounts, minor_unit(currency))
    whole = rounded([round(times[key]) for key in keys], 1)
    rows = tuple(
        Row(
            labels=key,
            machine_ms=time,
            amount=exact,
            printed=_printed(units, currency),
            lines=counts[key],
        )
        for key, time, exact, units in zip(keys, whole, amounts, cents, strict=True)
    )
    return Table(
        names=tuple(names),
        rows=rows,
        amount=sum(amounts),
        printed=_printed(sum(cents), currency),
        machine_ms=sum(row.machine_ms for row in rows),
    )


def _printed(units: int, currency: str) -> Decimal:
    return Decimal(units).scaleb(-decimals(currency))


def statement(
    lines: Sequence[Mapping[str, Any]],
    currency: str,
    *,
    by: Sequence[str] = BY,
    client: str | None = None,
) -> dict[str, Any]:
    """Return a month's lines as a statement.

    Args:
        lines: of the month: its own, corrections of others, moves and credits; with `posting`, the
            kind of posting, and `reason`.
        currency: the farm's.
        by: names of `GROUPS`.
        client: None: what the month cost the farm. Else: what this client pays for it.

    Raises:
        InvalidRequestError: rows cannot be grouped so.
    """
    if not by or set(by) - set(GROUPS):
        message = f"must be some of {', '.join(GROUPS)}"
        raise InvalidRequestError(f"by {message}.", fields=[FieldProblem("by", message)])
    amount = "cost"
    if client is not None:
        amount = "sell"
        lines = [
            line
            for line in lines
            if line["client"] == client and line["payer"] == Payer.CLIENT.value
        ]
    columns = [GROUPS[name] for name in by]
    names = (*by, "corrects", "posting", "reason")
    full = (*columns, "corrects", "posting", "reason")
    whole = table(lines, names, full, currency, amount=amount)
    wasted = [line for line in lines if line["outcome"] in WASTE]
    return {
        "by": list(by),
        "client": client,
        "amounts": amount,
        "rows": whole.plain(),
        "waste": table(wasted, ("outcome",), ("outcome",), currency, amount=amount).plain(),
        "payers": table(
            lines, ("payer", "cause"), ("payer", "cause"), currency, amount=amount
        ).plain(),
        "lines": len(lines),
        "sessions": len({line["session_id"] for line in lines} - {None}),
        "attempts": len({line["action_id"] for line in lines} - {None}),
        "thread_ms": sum(line["ms"] or 0 for line in lines if line["component"] == "machine"),
    }
