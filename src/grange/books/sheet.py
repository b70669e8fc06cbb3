"""A report as a table: columns with units, rows, and what must be said with them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

Row = Mapping[str, Any]


class Unit(StrEnum):
    """What the values of a column are."""

    TEXT = "text"
    COUNT = "count"
    MILLIS = "ms"
    BYTES = "bytes"
    SHARE = "share"
    """0 to 1, mostly."""
    RATIO = "ratio"
    NUMBER = "number"
    MONEY = "money"
    """A decimal number as text, in the farm's currency."""
    INSTANT = "instant"
    """Milliseconds since 1970 UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column."""

    name: str
    unit: Unit
    meaning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A report."""

    columns: tuple[Column, ...]
    rows: Sequence[Row]
    """A value that is not known is None."""
    notes: tuple[str, ...] = ()
    """What has to be said before anybody reads the figures."""
    totals: Row | None = None
    """The sums of all rows, where rows are parts of a whole."""
    facts: Mapping[str, int] = field(default_factory=dict)
    """`matched` and `total`: of how many facts the figures are."""


def page_of(sheet: Sheet, *, limit: int | None, offset: int = 0) -> dict[str, Any]:
    """Return a sheet in plain values, and of its rows those asked for.

    `matched` is how many rows there are; the condition was applied before the limit.
    """
    end = None if limit is None else offset + limit
    names = [column.name for column in sheet.columns]
    return {
        "columns": [asdict(column) | {"unit": column.unit.value} for column in sheet.columns],
        "rows": [{name: row.get(name) for name in names} for row in sheet.rows[offset:end]],
        "matched": len(sheet.rows),
        "notes": list(sheet.notes),
        "facts": dict(sheet.facts),
    }


def text(name: str, meaning: str = "") -> Column:
    """Return a column of text."""
    return Column(name=name, unit=Unit.TEXT, meaning=meaning)


def count(name: str, meaning: str = "") -> Column:
    """Return a column of counts."""
    return Column(name=name, unit=Unit.COUNT, meaning=meaning)


def millis(name: str, meaning: str = "") -> Column:
    """Return a column of durations."""
    return Column(name=name, unit=Unit.MILLIS, meaning=meaning)


def size(name: str, meaning: str = "") -> Column:
    """Return a column of bytes."""
    return Column(name=name, unit=Unit.BYTES, meaning=meaning)


def share(name: str, meaning: str = "") -> Column:
    """Return a column of shares."""
    return Column(name=name, unit=Unit.SHARE, meaning=meaning)


def ratio(name: str, meaning: str = "") -> Column:
    """Return a column of ratios."""
    return Column(name=name, unit=Unit.RATIO, meaning=meaning)


def money(name: str, meaning: str = "") -> Column:
    """Return a column of amounts of money."""
    return Column(name=name, unit=Unit.MONEY, meaning=meaning)


def instant(name: str, meaning: str = "") -> Column:
    """Return a column of instants."""
    return Column(name=name, unit=Unit.INSTANT, meaning=meaning)
