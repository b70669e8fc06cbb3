"""Statements as files: CSV, XLSX, HTML, PDF."""

import importlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from grange.books.allotment import decimals
from grange.books.csv_text import MARK, csv_text
from grange.books.statements import BY
from grange.domain.farm import SIMULATED
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.units import Instant, datetime_of
from grange.services.books.desk import Desk
from grange.services.books.statement_kinds import MEDIA, STYLE
from grange.services.books.statements import month_statement

Document = Mapping[str, Any]
"""What `month_statement` returns."""

_HOUR_MS = 3_600_000
_TABLES = (("Rows", "rows"), ("Waste", "waste"), ("Who pays", "payers"))


def statement_file(
    desk: Desk,
    *,
    farm_id: str,
    month: str,
    kind: str,
    by: str = ",".join(BY),
    client: str | None = None,
    lines: bool = False,
) -> bytes:
    """Return the statement of a month as a file.

    With `lines`, CSV is every line down to its attempt, and XLSX has a second sheet of them: that
    takes a hundred times as long as the statement itself, so it is only made for who asks.

    Raises:
        InvalidRequestError: there is no such kind of file, or this server cannot make it.
    """
    if kind not in MEDIA:
        message = f"must be one of {', '.join(MEDIA)}"
        raise InvalidRequestError(f"format {message}.", fields=[FieldProblem("format", message)])
    document = month_statement(
        desk, farm_id=farm_id, month=month, by=by, client=client, lines=lines
    )
    return _WRITERS[kind](document)


def _headings(names: Sequence[str], currency: str) -> list[str]:
    special = {"machine_ms": "machine hours", "amount": f"exact {currency}", "printed": currency}
    return [special.get(name, name.replace("_", " ")) for name in names]


def _cells(part: Mapping[str, Any]) -> Iterator[list[Any]]:
    place = part["columns"].index("machine_ms")
    for row in part["rows"]:
        cells = list(row)
        cells[place] = f"{cells[place] / _HOUR_MS:.3f}"
        yield cells


def _csv(document: Document) -> bytes:
    simulated = document[SIMULATED]
    lines = document["line_rows"]
    if lines is not None:
        names = list(lines[0]) if lines else ["amount"]
        rows = ([line[name] for name in names] for line in lines)
        return csv_text(names, rows, simulated=simulated).encode()
    part = document["rows"]
    blank = [""] * (len(part["columns"]) - 5)
    hours = f"{part['machine_ms'] / _HOUR_MS:.3f}"
    total = ["total", *blank, hours, document["lines"], part["amount"], part["printed"]]
    headings = _headings(part["columns"], document["currency"])
    return csv_text(headings, [*_cells(part), total], simulated=simulated).encode()


def _title(document: Document) -> str:
    client = f" for {document['client']}" if document["client"] else ""
    mark = f"{MARK} " if document[SIMULATED] else ""
    return f"{mark}{document['farm']}: statement {document['month']}{client}"


def _notes(document: Document) -> list[str]:
    zone = ZoneInfo(document["zone"])
    start = datetime_of(Instant(document["start_at"])).astimezone(zone)
    end = datetime_of(Instant(document["end_at"])).astimezone(zone)
    found = [f"From {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} ({document['zone']})."]
    if document[SIMULATED]:
        found.insert(0, f"{MARK}: nothing of this farm ever happened; its past was made up.")
    if document["frozen_at"] is None:
        found.append("The month is open: these figures may still change.")
    else:
        frozen = datetime_of(Instant(document["frozen_at"])).astimezone(zone)
        found.append(f"Frozen {frozen:%Y-%m-%d %H:%M} by {document['frozen_by']}.")
    if document["example"]:
        found.append("Made with EXAMPLE rates: nobody pays them.")
    found.append(
        f"{document['lines']:,} lines of {document['sessions']:,} sessions and "
        f"{document['attempts']:,} actions; {document['thread_ms'] / _HOUR_MS:,.3f} hours of job "
        "threads."
    )
    found.append("Amounts are rounded by largest remainder: the printed column adds up.")
    return found


def _xlsx(document: Document) -> bytes:
    import xlsxwriter  # noqa: PLC0415 - a server starts without it

    found = io.BytesIO()
    digits = decimals(document["currency"])
    with xlsxwriter.Workbook(found, {"in_memory": True, "strings_to_formulas": False}) as book:
        bold = book.add_format({"bold": True})
        money = book.add_format({"num_format": "#,##0." + "0" * digits if digits else "#,##0"})
        hours = book.add_format({"num_format": "#,##0.000"})
        sheet = book.add_worksheet("Statement")
        sheet.write_string(0, 0, _title(document), bold)
        line = 1
        for note in _notes(document):
            sheet.write_string(line, 0, note)
            line += 1
        for title, name in _TABLES:
            part = document[name]
            sheet.write_string(line + 1, 0, title, bold)
            for column, heading in enumerate(_headings(part["columns"], document["currency"])):
                sheet.write_string(line + 2, column, heading, bold)
            line += 3
            labels = len(part["columns"]) - 4
            first = line
            for row in part["rows"]:
                for column, value in enumerate(row[:labels]):
                    sheet.write_string(line, column, "" if value is None else str(value))
                sheet.write_number(line, labels, row[labels] / _HOUR_MS, hours)
                sheet.write_number(line, labels + 1, row[labels + 1])
                sheet.write_string(line, labels + 2, row[labels + 2])
                sheet.write_number(line, labels + 3, float(row[labels + 3]), money)
                line += 1
            sheet.write_string(line, 0, "total", bold)
            if line > first:
                place = labels + 3
                sheet.write_formula(
                    line, place,
                    f"=SUM({_cell(first, place)}:{_cell(line - 1, place)})",
                    money, float(part["printed"]),
                )  # fmt: skip
            line += 1
        sheet.autofit()
        lines = document["line_rows"]
        if lines is not None:
            if document[SIMULATED]:
                lines = [line | {"simulated": MARK} for line in lines]
            _lines_sheet(book.add_worksheet("Lines"), lines)
    return found.getvalue()


def _cell(row: int, column: int) -> str:
    return f"{chr(ord('A') + column)}{row + 1}"


def _lines_sheet(sheet: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    for column, name in enumerate(rows[0]):
        sheet.write_string(0, column, name)
    for place, row in enumerate(rows, start=1):
        for column, (name, value) in enumerate(row.items()):
            if value is None:
                continue
            if name == "amount":
                sheet.write_number(place, column, float(value))
            elif isinstance(value, int):
                sheet.write_number(place, column, value)
            else:
                sheet.write_string(place, column, str(value))


def _html(document: Document) -> bytes:
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        f"<title>{escape(_title(document))}</title><style>{STYLE}</style>",
        f"<h1>{escape(_title(document))}</h1>",
        *(f"<p>{escape(note)}</p>" for note in _notes(document)),
    ]
    for title, name in _TABLES:
        parts.append(_html_table(title, document[name], document["currency"]))
    return "\n".join([*parts, "</html>"]).encode()


def _html_table(title: str, part: Mapping[str, Any], currency: str) -> str:
    labels = len(part["columns"]) - 4

    def cells(tag: str, values: Sequence[Any]) -> str:
        return "".join(
            f"<{tag}{' class=number' if place >= labels else ''}>"
            f"{escape('' if value is None else str(value))}</{tag}>"
            for place, value in enumerate(values)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in _cells(part))
    total = ["total", *[""] * (labels - 1), f"{part['machine_ms'] / _HOUR_MS:.3f}", "",
             part["amount"], part["printed"]]  # fmt: skip
    return (
        f"<h2>{escape(title)}</h2><table><thead><tr>"
        f"{cells('th', _headings(part['columns'], currency))}</tr></thead><tbody>{body}</tbody>"
        f"<tfoot><tr>{cells('td', total)}</tr></tfoot></table>"
    )


def _pdf(document: Document) -> bytes:
    try:
        weasyprint = importlib.import_module("weasyprint")
    except (ImportError, OSError):
        raise InvalidRequestError(
            "PDF needs the extra pdf on the server: pip install 'grange[pdf]'. Or ask for HTML and "
            "print it from the browser.",
            reason="OTHER",
        ) from None
    made: bytes = weasyprint.HTML(string=_html(document).decode()).write_pdf()
    return made


_WRITERS: Mapping[str, Callable[[Document], bytes]] = {
    "csv": _csv,
    "xlsx": _xlsx,
    "html": _html,
    "pdf": _pdf,
}

ANSWERS: Mapping[str, Any] = {"statement_file": statement_file}
