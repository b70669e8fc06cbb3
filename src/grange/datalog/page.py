"""The pages of a data logger: all series, and one series drawn (S3-17)."""

from collections.abc import Sequence
from html import escape

from grange.books.values.rows import Row
from grange.books.values.sources import LoggedSeries
from grange.kernel.units import Instant, iso8601
from grange.ports.series_files import SeriesHistory

_WIDTH, _HEIGHT, _MARGIN = 800, 220, 46
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 54rem;
  padding: 0 1rem }}
table {{ border-collapse: collapse }} td, th {{ padding: .2rem .8rem .2rem 0; text-align: left }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums }}
svg {{ width: 100%; height: auto; background: #fff }}
</style></head><body>
"""
_FOOT = "</body></html>\n"


def index_page(logger: str, series: Sequence[tuple[LoggedSeries, str]]) -> str:
    """Return the page of all series; each comes with the path of its file."""
    rows = "".join(
        f"<tr><td><a href='/series/{escape(one.name)}'>{escape(one.name)}</a></td>"
        f"<td class='number'>{one.step_seconds} s</td><td class='number'>{len(one.sources)}</td>"
        f"<td><a href='/files/{escape(path)}'>{escape(path)}</a></td></tr>"
        for one, path in series
    )
    title = f"Series of {escape(logger)}"
    return (
        _HEAD.format(title=title) + f"<h1>{title}</h1>\n<table><thead><tr><th>Series</th>"
        "<th>Step</th><th>Sources</th><th>File</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>\n" + _FOOT
    )


def series_page(series: LoggedSeries, history: SeriesHistory, fresh: Sequence[Row]) -> str:
    """Return the page of one series: its sources and their sum, drawn, and their last values.

    Args:
        series: the series.
        history: what its file holds.
        fresh: rows that are not in the file yet.
    """
    starts, columns = _joined(history, fresh, len(series.sources))
    labels = [*series.labels, "sum"] if len(columns) > 1 else list(series.labels)
    if len(columns) > 1:
        columns.append([_sum(row) for row in zip(*columns, strict=True)])
    name = escape(series.name)
    rows = "".join(
        f"<tr><td style='color:{_colour(place)}'>{escape(label)}</td>"
        f"<td class='number'>{_shown(_last(column))}</td>"
        f"<td class='number'>{_shown(_least(column))}</td>"
        f"<td class='number'>{_shown(_most(column))}</td></tr>"
        for place, (label, column) in enumerate(zip(labels, columns, strict=True))
    )
    span = f"{iso8601(starts[0])} to {iso8601(starts[-1])}" if starts else "no values yet"
    return (
        _HEAD.format(title=name)
        + f"<p><a href='/'>All series</a></p><h1>{name}</h1>\n<p>{span}, UTC, rows of "
        f"{series.step_seconds} s</p>\n{_picture(series.name, starts, columns)}\n"
        "<table><thead><tr><th>Source</th><th>Last</th><th>Least</th><th>Most</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>\n" + _FOOT
    )


def _joined(
    history: SeriesHistory, fresh: Sequence[Row], sources: int
) -> tuple[list[Instant], list[list[float | None]]]:
    """Return times and columns of the file's rows and of the newer ones."""
    starts = list(history.starts)
    columns = [list(column) for column in history.columns] or [[] for _ in range(sources)]
    for row in fresh:
        if not starts or row.start_at > starts[-1]:
            starts.append(row.start_at)
            for column, value in zip(columns, row.values, strict=True):
                column.append(value)
    return starts, columns


def _picture(
    name: str, starts: Sequence[Instant], columns: Sequence[Sequence[float | None]]
) -> str:
    known = [value for column in columns for value in column if value is not None]
    if not known or len(starts) < 1:
        return "<p>Nothing to draw yet.</p>"
    low, high = min(0.0, *known), max(known)
    if high == low:
        high = low + 1.0
    first, last = starts[0], max(starts[-1], starts[0] + 1)

    def place(at: int, value: float) -> str:
        x = _MARGIN + (at - first) / (last - first) * (_WIDTH - _MARGIN - 8)
        y = _HEIGHT - 20 - (value - low) / (high - low) * (_HEIGHT - 30)
        return f"{x:.1f},{y:.1f}"

    lines = []
    for number, column in enumerate(columns):
        part: list[str] = []
        for at, value in zip([*starts, 0], [*column, None], strict=True):
            if value is not None:
                part.append(place(at, value))
            elif part:  # a gap is a gap
                points = " ".join(part if len(part) > 1 else part * 2)
                lines.append(
                    f"<polyline points='{points}' fill='none' stroke='{_colour(number)}' "
                    "stroke-width='1.5' stroke-linecap='round'/>"
                )
                part = []
    axis = (
        f"<line x1='{_MARGIN}' y1='10' x2='{_MARGIN}' y2='{_HEIGHT - 20}' stroke='#888'/>"
        f"<line x1='{_MARGIN}' y1='{_HEIGHT - 20}' x2='{_WIDTH}' y2='{_HEIGHT - 20}' "
        "stroke='#888'/>"
        f"<text x='{_MARGIN - 4}' y='16' text-anchor='end' font-size='11'>{_shown(high)}</text>"
        f"<text x='{_MARGIN - 4}' y='{_HEIGHT - 20}' text-anchor='end' font-size='11'>"
        f"{_shown(low)}</text>"
    )
    return (
        f"<svg viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img' aria-label='{escape(name)}'>"
        f"{axis}{''.join(lines)}</svg>"
    )


def _colour(place: int) -> str:
    return _COLOURS[place % len(_COLOURS)]


def _sum(values: Sequence[float | None]) -> float | None:
    """Return the sum of a row; one unknown part makes it unknown."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _last(column: Sequence[float | None]) -> float | None:
    return next((value for value in reversed(column) if value is not None), None)


def _least(column: Sequence[float | None]) -> float | None:
    return min((value for value in column if value is not None), default=None)


def _most(column: Sequence[float | None]) -> float | None:
    return max((value for value in column if value is not None), default=None)


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}"
