"""Hours and cost by any attributes, what is assigned to nothing first."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta, tzinfo
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from grange.books.periods import Period, buckets
from grange.books.questions.usage import first_start
from grange.books.questions.usage_report import ATTRIBUTES, PART, Part, usage_report
from grange.books.sheet import Row, Sheet, count, millis, money, share, text
from grange.books.where import Node
from grange.domain.rates import RateCard
from grange.domain.work import UNASSIGNED
from grange.kernel.intervals import Span
from grange.kernel.units import Instant, amount_text, datetime_of
from grange.ports.state import Compare
from grange.services.books.desk import Desk
from grange.services.books.shelf import View

PERIODS: Mapping[str, Period] = {
    "hour": Period.HOURLY,
    "day": Period.DAILY,
    "week": Period.WEEKLY,
    "month": Period.MONTHLY,
}


def named_parts(span: Span, period: str | None, zone: tzinfo) -> list[Part]:
    """Return a span in its local hours, days, weeks or months; in one piece without a period."""
    if period is None:
        return [Part(name="", span=span)]
    return [
        Part(name=_label(part.start, period, zone), span=part)
        for part in buckets(span, PERIODS[period], zone)
    ]


def _label(start: Instant, period: str, zone: tzinfo) -> str:
    local = datetime_of(start).astimezone(zone)
    if period == "hour":
        return local.replace(minute=0).isoformat(timespec="minutes")
    if period == "month":
        return f"{local:%Y-%m}"
    day = local.date()
    return (day - timedelta(days=day.weekday()) if period == "week" else day).isoformat()


def usage_sheet(
    desk: Desk,
    view: View,
    span: Span,
    *,
    by: Sequence[str],
    node: Node,
    names: Mapping[str, str],
) -> Sheet:
    """Return hours and cost of sessions, cut to a span.

    Args:
        desk: for the farm.
        view: the books.
        span: what is asked about.
        by: one or two of the questions' `BY` and of `PERIODS`.
        node: which time counts.
        names: by id of queues, fleets and workers.
    """
    farm = desk.farm(view.farm_id)
    period = next((name for name in by if name in PERIODS), None)
    parts = named_parts(span, period, ZoneInfo(farm.zone))
    inner = [PART if name in PERIODS else name for name in by]
    (first,) = view.ask(first_start(span)).to_pylist()
    found: list[dict[str, Any]] = []
    if first["started_at"] is not None and parts:
        asked = usage_report(parts, inner, node, names, Instant(first["started_at"]))
        found = view.ask(asked).to_pylist()
    rows, whole = _summed(found, inner)
    listed = [_row(by, key, total, whole) for key, total in rows.items()]
    listed.sort(key=lambda row: _order(row, by, period))
    unassigned = [name for name in by if name in ATTRIBUTES]
    notes = [
        f"{_percent(row['share'])} of the machine time is assigned to no {name}."
        for name in unassigned
        for row in _lacking(listed, name)
    ]
    if _example(desk, view, span, found):
        notes.append("Cost is of EXAMPLE rates: nobody pays them.")
    return Sheet(
        columns=(
            *(text(name) for name in by),
            count("sessions"),
            millis("runtime_ms", "Time of sessions."),
            millis("machine_ms", "The same as time of machines: ÷ job threads."),
            share("share", "Of the machine time of all rows."),
            money("cost"),
        ),
        rows=listed,
        notes=tuple(notes),
        facts={
            "matched": sum(row["runtime_ms"] for row in found if row["chosen"]),
            "total": sum(row["runtime_ms"] for row in found),
        },
    )


def _summed(
    found: Sequence[Mapping[str, Any]], by: Sequence[str]
) -> tuple[dict[tuple[str, ...], dict[str, Any]], Fraction]:
    rows: dict[tuple[str, ...], dict[str, Any]] = defaultdict(
        lambda: {"sessions": 0, "runtime_ms": 0, "machine": Fraction(0), "cost": None}
    )
    whole = Fraction(0)
    for row in found:
        if not row["chosen"]:
            continue
        total = rows[tuple(row[f"{name}_key"] for name in by)]
        machine = Fraction(row["runtime_ms"], row["threads"])
        total["sessions"] += row["sessions"]
        total["runtime_ms"] += row["runtime_ms"]
        total["machine"] += machine
        whole += machine
        if row["cost"] is not None:
            total["cost"] = (total["cost"] or 0) + row["cost"]
    return rows, whole


def _row(
    by: Sequence[str], key: Sequence[str], total: Mapping[str, Any], whole: Fraction
) -> dict[str, Any]:
    return {
        **dict(zip(by, key, strict=True)),
        "sessions": total["sessions"],
        "runtime_ms": total["runtime_ms"],
        "machine_ms": round(total["machine"]),
        "share": float(total["machine"] / whole) if whole else None,
        "cost": None if total["cost"] is None else amount_text(total["cost"]),
    }


def _order(row: Row, by: Sequence[str], period: str | None) -> tuple[Any, ...]:
    """By time, if there are periods; what is assigned to nothing first, the most next."""
    assigned = not any(row[name] == UNASSIGNED for name in by if name in ATTRIBUTES)
    when = row[period] if period else ""
    return (when, assigned, -row["machine_ms"], *(str(row[name]) for name in by))


def _lacking(rows: Sequence[Row], name: str) -> list[Row]:
    shares = [row["share"] for row in rows if row[name] == UNASSIGNED and row["share"]]
    return [{"share": sum(shares)}] if shares else []


def _percent(value: float) -> str:
    return f"{value * 100:.1f} %"


def _example(desk: Desk, view: View, span: Span, found: Sequence[Mapping[str, Any]]) -> bool:
    return any(row["cost"] is not None for row in found) and any(
        card.example and card.valid_from < span.end
        for card in desk.state.find(RateCard, Compare("farm_id", "=", view.farm_id))
    )
