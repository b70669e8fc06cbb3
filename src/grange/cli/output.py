"""What commands print: text for people on a terminal, plain text in a pipe, JSON on request."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from grange.cli.formatting import NOTHING, STATUS_STYLES

Cell = str | int | float | Text | None


class Output:
    """Where a command's answer goes.

    Colours appear on a terminal only, and never where NO_COLOR is set. In a pipe nothing is cut to
    fit.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        terminal = sys.stdout.isatty()
        self.console = Console(
            markup=False, highlight=False, soft_wrap=True, width=None if terminal else 10_000
        )

    def data(self, value: Any) -> None:
        """Print a value as JSON."""
        print(json.dumps(value, indent=2, ensure_ascii=False, default=str))

    def line(self, text: str | Text = "") -> None:
        """Print a line."""
        self.console.print(text)

    def tell(self, text: str) -> None:
        """Print a line about how it goes: beside the answer, if the answer is JSON."""
        if self.as_json:
            self.note(text)
        else:
            self.line(text)

    def note(self, text: str) -> None:
        """Print a line that is not part of the answer, on standard error."""
        print(text, file=sys.stderr)

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[Cell]],
        *,
        right: frozenset[str] = frozenset(),
        empty: str = "",
    ) -> None:
        """Print rows under column names; the columns named in `right` are aligned right.

        Where there are none, what is given as `empty` is printed in their place.
        """
        if not rows and empty:
            self.line(empty)
            return
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for name in columns:
            table.add_column(
                name,
                justify="right" if name in right else "left",
                no_wrap=True,
                overflow="ellipsis",
            )
        for row in rows:
            table.add_row(*[_cell(value) for value in row])
        self.console.print(table)

    def fields(self, values: Mapping[str, Cell]) -> None:
        """Print names and values, one a line."""
        width = max((len(name) for name in values), default=0)
        for name, value in values.items():
            line = Text(f"{name:<{width}}  ", style="dim")
            line.append_text(_cell(value, plain=True))
            self.console.print(line)


def status(word: str) -> Text:
    """Return a status in its colour."""
    return Text(word, style=STATUS_STYLES.get(word.partition(",")[0], ""))


def _cell(value: Cell, *, plain: bool = False) -> Text:
    if isinstance(value, Text):
        return value
    text = NOTHING if value is None else str(value)
    return Text(text, style="not dim" if plain else "")
