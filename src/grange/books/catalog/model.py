"""The words a table is declared in."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

CATALOG_VERSION = 2
"""Raised with every added column. Columns are only added, always nullable."""


class Kind(StrEnum):
    """How a column is stored."""

    TEXT = "text"
    INT = "int"
    FLAG = "flag"
    INTS = "ints"
    """A list of integers, e.g. the five parts of a frame."""
    REAL = "real"
    """A number with a fraction, as somebody else measured it; never infinite, never NaN."""


class Consolidation(StrEnum):
    """What may be done with a measure when rows are put together."""

    NONE = ""
    """Not a measure: it names or places the row."""
    SUM = "sum"
    """Amounts add: sum, count, min and max keep their meaning."""
    LEVEL = "level"
    """A level: mean from sum and count (or weighed by coverage), min, max."""
    MAXIMUM = "max"
    MINIMUM = "min"
    LAST = "last"
    """A state: the latest one stands for the slot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table."""

    name: str
    kind: Kind
    unit: str = ""
    """Unit of the value; empty for names and plain counts without one."""
    meaning: str
    consolidation: Consolidation = Consolidation.NONE
    ledger: str = ""
    """Row of the feature ledger it serves."""
    nullable: bool = False
    minimum: int | None = None
    maximum: int | None = None
    length: int | None = None
    """Number of items of a list."""
    since: int = 1
    """Catalog version that added it."""


@dataclass(frozen=True, kw_only=True)
class TableSpec:
    """One table of the books."""

    name: str
    title: str
    meaning: str
    produced_by: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    """The columns that tell a repeat from a new row."""
    time_column: str
    """The instant that decides which hour a row lies in."""
    start_column: str | None = None
    """Where a row covers a span of time: its start (the time column is its end)."""
    sort: tuple[str, ...]
    """Order of rows in a file."""
    rollup: bool = False
    """True if the rows are computed from facts and may be computed again."""
    kept_hours: int | None = None
    """A fixed time in hours; None: `kept_days` says it."""
    kept_days: int | None = None
    """How long rows are kept where a farm sets nothing else; None: for ever."""
    lasting: bool = False
    """True: kept for ever, whatever a farm sets: accounts and costs are computed from it."""
    apart: bool = False
    """True: facts that no rollup, account or cost is computed from."""
    made_of: tuple[str, ...] = ()
    """Of a rollup: the fact tables it is computed from; none named: all of them."""

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Columns by name."""
        return {column.name: column for column in self.columns}

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)


def text(name: str, meaning: str, *, nullable: bool = False, ledger: str = "") -> Column:
    """Declare a text column."""
    return Column(name=name, kind=Kind.TEXT, meaning=meaning, nullable=nullable, ledger=ledger)


def flag(name: str, meaning: str, *, nullable: bool = False, ledger: str = "") -> Column:
    """Declare a true-or-false column."""
    return Column(
        name=name,
        kind=Kind.FLAG,
        meaning=meaning,
        consolidation=Consolidation.LAST,
        nullable=nullable,
        ledger=ledger,
    )


def instant(name: str, meaning: str, *, nullable: bool = False, ledger: str = "") -> Column:
    """Declare an instant."""
    return Column(
        name=name, kind=Kind.INT, unit="ms UTC", meaning=meaning, nullable=nullable, ledger=ledger
    )


def number(
    name: str,
    unit: str,
    meaning: str,
    consolidation: Consolidation = Consolidation.NONE,
    *,
    nullable: bool = False,
    minimum: int | None = 0,
    maximum: int | None = None,
    ledger: str = "",
) -> Column:
    """Declare an integer."""
    return Column(
        name=name,
        kind=Kind.INT,
        unit=unit,
        meaning=meaning,
        consolidation=consolidation,
        nullable=nullable,
        minimum=minimum,
        maximum=maximum,
        ledger=ledger,
    )


def numbers(
    name: str, unit: str, meaning: str, *, length: int, ledger: str = "", nullable: bool = True
) -> Column:
    """Declare a list of integers of fixed length."""
    return Column(
        name=name,
        kind=Kind.INTS,
        unit=unit,
        meaning=meaning,
        consolidation=Consolidation.LEVEL,
        nullable=nullable,
        length=length,
        minimum=0,
        ledger=ledger,
    )


def real(
    name: str,
    unit: str,
    meaning: str,
    consolidation: Consolidation = Consolidation.NONE,
    *,
    nullable: bool = False,
    ledger: str = "",
) -> Column:
    """Declare a number with a fraction."""
    return Column(
        name=name, kind=Kind.REAL, unit=unit, meaning=meaning, consolidation=consolidation,
        nullable=nullable, ledger=ledger,
    )  # fmt: skip
