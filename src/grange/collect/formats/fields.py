"""Lines whose fields were found by name: regular expressions and JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grange.collect.formats.model import SCHEMA, Parsed, nothing
from grange.collect.formats.text import Numbers, cut, line_spans
from grange.collect.formats.values import ErrorRules, instants, plain_array, whole

FIELDS = ("at", "bytes", "latency", "product", "object", "level", "status")
"""What a line may tell, by the names that formats use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How values are read, whatever the layout of the line."""

    time_format: str = "iso"
    zone: str = "UTC"
    latency_factor: float = 1000.0
    """Milliseconds in one unit of latency."""
    errors: ErrorRules = field(default_factory=ErrorRules)

    def rows(self, columns: Mapping[str, Any], offsets: Numbers) -> Parsed:
        """Return the rows of lines.

        Args:
            columns: field → Arrow column, all of one length; a field may be missing, but not `at`.
            offsets: where each line begins.
        """
        count = len(offsets)
        at = instants(columns["at"], self.time_format, self.zone)
        error = self.errors.found(count, columns.get("level"), columns.get("status"))
        size = self._number(columns, "bytes", count, 1.0)
        latency = self._number(columns, "latency", count, self.latency_factor)
        failed = pa.array(error)
        good = np.ones(count, dtype=bool)
        good &= ~_nulls(at)
        # A size that is told, but is no number, makes the line worthless; `-` is none.
        if "bytes" in columns:
            told = pc.fill_null(columns["bytes"].cast(pa.string()), "-")
            good &= error | ~_nulls(size) | _array(pc.is_in(told, pa.array(["-", ""])))
        size = pc.if_else(failed, 0, pc.max_element_wise(pc.fill_null(size, 0), 0))
        latency = pc.if_else(failed, pa.scalar(None, pa.int64()), latency)
        latency = pc.if_else(pc.less(latency, 0), 0, latency)
        product = pc.if_else(failed, pa.scalar(None, pa.string()), _text(columns, "product", count))
        table = pa.Table.from_arrays(
            [at, latency, size, failed, product, _text(columns, "object", count),
             pa.array(offsets)],
            schema=SCHEMA,
        )  # fmt: skip
        bad = count - int(np.count_nonzero(good))
        return Parsed(rows=table.filter(pa.array(good)) if bad else table, dropped=bad)

    def _number(self, columns: Mapping[str, Any], name: str, count: int, factor: float) -> Any:
        if name not in columns:
            return pa.nulls(count, type=pa.int64())
        return whole(columns[name], factor)


def _nulls(column: Any) -> Any:
    return _array(pc.is_null(column))


def _array(column: Any) -> Any:
    return column.to_numpy(zero_copy_only=False)


def _text(columns: Mapping[str, Any], name: str, count: int) -> Any:
    if name not in columns:
        return pa.nulls(count, type=pa.string())
    return columns[name].cast(pa.string())


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternFormat:
    """Lines that a regular expression takes apart; its groups are named like `FIELDS`.

    A line that does not match tells nothing.
    """

    pattern: str
    error_pattern: str = ""
    """Tried on lines that do not match; what matches is an error."""
    reading: Reading = field(default_factory=Reading)

    def parse(self, data: bytes, offset: int, kind: str) -> Parsed:
        """Return what whole lines say; see `LogFormat`."""
        starts, ends = line_spans(data)
        lines = cut(data, starts, ends)
        found = self._matched(lines, starts + offset, self.pattern, kind)
        if not self.error_pattern:
            return found[0]
        rest = ~found[1]
        other = self._matched(
            lines.filter(pa.array(rest)), starts[rest] + offset, self.error_pattern, kind, fail=True
        )
        rows = pa.concat_tables([found[0].rows, other[0].rows]).sort_by("offset")
        return Parsed(rows=rows, dropped=found[0].dropped + other[0].dropped)

    def _matched(
        self, lines: Any, offsets: Numbers, pattern: str, kind: str, *, fail: bool = False
    ) -> tuple[Parsed, Any]:
        if not len(lines):
            return nothing(), np.zeros(0, dtype=bool)
        parts = pc.extract_regex(lines, pattern=pattern)
        matched = _array(pc.is_valid(parts))
        parts = parts.filter(pa.array(matched))
        columns = {
            name: pc.struct_field(parts, name)
            for name in FIELDS
            if parts.type.get_field_index(name) >= 0
        }
        if fail:
            columns["level"] = pa.repeat(pa.scalar(self.reading.errors.levels[0]), len(parts))
        if kind == "rx":
            columns.pop("latency", None)
        return self.reading.rows(columns, offsets[matched]), matched


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonFormat:
    """Lines that are JSON objects."""

    keys: Mapping[str, str]
    """Name of `FIELDS` → the member that tells it."""
    reading: Reading = field(default_factory=Reading)

    def parse(self, data: bytes, offset: int, kind: str) -> Parsed:
        """Return what whole lines say; see `LogFormat`."""
        starts, ends = line_spans(data)
        told = ends > starts
        starts, ends = starts[told], ends[told]
        found: list[Parsed] = []
        # Lines are read at once; where they do not fit together, each half alone.
        waiting = [(0, len(starts))]
        while waiting:
            first, last = waiting.pop()
            if first == last:
                continue
            table = _read(data[int(starts[first]) : int(ends[last - 1])] + b"\n")
            if table is not None and table.num_rows == last - first:
                found.append(self._rows(table, starts[first:last] + offset, kind))
            elif last - first == 1:
                found.append(Parsed(rows=SCHEMA.empty_table(), dropped=1))
            else:
                half = (first + last) // 2
                waiting += [(half, last), (first, half)]
        return Parsed(
            rows=pa.concat_tables([SCHEMA.empty_table(), *(one.rows for one in found)]),
            dropped=sum(one.dropped for one in found),
        )

    def _rows(self, table: Any, offsets: Numbers, kind: str) -> Parsed:
        columns = {
            name: plain_array(table.column(key))
            for name, key in self.keys.items()
            if key in table.column_names and _is_value(table.schema.field(key).type)
        }
        if kind == "rx":
            columns.pop("latency", None)
        if "at" not in columns:
            return Parsed(rows=SCHEMA.empty_table(), dropped=len(offsets))
        return self.reading.rows(columns, offsets)


def _is_value(kind: Any) -> bool:
    return not pa.types.is_nested(kind)


def _read(text: bytes) -> Any:
    from pyarrow import json  # noqa: PLC0415 - a module of its own, for JSON logs only

    options = json.ReadOptions(use_threads=False, block_size=max(len(text) + 1, 1024))
    try:
        return json.read_json(pa.BufferReader(text), read_options=options)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
