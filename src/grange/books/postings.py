"""Posted lines: what an attempt, a gap or a fleet's idle time cost, by component.

A line that was posted is never changed. What is found later is the difference between the lines
computed now and those posted, as signed lines that name the month they correct.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grange.books.allotment import allotted
from grange.books.payers import Payer

TEXTS = (
    "session_id",
    "action_id",
    "job_id",
    "job_name",
    "layer_id",
    "user_name",
    "project",
    "client",
    "queue_id",
    "fleet_id",
    "region",
    "worker_id",
    "app",
    "sequence",
    "shot",
    "version",
    "render_type",
    "component",
    "item",
    "outcome",
    "cause",
    "payer",
)
"""What a line is about; null where nothing is known."""
AMOUNTS = ("ms", "cost", "sell")
"""Thread milliseconds, and billionths of the farm's currency; null where there is no price."""
KEY = (*TEXTS, "threads")
SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in TEXTS),
        *(pa.field(name, pa.int64()) for name in ("threads", *AMOUNTS)),
        pa.field("corrects", pa.string()),
    ]
)
"""The columns of lines; `corrects` is the month a correction is about."""
MOVABLE = ("user", "project", "client", "sequence", "shot", "version")
"""What a move may change."""
_COLUMNS = {"user": "user_name"}
PART_LINES = 4_000
"""Lines in one row of the state store."""


def lines_of(rows: Sequence[Mapping[str, Any]], corrects: str | None = None) -> pa.Table:
    """Return rows, with whatever columns of `SCHEMA` they have, as lines."""
    columns = {
        field.name: pa.array([row.get(field.name) for row in rows], field.type)
        for field in SCHEMA
        if field.name != "corrects"
    }
    return pa.table({**columns, "corrects": pa.array([corrects] * len(rows), pa.string())})


def lines_in(rows: pa.Table) -> pa.Table:
    """Return a table, with whatever columns of `SCHEMA` it has, as lines."""
    there = set(rows.column_names)
    return pa.table(
        [
            rows.column(field.name).cast(field.type)
            if field.name in there
            else pa.nulls(rows.num_rows, field.type)
            for field in SCHEMA
        ],
        schema=SCHEMA,
    )


def empty() -> pa.Table:
    """Return no lines."""
    return SCHEMA.empty_table()


def together(tables: Iterable[pa.Table]) -> pa.Table:
    """Return lines one after the other."""
    listed = [table.select(SCHEMA.names) for table in tables]
    return pa.concat_tables(listed).combine_chunks() if listed else empty()


def negated(lines: pa.Table) -> pa.Table:
    """Return lines with every amount's sign turned."""
    for name in AMOUNTS:
        place = lines.column_names.index(name)
        lines = lines.set_column(place, name, pc.negate(lines.column(name)))
    return lines


def netted(lines: pa.Table) -> pa.Table:
    """Return one line for each thing lines are about, without those that amount to nothing."""
    if not lines.num_rows:
        return empty()
    keys = [*KEY, "corrects"]
    found = lines.group_by(keys, use_threads=False).aggregate([(name, "sum") for name in AMOUNTS])
    found = found.rename_columns(
        [
            name.removesuffix("_sum") if name.endswith("_sum") else name
            for name in found.column_names
        ]
    ).select(SCHEMA.names)
    some = None
    for name in AMOUNTS:
        there = pc.not_equal(pc.fill_null(found.column(name), 0), 0)
        some = there if some is None else pc.or_(some, there)
    return ordered(found.filter(some))


def ordered(lines: pa.Table) -> pa.Table:
    """Return lines in the one order they are posted in."""
    return lines.sort_by([(name, "ascending") for name in (*KEY, "corrects")])


def difference(computed: pa.Table, posted: pa.Table, month: str) -> pa.Table:
    """Return the signed lines that make the lines posted about a month equal to those computed."""
    both = together([unmarked(computed), negated(unmarked(posted))])
    return marked(netted(both), month)


def unmarked(lines: pa.Table) -> pa.Table:
    """Return lines that name no month they correct."""
    return marked(lines, None)


def marked(lines: pa.Table, month: str | None) -> pa.Table:
    """Return lines that correct a month."""
    place = lines.column_names.index("corrects")
    return lines.set_column(
        place, "corrects", pa.array([month] * lines.num_rows, pa.string())
    ).select(SCHEMA.names)


def moved(lines: pa.Table, to: Mapping[str, str], month: str, amount: int | None) -> pa.Table:
    """Return signed lines that take lines from where they are to somewhere else; they sum to zero.

    Args:
        lines: what is moved.
        to: name of `MOVABLE` (or payer) → new value.
        month: the month they were posted about.
        amount: how much of their cost (of what the client pays, if they cost nothing) is moved;
            None: all, with the time.
    """
    chosen = lines if amount is None else _part(lines, amount)
    target = chosen
    for name, value in to.items():
        column = _COLUMNS.get(name, name)
        place = target.column_names.index(column)
        values = pa.array([value] * target.num_rows, pa.string())
        target = target.set_column(place, column, values)
    return marked(netted(together([unmarked(negated(chosen)), unmarked(target)])), month)


def _part(lines: pa.Table, amount: int) -> pa.Table:
    cost = pc.fill_null(lines.column("cost"), 0).to_pylist()
    sell = pc.fill_null(lines.column("sell"), 0).to_pylist()
    base = cost if sum(cost) else sell
    weights = [max(0, value) for value in base]
    parts = allotted(amount, weights)
    whole = sum(weights)
    other = sell if base is cost else cost
    rest = allotted(sum(other) * amount // whole if whole else 0, weights)
    shares = {"cost": parts, "sell": rest} if base is cost else {"cost": rest, "sell": parts}
    for name, values in {"ms": [0] * len(parts), **shares}.items():
        place = lines.column_names.index(name)
        lines = lines.set_column(place, name, pa.array(values, pa.int64()))
    return lines


def credited(lines: pa.Table, month: str, amount: int | None) -> pa.Table:
    """Return signed lines by which the house pays what the client would have; they sum to zero."""
    paid = lines.filter(pc.equal(lines.column("payer"), Payer.CLIENT.value))
    return moved(paid, {"payer": Payer.HOUSE.value}, month, amount)


def total(lines: pa.Table, name: str) -> int:
    """Return the sum of a column; null counts nothing."""
    return int(pc.sum(lines.column(name)).as_py() or 0)


# Lines are kept as columns; texts, which repeat, as a list of values and places in it.


def parts_of(lines: pa.Table) -> Iterator[dict[str, Any]]:
    """Yield lines as plain values, some at a time."""
    for start in range(0, lines.num_rows, PART_LINES):
        part = lines.slice(start, PART_LINES)
        columns: dict[str, Any] = {}
        for name in SCHEMA.names:
            column = part.column(name)
            if pa.types.is_string(SCHEMA.field(name).type):
                values, places = np.unique(
                    np.array([_kept(v) for v in column.to_pylist()]),
                    return_inverse=True,
                )
                columns[name] = {"values": values.tolist(), "places": places.tolist()}
            else:
                columns[name] = column.to_pylist()
        yield columns


def _kept(value: str | None) -> str:
    """Return a text as it is kept: nothing is no text; the state store knows no NUL."""
    return "" if value is None else "=" + value.replace("\x00", "\ufffd")


def read_part(columns: Mapping[str, Any]) -> pa.Table:
    """Return the lines of `parts_of`."""
    found: dict[str, pa.Array] = {}
    for field in SCHEMA:
        kept = columns[field.name]
        if isinstance(kept, Mapping):
            values = [value[1:] if value else None for value in kept["values"]]
            kept = [values[place] for place in kept["places"]]
        found[field.name] = pa.array(kept, field.type)
    return pa.table(found, schema=SCHEMA)


def digest(parts: Iterable[Mapping[str, Any]]) -> str:
    """Return a hash of lines as they are kept."""
    found = hashlib.sha256()
    for part in parts:
        found.update(msgspec.json.encode(part, order="sorted"))
    return found.hexdigest()
