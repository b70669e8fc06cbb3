"""Comma-separated values: one line of names, then rows, as every door of the books writes them."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

MARK = "SIMULATED"
_FORMULAS = frozenset("=+-@\t\r")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


def csv_text(
    names: Sequence[str], rows: Iterable[Sequence[Any]], *, simulated: bool = False
) -> str:
    """Return a table as text.

    Args:
        names: of the columns.
        rows: their values; None is left empty.
        simulated: True of a farm whose past was made up: a last column says so in each row.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*names, "simulated"] if simulated else names)
    for row in rows:
        cells = [cell(value) for value in row]
        writer.writerow([*cells, MARK] if simulated else cells)
    return text.getvalue()


def cell(value: Any) -> Any:
    """Return what stands for a value; no spreadsheet takes it for a formula."""
    if value is None:
        return ""
    if isinstance(value, str) and value[:1] in _FORMULAS and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value
