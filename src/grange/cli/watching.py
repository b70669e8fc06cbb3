"""Lists that are drawn again and again (`--watch`), and lists as CSV."""

import csv
import io
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import rich_click as click
from rich.console import Console, ScreenContext
from rich.text import Text

from grange.cli.connection import Connection
from grange.cli.exits import OK, explain
from grange.cli.formatting import moment
from grange.cli.output import Cell, Output
from grange.cli.report_options import ReportOptions
from grange.kernel.errors import InvalidRequestError, ThrottledError, UnreachableError

P = ParamSpec("P")
R = TypeVar("R")
_USUAL_SECONDS = 2.0


class CsvOutput(Output):
    """Tables as comma-separated values; all else beside the answer."""

    def line(self, text: str | Text = "") -> None:
        """Print a line beside the answer."""
        self.note(str(text))

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[Cell]],
        *,
        right: frozenset[str] = frozenset(),
        empty: str = "",
    ) -> None:
        """Print rows under column names."""
        writer = csv.writer(sys.stdout)
        writer.writerow([name.lower().replace(" ", "_") for name in columns])
        writer.writerows([["" if cell is None else str(cell) for cell in row] for row in rows])


class _Drawing(Output):
    """What a command prints, kept to be drawn."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._kept = io.StringIO()
        self.console = Console(
            file=self._kept,
            force_terminal=True,
            color_system=console.color_system,  # type: ignore[arg-type]
            no_color=console.no_color,
            markup=False,
            highlight=False,
            soft_wrap=True,
            width=max(console.width, 200),
        )

    def note(self, text: str) -> None:
        """Keep a line that is not part of the answer, below it."""
        self.line(text)

    def lines(self) -> list[Text]:
        """Return what was printed."""
        return [Text.from_ansi(line) for line in self._kept.getvalue().splitlines()]


def watchable(command: Callable[Concatenate[Connection, P], R]) -> Callable[..., Any]:
    """Give a command that shows something --watch; it stands below `with_farm`."""

    @click.option(
        "--watch", "is_watched", is_flag=True, help="Show it again and again, until Ctrl-C."
    )
    @click.option(
        "--every",
        "watch_seconds",
        type=click.FloatRange(0.5, 3600),
        metavar="SECONDS",
        help=f"With --watch: how often; default: {_USUAL_SECONDS:g}.",
    )
    @wraps(command)
    def run(connection: Connection, /, *args: P.args, **kwargs: P.kwargs) -> Any:
        watch, every = kwargs.pop("is_watched"), kwargs.pop("watch_seconds")
        if not watch:
            if every is not None:
                raise InvalidRequestError("--every is for --watch.")
            return command(connection, *args, **kwargs)
        asked = kwargs.get("asked")
        if connection.out.as_json or (isinstance(asked, ReportOptions) and asked.formats):
            raise InvalidRequestError("--watch draws on the terminal: leave the format out.")
        if not sys.stdout.isatty():
            raise InvalidRequestError("--watch draws on a terminal; this is none.")
        context: Any = click.get_current_context()
        if context.invoked_subcommand is not None:
            raise InvalidRequestError("--watch is for the list: no command comes behind it.")
        seconds = float(str(every or _USUAL_SECONDS))
        return _watch(connection, lambda: command(connection, *args, **kwargs), seconds)

    return run


def listed(command: Callable[Concatenate[Connection, P], R]) -> Callable[..., Any]:
    """Give a command that prints a table --csv and --watch; it stands below `with_farm`."""

    @click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
    @wraps(command)
    def run(connection: Connection, /, *args: P.args, **kwargs: P.kwargs) -> Any:
        if kwargs.pop("as_csv"):
            if connection.out.as_json or isinstance(connection.out, _Drawing):
                raise InvalidRequestError("Name one of --csv, --json and --watch.")
            connection.out = CsvOutput()
        return command(connection, *args, **kwargs)

    return watchable(run)


def _watch(connection: Connection, command: Callable[[], Any], seconds: float) -> int:
    console = connection.out.console
    silent_since: int | None = None
    shown: list[Text] = []
    with _resizes() as resized, console.screen(hide_cursor=True) as screen:
        try:
            while True:
                problem, now = "", connection.clock.now()
                drawing = _Drawing(console)
                connection.out = drawing
                try:
                    command()
                except (UnreachableError, ThrottledError) as error:
                    if not shown:
                        raise
                    silent_since = silent_since or now
                    problem = f"Since {moment(silent_since, now)}: {explain(error)}"
                else:
                    silent_since, shown = None, drawing.lines()
                head = f"{moment(now, now)}, every {seconds:g} s; Ctrl-C ends it"
                _wait(resized, seconds, partial(_draw, screen, console, (head, problem), shown))
        except KeyboardInterrupt:
            return OK


def _wait(resized: Callable[[float], bool], seconds: float, draw: Callable[[], None]) -> None:
    """Draw, and once more whenever the window changes meanwhile."""
    draw()
    while resized(seconds):
        draw()


def _draw(
    screen: ScreenContext, console: Console, heads: tuple[str, str], lines: Sequence[Text]
) -> None:
    """Draw as much as fits on the terminal as it is now; the second head is what is wrong."""
    size = console.size
    head, problem = heads
    top = [Text(head, style="dim"), *([Text(problem, style="bold red")] if problem else [])]
    room = max(1, size.height - len(top) - 1)
    cut = list(lines)
    if len(cut) > room:
        cut = [*cut[: room - 1], Text(f"… {len(cut) - room + 1} more lines", style="dim")]
    page = Text(no_wrap=True, overflow="crop", end="")
    for line in [*top, *cut]:
        one = line.copy()
        one.truncate(max(1, size.width - 1), overflow="ellipsis")
        page.append_text(one).append("\n")
    screen.update(page)


@contextmanager
def _resizes() -> Iterator[Callable[[float], bool]]:
    """Yield what waits for so many seconds: True at once when the terminal's window changes."""
    number = getattr(signal, "SIGWINCH", None)
    if number is None:
        yield threading.Event().wait
        return
    # A handler that set an event would wait for ever where it interrupts the wait for that event.
    heard, told = os.pipe()
    os.set_blocking(told, False)

    def tell(*_: object) -> None:
        with suppress(BlockingIOError):  # full: it was told often enough
            os.write(told, b".")

    def wait(seconds: float) -> bool:
        changed = bool(select.select([heard], [], [], seconds)[0])
        if changed:
            os.read(heard, 4096)
        return changed

    before = signal.signal(number, tell)
    try:
        yield wait
    finally:
        signal.signal(number, before)
        os.close(heard)
        os.close(told)
