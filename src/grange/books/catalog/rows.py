"""Checks of incoming rows against the catalog."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import isfinite
from typing import Annotated, Any

import msgspec

from grange.books.catalog.model import Column, Kind, TableSpec
from grange.books.catalog.registry import table
from grange.domain.facts import (
    EventFact,
    Fact,
    LicenceUseFact,
    SessionActionFact,
    SessionFact,
    SubmissionFact,
)
from grange.kernel.errors import FieldProblem, InvalidRequestError

_LEAST, _MOST = -(2**63), 2**63 - 1
LONGEST_TEXT = 65_536

TABLE_OF_FACT: Mapping[type[Any], str] = {
    SessionActionFact: "session_actions",
    SessionFact: "sessions",
    EventFact: "events",
    LicenceUseFact: "licence_uses",
    SubmissionFact: "submissions",
}


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why one row was refused."""

    index: int
    """Position in the rows that were given."""
    field: str
    message: str


@cache
def _required(name: str, skipped: frozenset[str]) -> frozenset[str]:
    return frozenset(
        column.name
        for column in table(name).columns
        if not column.nullable and column.name not in skipped
    )


@cache
def _known(name: str, skipped: frozenset[str]) -> Mapping[str, Column]:
    return {column.name: column for column in table(name).columns if column.name not in skipped}


@cache
def _shape(name: str, skipped: frozenset[str]) -> type[msgspec.Struct] | None:
    """Return what a good row looks like to a compiled check; None: every row is looked at here."""
    columns = _known(name, skipped).values()
    if any(column.kind is Kind.REAL for column in columns):
        return None  # it takes numbers for good that are not finite
    fields: list[Any] = []
    for column in columns:
        kind = _type_of(column)
        fields.append((column.name, kind | None, None) if column.nullable else (column.name, kind))
    return msgspec.defstruct(
        f"Row_{name}", fields, kw_only=True, forbid_unknown_fields=True, gc=False
    )


def _type_of(column: Column) -> Any:
    if column.kind is Kind.FLAG:
        return bool
    if column.kind is Kind.TEXT:
        return Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]
    whole = Annotated[
        int,
        msgspec.Meta(
            ge=_LEAST if column.minimum is None else column.minimum,
            le=_MOST if column.maximum is None else column.maximum,
        ),
    ]
    if column.kind is Kind.INT:
        return whole
    length = column.length
    return Annotated[list[whole], msgspec.Meta(min_length=length, max_length=length)]


def _fits(shape: type[msgspec.Struct] | None, row: Mapping[str, Any]) -> bool:
    """Return True if the compiled check finds nothing; what it finds is said in our own words."""
    if shape is None:
        return False
    try:
        msgspec.convert(row, shape)
    except msgspec.ValidationError:
        return False
    return True


def row_problem(
    spec: TableSpec, row: Any, *, skipped: frozenset[str] = frozenset()
) -> tuple[str, str] | None:
    """Return (field, message) of the first thing wrong with a row, or None.

    Args:
        spec: the table.
        row: a mapping of column name to value.
        skipped: columns that the row may not have, because somebody else fills them.
    """
    if not isinstance(row, Mapping):
        return "", "is not an object"
    if _fits(_shape(spec.name, skipped), row):
        return None
    known = _known(spec.name, skipped)
    for name, value in row.items():
        column = known.get(name)
        if column is None:
            return str(name), f"is not a column of {spec.name}"
        if value is None:
            if not column.nullable:
                return name, "may not be null"
            continue
        message = _value_problem(column, value)
        if message is not None:
            return name, message
    if len(row) < len(known):
        for name in _required(spec.name, skipped):
            if name not in row:
                return name, "is missing"
    return None


def _value_problem(column: Column, value: Any) -> str | None:
    kind = column.kind
    if kind is Kind.INT:
        return _int_problem(column, value)
    if kind is Kind.TEXT:
        if not isinstance(value, str):
            return "must be text"
        return None if len(value) <= LONGEST_TEXT else f"is longer than {LONGEST_TEXT} characters"
    if kind is Kind.FLAG:
        return None if isinstance(value, bool) else "must be true or false"
    if kind is Kind.REAL:
        number = type(value) in {int, float} and isfinite(value)
        return None if number else "must be a finite number"
    if not isinstance(value, Sequence) or isinstance(value, str):
        return "must be a list"
    if column.length is not None and len(value) != column.length:
        return f"must have {column.length} items"
    return next(
        (problem for item in value if (problem := _int_problem(column, item)) is not None), None
    )


def _int_problem(column: Column, value: Any) -> str | None:
    if type(value) is not int:
        return "must be a whole number"
    least = _LEAST if column.minimum is None else column.minimum
    most = _MOST if column.maximum is None else column.maximum
    if not least <= value <= most:
        return f"must lie between {least} and {most}"
    return None


def problems(
    spec: TableSpec, rows: Sequence[Any], *, skipped: frozenset[str] = frozenset()
) -> list[RowProblem]:
    """Return the first problem of every row that has one."""
    found = []
    for index, row in enumerate(rows):
        problem = row_problem(spec, row, skipped=skipped)
        if problem is not None:
            found.append(RowProblem(index, *problem))
    return found


def check_rows(spec: TableSpec, rows: Sequence[Any]) -> None:
    """Refuse rows that do not fit their table.

    Raises:
        InvalidRequestError: names every row and column that does not fit.
    """
    found = problems(spec, rows)
    if found:
        first = found[0]
        raise InvalidRequestError(
            f"Row {first.index} does not fit table {spec.name}: {first.field} {first.message}.",
            fields=[
                FieldProblem(f"{spec.name}[{problem.index}].{problem.field}", problem.message)
                for problem in found
            ],
        )


_FIELDS: Mapping[type[Any], tuple[str, ...]] = {
    kind: kind.__struct_fields__ for kind in TABLE_OF_FACT
}


def fact_row(fact: Fact) -> tuple[str, dict[str, Any]]:
    """Return the table and the row of a fact of the state machines."""
    kind: type[Any] = type(fact)
    return TABLE_OF_FACT[kind], {name: getattr(fact, name) for name in _FIELDS[kind]}
