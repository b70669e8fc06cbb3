"""Pictures of streams: a panel per measure, a line per stream, gaps as gaps, and figures."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from zoneinfo import ZoneInfo

from grange.kernel.intervals import Span
from grange.kernel.units import Instant
from grange.plots import palette
from grange.plots.canvas import Canvas, PngCanvas, SvgCanvas
from grange.plots.palette import Colour, Theme
from grange.plots.sheet import Format
from grange.plots.stream_axis import decades, moment_words, round_marks, span_words, time_marks
from grange.plots.stream_words import WORDS, Language, Unit, Words, figure, step_words

STREAM_GRAPH_VERSION = 2
"""Raised when the same columns give another picture, so that kept pictures are drawn again."""
MOST_LINES = 24
"""More lines than this in one picture cannot be told apart."""
_MARGIN = 16.0
_TOP = 54.0
_HEAD = 22.0
_AXIS = 30.0
_ROW = 15.0
_FOOT = 10.0
_GAP = 12.0
_SMALL = 560
_DASHES: tuple[tuple[float, ...], ...] = ((), (6.0, 3.0), (2.0, 2.0), (8.0, 3.0, 2.0, 3.0))
_LOG_FROM = 100.0
_DOT = 2.6
_MOST_BANDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is told of one line in figures, over the whole span."""

    low: float | None = None
    mean: float | None = None
    high: float | None = None
    total: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One stream's measure: a row per slot, ascending.

    None is a slot in which there was nothing to measure; a slot that is not there is unknown.
    """

    name: str
    step_ms: int
    starts_at: Sequence[int]
    mean: Sequence[float | None]
    low: Sequence[float | None] = ()
    """Lowest value inside each slot; empty: there is none to show."""
    high: Sequence[float | None] = ()
    figures: Figures = field(default_factory=Figures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One measure of all streams of a picture."""

    key: str
    title: str
    unit: Unit
    lines: Sequence[Line]
    limit: float | None = None
    """Drawn as a dashed line where it fits."""
    counts: bool = False
    """True: what was counted in each slot, filled from zero; False: a reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPicture:
    """What a picture of streams says about itself, and how it is drawn."""

    title: str
    span: Span
    zone: ZoneInfo
    data_until_at: Instant | None = None
    """Up to when the facts reach; None: there are none."""
    theme: Theme = Theme.LIGHT
    format: Format = Format.PNG
    language: Language = Language.ENGLISH
    width: int = 1000
    height: int | None = None
    scale: float = 1.0
    logarithmic: bool | None = None
    """None: where a panel's highest value is 100 times its usual one."""


def stream_graph(picture: StreamPicture, panels: Sequence[Panel]) -> bytes:
    """Return the picture: PNG or SVG bytes, the same for the same columns."""
    return _Drawing(picture, panels).drawn()


def is_logarithmic(panel: Panel) -> bool:
    """Return whether a panel reads better by decades: its highest is 100 times its usual value."""
    usual = [
        value for line in panel.lines for value in line.mean if value is not None and value > 0
    ]
    if len(usual) < 3:
        return False
    return _highest(panel) >= _LOG_FROM * median(usual)


def _highest(panel: Panel) -> float:
    banded = len(panel.lines) <= _MOST_BANDS
    return max(
        (
            value
            for line in panel.lines
            for column in ((line.mean, line.high) if banded else (line.mean,))
            for value in column
            if value is not None
        ),
        default=0.0,
    )


def _is_banded(panel: Panel) -> bool:
    return len(panel.lines) <= _MOST_BANDS and any(
        value is not None for line in panel.lines for value in line.high
    )


def _across(words: str, size: float, *, bold: bool = False) -> float:
    """Return about how wide words are."""
    return len(words) * size * (0.68 if bold else 0.6)


@dataclass(frozen=True, slots=True)
class _Run:
    """Slots that touch each other: the places of their edges and their values."""

    edges: list[float]
    mean: list[float]
    low: list[float]
    high: list[float]


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where a value lies between a panel's lower and upper edge."""

    low: float
    high: float
    log: bool
    bottom: float
    top: float

    def y(self, value: float) -> float:
        """Return the place of a value; what lies outside is drawn at the edge."""
        if self.log:
            low, high = math.log10(self.low), math.log10(self.high)
            value = math.log10(max(value, self.low))
        else:
            low, high = self.low, self.high
        share = min(max((value - low) / (high - low), 0.0), 1.0)
        return self.bottom - share * (self.bottom - self.top)

    def places(self, values: Sequence[float]) -> list[float]:
        """Return the places of many values."""
        if self.log:
            return [self.y(value) for value in values]
        low, high, bottom = self.low, self.high, self.bottom
        wide, tall = high - low, bottom - self.top
        return [
            bottom
            if value <= low
            else bottom - tall
            if value >= high
            else bottom - (value - low) / wide * tall
            for value in values
        ]


class _Drawing:
    def __init__(self, picture: StreamPicture, panels: Sequence[Panel]) -> None:
        self._picture = picture
        self._panels = panels
        self._words: Words = WORDS[picture.language]
        self._small = picture.width < _SMALL
        self._rows = [
            len(panel.lines) if len(panel.lines) > 1 and not self._small else 0 for panel in panels
        ]
        self._left = _MARGIN + (44.0 if self._small else 60.0)
        self._right = picture.width - _MARGIN
        self._head = _HEAD
        self._top = _TOP
        if self._small:
            self._head, self._top = (16.0 if len(panels) > 1 else 6.0), 40.0
        around = (
            sum(self._head + _GAP + rows * _ROW + 4 for rows in self._rows)
            + self._top
            + ((_AXIS + _FOOT) if not self._small else 8.0)
        )
        count = max(len(panels), 1)
        each = 210.0 if count == 1 else 132.0 if count == 2 else 104.0
        self._height = picture.height or round(around + count * each)
        self._each = max((self._height - around) / count, 24.0)
        self._canvas: Canvas = (
            SvgCanvas(picture.width, self._height)
            if picture.format is Format.SVG
            else PngCanvas(picture.width, self._height, picture.scale)
        )

    def drawn(self) -> bytes:
        picture = self._picture
        self._canvas.box(0, 0, picture.width, self._height, fill=self._of(palette.PAGE))
        self._heading()
        if not any(value is not None for panel in self._panels for line in panel.lines
                   for value in line.mean):  # fmt: skip
            self._canvas.text(
                picture.width / 2,
                (self._height + self._top) / 2,
                self._words.nothing,
                self._of(palette.TEXT_QUIET),
                13,
                anchor="middle",
            )
            return self._canvas.finish(picture.title)
        top = self._top
        for at, (panel, rows) in enumerate(zip(self._panels, self._rows, strict=True)):
            bottom = top + self._head + self._each
            self._panel(panel, top, bottom, is_last=at == len(self._panels) - 1)
            below = bottom + (_AXIS if at == len(self._panels) - 1 else 4.0)
            if rows:
                self._table(panel, below)
            top = bottom + _GAP + rows * _ROW + (4 if rows else 0)
        return self._canvas.finish(picture.title)

    # Around the panels

    def _heading(self) -> None:
        picture, words = self._picture, self._words
        quiet = self._of(palette.TEXT_QUIET)
        until = words.no_data
        if picture.data_until_at is not None:
            moment = moment_words(picture.data_until_at, picture.span, picture.zone, words)
            until = f"{words.until} {moment}"
        steps = sorted({line.step_ms for panel in self._panels for line in panel.lines})
        told = [span_words(picture.span, picture.zone, words), until]
        if steps and not self._small:
            told.append(f"{words.each} {step_words(steps[0], words)}")
            if any(_is_banded(panel) for panel in self._panels):
                told.append(words.band)
        size = 10 if self._small else 11.5
        title_size = 12 if self._small else 15.5
        room = int((picture.width - 2 * _MARGIN) / _across("m", title_size, bold=True))
        title = picture.title if len(picture.title) <= room else f"{picture.title[: room - 1]}…"
        self._canvas.text(_MARGIN, 23, title, self._of(palette.TEXT), title_size, bold=True)
        self._canvas.text(_MARGIN, 37 if self._small else 41, " · ".join(told), quiet, size)
        if self._small:
            self._names(_MARGIN + _across(title, title_size, bold=True))

    def _names(self, left: float) -> None:
        """Name the lines of a small picture in their colours, as far as there is room."""
        right = self._right
        for panel in self._panels:
            names = [(line.name, number) for number, line in enumerate(panel.lines)]
            for name, number in reversed(names if len(names) > 1 else []):
                wide = _across(name, 9.5)
                if right - wide < left + 8:
                    return
                self._canvas.text(right, 23, name, self._colour(number), 9.5, anchor="right")
                right -= wide + 10

    def _panel(self, panel: Panel, top: float, bottom: float, *, is_last: bool) -> None:
        canvas, words = self._canvas, self._words
        ink, quiet = self._of(palette.TEXT), self._of(palette.TEXT_QUIET)
        if not self._small or len(self._panels) > 1:
            size = 10.5 if self._small else 12
            canvas.text(self._left, top + self._head - 8, panel.title, ink, size, bold=True)
        if len(panel.lines) == 1 and not self._small:
            told = "    ".join(
                f"{name} {value}" for name, value in self._figures(panel, panel.lines[0])
            )
            canvas.text(self._right, top + self._head - 8, told, quiet, 11, anchor="right")
        scale, marks = self._scale(panel, top + self._head, bottom)
        line = self._of(palette.LINE)
        for mark in marks:
            y = scale.y(mark)
            canvas.line([(self._left, y), (self._right, y)], line, 1)
            shown = figure(mark, panel.unit, words)
            shown = f"≤ {shown}" if scale.log and mark == marks[0] else shown
            canvas.text(self._left - 6, y + 3.5, shown, quiet, 8.5 if self._small else 10.5,
                        anchor="right")  # fmt: skip
        self._time_axis(scale, labels=is_last)
        self._gaps(panel, scale)
        if panel.limit is not None and scale.low < panel.limit < scale.high:
            y = scale.y(panel.limit)
            failed = self._of(palette.FAILED)
            canvas.line([(self._left, y), (self._right, y)], failed, 1, dash=(5, 4))
            told = f"{words.limit} {figure(panel.limit, panel.unit, words)}"
            canvas.text(self._right - 4, y - 4, told, failed, 10, anchor="right")
        for number, one in enumerate(panel.lines):
            self._line(panel, scale, one, number)

    def _time_axis(self, scale: _Scale, *, labels: bool) -> None:
        span, quiet = self._picture.span, self._of(palette.TEXT_QUIET)
        wide = 62 if self._small else 84
        most = max(int((self._right - self._left) // wide), 2)
        last = -math.inf
        for mark in time_marks(span, self._picture.zone, most, self._words):
            x = self._x(mark.at)
            self._canvas.line([(x, scale.top), (x, scale.bottom)], self._of(palette.LINE), 1)
            if not labels or x - last < wide * 0.6 or x > self._right - 4:
                continue
            last = x
            anchor = "middle" if x - self._left > 16 else "left"
            size = 8.5 if self._small else 10.5
            self._canvas.text(x, scale.bottom + 13, mark.label, quiet, size, anchor=anchor)
            if mark.day and mark.day != mark.label and not self._small:
                self._canvas.text(x, scale.bottom + 25, mark.day, quiet, size, anchor=anchor)

    def _table(self, panel: Panel, top: float) -> None:
        columns = (0.46, 0.60, 0.74, 0.88)
        width = self._right - self._left
        for number, line in enumerate(panel.lines):
            y = top + number * _ROW + 11
            self._canvas.line(
                [(self._left, y - 3.5), (self._left + 20, y - 3.5)],
                self._colour(number),
                2,
                dash=_dash(number),
            )
            name = line.name if len(line.name) <= 46 else f"{line.name[:45]}…"
            self._canvas.text(self._left + 27, y, name, self._of(palette.TEXT), 11)
            quiet = self._of(palette.TEXT_QUIET)
            for share, (what, value) in zip(columns, self._figures(panel, line), strict=False):
                self._canvas.text(self._left + share * width, y, f"{what} {value}", quiet, 11)

    def _figures(self, panel: Panel, line: Line) -> list[tuple[str, str]]:
        words, told = self._words, line.figures
        unit = panel.unit
        found = [
            (words.lowest, figure(told.low, unit, words)),
            (words.mean, figure(told.mean, unit, words)),
            (words.highest, figure(told.high, unit, words)),
        ]
        if told.total is not None:
            found.append((words.total, figure(told.total, unit, words, digits=4)))
        return found

    # Values

    def _scale(self, panel: Panel, top: float, bottom: float) -> tuple[_Scale, list[float]]:
        high = _highest(panel)
        wants = self._picture.logarithmic
        log = is_logarithmic(panel) if wants is None else wants
        if log:
            above = [
                value
                for line in panel.lines
                for value in line.mean
                if value is not None and value > 0
            ]
            if above:
                # A few tiny values would push everything else together.
                floor = max(min(above), high / 1e6)
                marks = decades(floor, max(high, floor * 10))
                if len(marks) > 5:
                    every = -(-(len(marks) - 1) // 4)
                    shown = marks[::every]
                else:
                    shown = marks
                return _Scale(marks[0], marks[-1], True, bottom, top), shown
        low = min(
            (value for line in panel.lines for column in (line.mean, line.low) for value in column
             if value is not None),
            default=0.0,
        )  # fmt: skip
        # Readings far from zero, as temperatures are, fill the panel; counts begin at zero.
        low = 0.0 if panel.counts or (0 <= low < 0.5 * high) else low
        if low == high:
            low, high = min(low, 0.0), max(high, 1.0 if panel.unit is Unit.COUNT else high or 1.0)
        marks = round_marks(high, max(int((bottom - top) // 30), 2), panel.unit, low)
        return _Scale(marks[0], marks[-1], False, bottom, top), marks

    def _line(self, panel: Panel, scale: _Scale, line: Line, number: int) -> None:
        colour = self._colour(number)
        alone = len(panel.lines) == 1
        line = _thinned(line, int(self._right - self._left), self._picture.span)
        is_banded = bool(line.high) and len(panel.lines) <= _MOST_BANDS
        opacity = 0.24 if alone else 0.15
        name = f"{panel.key}-{number}"
        for at, run in enumerate(self._runs(line)):
            if is_banded:
                upper = self._places(run, run.high, scale)
                lower = self._places(run, run.low, scale)
                self._canvas.area(
                    [*upper, *reversed(lower)], colour, opacity, name=f"band-{name}-{at}"
                )
            mean = self._places(run, run.mean, scale)
            if panel.counts and alone:
                ends = [(mean[-1][0], scale.bottom), (mean[0][0], scale.bottom)]
                self._canvas.area([*mean, *ends], colour, 0.28, name=f"area-{name}-{at}")
            if mean[-1][0] - mean[0][0] < _DOT:  # what stands alone is seen
                middle = (mean[0][0] + mean[-1][0]) / 2
                mean = [(middle - _DOT / 2, mean[0][1]), (middle + _DOT / 2, mean[-1][1])]
            self._canvas.line(mean, colour, 1.4, dash=_dash(number), name=f"mean-{name}-{at}")

    def _places(
        self, run: _Run, values: Sequence[float], scale: _Scale
    ) -> list[tuple[float, float]]:
        """Return the corners of a staircase, or where slots are narrow, of a line."""
        edges = run.edges
        places = scale.places(values)
        if edges[1] - edges[0] >= 3 or len(values) == 1:
            return [
                corner
                for left, right, y in zip(edges[:-1], edges[1:], places, strict=True)
                for corner in ((left, y), (right, y))
            ]
        return [
            (edges[0], places[0]),
            *(
                ((left + right) / 2, y)
                for left, right, y in zip(edges[:-1], edges[1:], places, strict=True)
            ),
            (edges[-1], places[-1]),
        ]

    def _runs(self, line: Line) -> Iterator[_Run]:
        run = _Run([], [], [], [])
        end = None
        banded = bool(line.high)
        for at, start in enumerate(line.starts_at):
            mean = line.mean[at]
            if run.mean and (mean is None or start != end):
                yield run
                run = _Run([], [], [], [])
            if mean is None:
                continue
            if not run.edges:
                run.edges.append(self._x(start))
            end = start + line.step_ms
            run.edges.append(self._x(end))
            low = line.low[at] if banded else None
            high = line.high[at] if banded else None
            run.mean.append(mean)
            run.low.append(mean if low is None else low)
            run.high.append(mean if high is None else high)
        if run.mean:
            yield run

    def _gaps(self, panel: Panel, scale: _Scale) -> None:
        """Shade where no stream of a panel has data, up to where the facts reach."""
        until = self._picture.data_until_at
        known = sorted(
            (start, start + line.step_ms) for line in panel.lines for start in line.starts_at
        )
        end = min(self._picture.span.end, until if until is not None else self._picture.span.end)
        cursor = int(self._picture.span.start)
        shade = self._of(palette.LINE)
        for first, last in [*known, (end, end)]:
            if first <= cursor:
                cursor = max(cursor, last)
                continue
            left, right = self._x(cursor), self._x(first)
            if right - left >= 1:
                self._canvas.box(left, scale.top, right, scale.bottom, fill=shade, opacity=0.7)
                if right - left > 60 and not self._small:
                    self._canvas.text(
                        (left + right) / 2,
                        (scale.top + scale.bottom) / 2 + 4,
                        self._words.gap,
                        self._of(palette.TEXT_QUIET),
                        10.5,
                        anchor="middle",
                    )
            cursor = max(cursor, last)

    def _x(self, at: int) -> float:
        span = self._picture.span
        share = (at - span.start) / max(span.millis, 1)
        return self._left + min(max(share, 0.0), 1.0) * (self._right - self._left)

    def _of(self, colour: Colour) -> str:
        return colour.on(self._picture.theme)

    def _colour(self, number: int) -> str:
        return self._of(palette.LINES[number % len(palette.LINES)])


def _dash(number: int) -> tuple[float, ...]:
    return _DASHES[number // len(palette.LINES) % len(_DASHES)]


def _thinned(line: Line, pixels: int, span: Span) -> Line:
    """Join slots narrower than a pixel: the mean of their means, the lowest and highest of all."""
    slots = -(-span.millis // max(line.step_ms, 1))
    every = -(-slots // max(pixels, 1))
    if every <= 1:
        return line
    step = line.step_ms * every
    sums: dict[int, list[float]] = {}
    lows = line.low or line.mean
    highs = line.high or line.mean
    first = line.starts_at[0] if len(line.starts_at) else 0
    for at, start in enumerate(line.starts_at):
        mean = line.mean[at]
        if mean is None:
            continue
        slot = start - (start - first) % step
        low, high = lows[at], highs[at]
        low = mean if low is None else low
        high = mean if high is None else high
        found = sums.get(slot)
        if found is None:
            sums[slot] = [mean, 1, low, high]
        else:
            found[0] += mean
            found[1] += 1
            found[2] = min(found[2], low)
            found[3] = max(found[3], high)
    starts = sorted(sums)
    return Line(
        name=line.name,
        step_ms=step,
        starts_at=starts,
        mean=[sums[start][0] / sums[start][1] for start in starts],
        low=[sums[start][2] for start in starts],
        high=[sums[start][3] for start in starts],
        figures=line.figures,
    )
