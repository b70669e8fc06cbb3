"""The paper every picture is drawn on: size, theme, title, legend, time axis, bytes at the end."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, Instant, datetime_of
from grange.plots import palette
from grange.plots.palette import Colour, Hatch, Theme
from grange.plots.time_axis import clock_of, describe, ticks

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

_DPI = 96
"""CSS pixels per inch: an SVG and a PNG of one picture have one size."""
_HATCHES = {Hatch.FORWARD: "/////", Hatch.BACKWARD: "\\\\\\\\\\", Hatch.DOTS: "....."}
MARGIN = 18.0
TOP = 58.0
"""Height of title and span."""
AXIS = 24.0
"""Height of one line of labels below axes."""
LEGEND_LINE = 19.0
TOO_SMALL = 340
"""A picture narrower than this has no legend."""


class Format(StrEnum):
    """What a picture is written as."""

    PNG = "png"
    SVG = "svg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What every picture says about itself, and how large it is."""

    title: str
    span: Span
    zone: ZoneInfo
    data_until_at: Instant | None = None
    """Up to when the facts reach; None if there are none."""
    theme: Theme = Theme.LIGHT
    format: Format = Format.PNG
    width: int = 1000
    height: int | None = None
    """Pixels; None: as high as the rows need."""
    scale: float = 1.0
    """PNG pixels per pixel of `width`: 2 for sharp prints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One word of the legend: what it looks like and what it means."""

    handle: "Artist"
    label: str


class Sheet:
    """A figure measured in pixels from its top left corner."""

    def __init__(self, picture: Picture, height: float) -> None:
        from matplotlib.figure import Figure  # noqa: PLC0415 -- the base install has no matplotlib

        self.picture = picture
        self.width = float(picture.width)
        self.height = float(picture.height or height)
        self.figure = Figure(figsize=(self.width / _DPI, self.height / _DPI), dpi=_DPI)
        self.figure.set_facecolor(self.colour(palette.PAGE))
        self._heading()

    def colour(self, colour: Colour) -> str:
        """Return the colour in the picture's theme."""
        return colour.on(self.picture.theme)

    def text(self, x: float, y: float, words: str, **style: Any) -> None:
        """Write `words` with their baseline's left end at (x, y)."""
        self.figure.text(x / self.width, 1 - y / self.height, words, **style)

    def axes(self, left: float, top: float, right: float, bottom: float) -> "Axes":
        """Return axes between these edges, with quiet lines and no frame."""
        width = max(right - left, 1.0)
        height = max(bottom - top, 1.0)
        axes = self.figure.add_axes(
            (
                left / self.width,
                1 - (top + height) / self.height,
                width / self.width,
                height / self.height,
            )
        )
        axes.set_facecolor("none")
        for side in axes.spines.values():
            side.set_visible(False)
        axes.tick_params(length=0, colors=self.colour(palette.TEXT_QUIET), labelsize=8)
        axes.set_axisbelow(True)
        return axes

    def time_axis(self, axes: "Axes", *, labels: bool = True) -> None:
        """Mark the picture's span on the x axis of `axes`; x counts milliseconds from its start."""
        span = self.picture.span
        inner = axes.get_position().width * self.width
        marks = ticks(span, self.picture.zone, int(inner // 84))
        axes.set_xlim(0, max(span.millis, 1))
        axes.set_xticks([mark.at - span.start for mark in marks])
        axes.grid(axis="x", color=self.colour(palette.LINE), linewidth=0.8)
        if not labels:
            axes.set_xticklabels([])
            return
        has_days = _names_days(self.picture)
        axes.set_xticklabels(
            [f"{mark.label}\n{mark.day}" if has_days and mark.day else mark.label for mark in marks]
        )

    def legend(self, entries: Sequence[Entry]) -> None:
        """Draw the legend along the lower edge."""
        if not entries or self.width < TOO_SMALL:
            return
        drawn = self.figure.legend(
            [entry.handle for entry in entries],
            [entry.label for entry in entries],
            loc="lower left",
            bbox_to_anchor=(MARGIN / self.width, 8 / self.height),
            ncols=legend_columns(self.width),
            frameon=False,
            borderpad=0,
            borderaxespad=0,
            columnspacing=1.6,
            handlelength=1.5,
            handleheight=0.95,
            handletextpad=0.6,
            labelspacing=0.55,
            fontsize=8.5,
        )
        for words in drawn.get_texts():
            words.set_color(self.colour(palette.TEXT))

    def message(self, words: str) -> None:
        """Say in the middle why there is nothing to see."""
        self.text(
            self.width / 2,
            (self.height + TOP) / 2,
            words,
            ha="center",
            color=self.colour(palette.TEXT_QUIET),
            fontsize=10,
        )

    def finish(self) -> bytes:
        """Return the picture's bytes."""
        target = io.BytesIO()
        if self.picture.format is Format.SVG:
            metadata: dict[str, Any] = {
                "Date": None,
                "Creator": "Grange",
                "Title": self.picture.title,
            }
            self.figure.savefig(target, format="svg", metadata=metadata)
        else:
            metadata = {"Software": "Grange", "Title": self.picture.title}
            self.figure.savefig(
                target, format="png", dpi=_DPI * self.picture.scale, metadata=metadata
            )
        return target.getvalue()

    def _heading(self) -> None:
        picture = self.picture
        self.text(
            MARGIN, 24, picture.title, color=self.colour(palette.TEXT), fontsize=11.5, weight="bold"
        )
        until = "no data"
        if picture.data_until_at is not None:
            until = f"data until {clock_of(picture.data_until_at, picture.zone)}"
        words = f"{describe(picture.span, picture.zone)} · {until}"
        self.text(MARGIN, 42, words, color=self.colour(palette.TEXT_QUIET), fontsize=8.5)


def axis_height(picture: Picture) -> float:
    """Return the height of the time axis' labels: two lines where it names days too."""
    return AXIS + (11.0 if _names_days(picture) else 0.0)


def _names_days(picture: Picture) -> bool:
    days = {datetime_of(at).astimezone(picture.zone).date() for at in astuple(picture.span)}
    return len(days) > 1 and picture.span.millis < 3 * MILLIS_PER_DAY


def legend_columns(width: float) -> int:
    """Return how many entries of a legend stand side by side."""
    return max(int(width // 190), 1)


def legend_height(entries: int, width: float) -> float:
    """Return the height that so many entries take, with the space above them."""
    if entries == 0 or width < TOO_SMALL:
        return 8.0
    return -(-entries // legend_columns(width)) * LEGEND_LINE + 18.0


def hatch_of(hatch: Hatch) -> str | None:
    """Return matplotlib's name of a hatch."""
    return _HATCHES.get(hatch)


@contextmanager
def drawing(theme: Theme) -> Iterator[None]:
    """Set matplotlib so that pictures look alike everywhere and repeat byte by byte."""
    import matplotlib as mpl  # noqa: PLC0415 -- the base install has no matplotlib

    settings: dict[str, Any] = {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans", "Inter", "Arial"],
        "svg.fonttype": "none",
        "svg.hashsalt": "grange",
        "svg.id": None,
        "hatch.linewidth": 0.7,
        "axes.unicode_minus": True,
        "text.parse_math": False,
        "text.color": palette.TEXT.on(theme),
        "path.simplify": True,
    }
    with mpl.rc_context(cast("Any", settings)):
        yield
