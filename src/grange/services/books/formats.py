"""A report as a file: CSV, JSON, Parquet, XLSX."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from grange.books.csv_text import MARK, csv_text
from grange.books.sheet import Unit
from grange.domain.farm import SIMULATED
from grange.kernel.units import Instant, datetime_of

FORMATS: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""Kind of file → media type."""

_ARROW: Mapping[Unit, pa.DataType] = {
    Unit.TEXT: pa.string(),
    Unit.COUNT: pa.int64(),
    Unit.MILLIS: pa.int64(),
    Unit.BYTES: pa.int64(),
    Unit.SHARE: pa.float64(),
    Unit.RATIO: pa.float64(),
    Unit.NUMBER: pa.float64(),
    Unit.MONEY: pa.decimal128(28, 9),
    Unit.INSTANT: pa.timestamp("ms", tz="UTC"),
}
_LOOKS: Mapping[Unit, str] = {
    Unit.COUNT: "#,##0",
    Unit.MILLIS: "[h]:mm:ss",
    Unit.BYTES: "#,##0",
    Unit.SHARE: "0.0%",
    Unit.RATIO: "0.000",
    Unit.NUMBER: "#,##0.###",
    Unit.MONEY: "#,##0.00##",
    Unit.INSTANT: "yyyy-mm-dd hh:mm:ss",
}
_MILLIS_PER_DAY = 86_400_000

Found = Mapping[str, Any]
"""What `reports.report` returns."""


def encoded(found: Found, kind: str, zone: tzinfo) -> bytes:
    """Return a report as a file.

    Args:
        found: the report in plain values.
        kind: of `FORMATS`.
        zone: the farm's; times are shown in it where a file cannot hold zones.
    """
    return _ENCODERS[kind](found, zone)


def _csv(found: Found, zone: tzinfo) -> bytes:
    """One line of names, then rows; durations in milliseconds, times with their offset."""
    columns = found["columns"]
    rows = (
        [_shown(row[column["name"]], Unit(column["unit"]), zone) for column in columns]
        for row in found["rows"]
    )
    names = [column["name"] for column in columns]
    return csv_text(names, rows, simulated=_is_simulated(found)).encode()


def _is_simulated(found: Found) -> bool:
    return bool(found.get(SIMULATED))


def _shown(value: Any, unit: Unit, zone: tzinfo) -> Any:
    if value is not None and unit is Unit.INSTANT:
        return _local(value, zone).isoformat(timespec="milliseconds")
    return value


def _json(found: Found, _zone: tzinfo) -> bytes:
    return json.dumps(found, ensure_ascii=False, indent=2).encode()


def arrow_of(found: Found) -> pa.Table:
    """Return a report as an Arrow table."""
    columns: Sequence[Mapping[str, Any]] = found["columns"]
    arrays = [
        pa.array([_typed(row[c["name"]], Unit(c["unit"])) for row in found["rows"]],
                 _ARROW[Unit(c["unit"])])
        for c in columns
    ]  # fmt: skip
    return pa.Table.from_arrays(arrays, names=[c["name"] for c in columns])


def _typed(value: Any, unit: Unit) -> Any:
    if value is not None and unit is Unit.MONEY:
        return Decimal(value)
    return value


def _parquet(found: Found, _zone: tzinfo) -> bytes:
    out = io.BytesIO()
    said = {
        "grange.report": str(found["report"]),
        "grange.currency": str(found["currency"]),
        "grange.start_at": str(found["span"]["start_at"]),
        "grange.end_at": str(found["span"]["end_at"]),
    }
    if _is_simulated(found):
        said["grange.simulated"] = "true"
    pq.write_table(arrow_of(found).replace_schema_metadata(said), out, compression="zstd")
    return out.getvalue()


def _xlsx(found: Found, zone: tzinfo) -> bytes:
    """One sheet: the names in bold and frozen, real numbers and dates, notes below.

    That of a simulated farm says so in its name, in a last column of each row, and in the notes.
    """
    import xlsxwriter  # noqa: PLC0415 - a server starts without it

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False})
    simulated = _is_simulated(found)
    title = f"{MARK} {found['title']}" if simulated else str(found["title"])
    sheet = book.add_worksheet(title[:31])
    bold = book.add_format({"bold": True})
    looks = {unit: book.add_format({"num_format": look}) for unit, look in _LOOKS.items()}
    for number, column in enumerate(found["columns"]):
        sheet.write_string(0, number, column["name"].removesuffix("_ms"), bold)
        sheet.set_column(number, number, max(10, len(column["name"]) + 2))
    sheet.freeze_panes(1, 0)
    for line, row in enumerate(found["rows"], 1):
        for number, column in enumerate(found["columns"]):
            unit = Unit(column["unit"])
            _cell(
                sheet,
                place=(line, number),
                value=row[column["name"]],
                unit=unit,
                look=looks.get(unit),
                zone=zone,
            )
    if simulated:
        last = len(found["columns"])
        for line in range(len(found["rows"]) + 1):
            sheet.write_string(line, last, MARK, None if line else bold)
    for line, note in enumerate(found["notes"], len(found["rows"]) + 2):
        sheet.write_string(line, 0, note)
    book.close()
    return out.getvalue()


def _cell(
    sheet: Any,
    *,
    place: tuple[int, int],
    value: Any,
    unit: Unit,
    look: Any,
    zone: tzinfo,
) -> None:
    if value is None:
        return
    match unit:
        case Unit.TEXT:
            sheet.write_string(*place, str(value))
        case Unit.MILLIS:
            sheet.write_number(*place, value / _MILLIS_PER_DAY, look)
        case Unit.MONEY:
            sheet.write_number(*place, float(Decimal(value)), look)
        case Unit.INSTANT:
            sheet.write_datetime(*place, _local(value, zone).replace(tzinfo=None), look)
        case _:
            sheet.write_number(*place, value, look)


def _local(value: int, zone: tzinfo) -> datetime:
    return datetime_of(Instant(value)).astimezone(zone)


_ENCODERS: Mapping[str, Callable[[Found, tzinfo], bytes]] = {
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
    "xlsx": _xlsx,
}
