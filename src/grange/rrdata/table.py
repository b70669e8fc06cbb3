"""What a script finds in `rrGlobal`: the folder's root and a table of days by names (S0-56)."""

import csv
import io
import os
from datetime import UTC, datetime
from pathlib import Path

from grange.rrdata.place import HERE

_DAY_SECONDS = 86_400


class _rrTable:
    """Whole numbers by date and name."""

    def __init__(self) -> None:
        self._headers: dict[int, str] = {0: "Date"}
        self._names: list[str] = []
        self._rows: dict[int, dict[str, int]] = {}
        self._error = ""

    def setHeader(self, column: int, text: str) -> None:
        """Name a column; the dates are column 0, the names follow as they appear."""
        self._headers[column] = str(text)

    def setIntByNameNDate(self, name: str, date: int, value: int) -> None:
        """Set the cell of a name on the day of an epoch second; it never adds."""
        if name not in self._names:
            self._names.append(str(name))
        self._rows.setdefault(int(date) // _DAY_SECONDS, {})[str(name)] = int(value)

    def sortRowsByDate(self) -> None:
        self._rows = dict(sorted(self._rows.items()))

    def saveAsCsv(self, path: str, semicolons: bool) -> bool:
        """Write the table, with commas or semicolons between its cells."""
        self._error = ""
        text = io.StringIO()
        writer = csv.writer(text, delimiter=";" if semicolons else ",", lineterminator="\n")
        writer.writerow(
            [
                self._headers[0],
                *(self._headers.get(at, name) for at, name in enumerate(self._names, start=1)),
            ]
        )
        for day, cells in self._rows.items():
            date = datetime.fromtimestamp(day * _DAY_SECONDS, UTC).date().isoformat()
            writer.writerow([date, *(cells.get(name, "") for name in self._names)])
        target = Path(str(path))
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            part.write_text(text.getvalue(), encoding="utf-8")
            part.replace(target)
        except OSError as error:
            self._error = f"{target} cannot be written: {error.strerror}"
            return False
        return True

    def fileError(self) -> str:
        return self._error


class RrGlobal:
    """The object that scripts know as `rrGlobal`."""

    def _rrTable(self) -> _rrTable:
        return _rrTable()

    def rrRootPath(self) -> str:
        """Return the exported folder, with a slash at its end."""
        return f"{HERE.root.resolve()}/"
