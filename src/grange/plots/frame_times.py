"""Render time of every frame, per layer: the usual, the unusual and the failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from grange.plots import palette
from grange.plots.sheet import AXIS, MARGIN, TOP, Entry, Picture, Sheet, drawing, legend_height

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GUTTER = 60.0
_PANEL = 150.0
_ALONE = 270.0
_BETWEEN = 28.0
_NAMED = 5
_STEPS = (
    *(10, 20, 50, 100, 200, 500),
    *(1_000, 2_000, 5_000, 10_000, 15_000, 30_000),
    *(60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000),
    *(3_600_000, 7_200_000, 14_400_000),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFrames:
    """Frames of one layer, a row per frame and attempt; an unknown render time is None."""

    name: str
    frames: Sequence[int]
    render_ms: Sequence[int | None]
    failed: Sequence[bool]
    """The attempt failed: marked, and left out of the median."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Split:
    usual: list[tuple[int, int]]
    outliers: list[tuple[int, int]]
    failed: list[tuple[int, int | None]]
    median_ms: float | None


def frame_times(picture: Picture, layers: Sequence[LayerFrames]) -> bytes:
    """Return the picture of frame times: a panel per layer, its median and slowest frames named."""
    with drawing(picture.theme):
        measured = [layer for layer in layers if len(layer.frames) > 0]
        below = AXIS + 8 + legend_height(4, picture.width)
        panel = _ALONE if len(measured) <= 1 else _PANEL
        sheet = Sheet(picture, TOP + max(len(measured), 1) * (panel + _BETWEEN) + below)
        if not measured:
            sheet.message("No frame was rendered in this span.")
            return sheet.finish()
        each = (sheet.height - TOP - below) / len(measured)
        for at, layer in enumerate(measured):
            top = TOP + at * each + min(_BETWEEN - 6, each / 3)
            # Layers count their frames apart, so each panel has an axis of its own.
            bottom = TOP + (at + 1) * each - (4 if at == len(measured) - 1 else 18)
            _panel(sheet, layer, top, bottom)
        sheet.text(
            sheet.width - MARGIN,
            sheet.height - below + 29,
            "frame",
            ha="right",
            fontsize=8,
            color=sheet.colour(palette.TEXT_QUIET),
        )
        sheet.legend(_entries(sheet))
        return sheet.finish()


def split(layer: LayerFrames) -> _Split:
    """Sort a layer's frames into usual ones, outliers and failures.

    An outlier took longer than the third quartile by more than one and a half times the distance
    between the quartiles, and by at least a fifth of the median: layers of equal frames have none.
    """
    done: list[tuple[int, int]] = []
    failed: list[tuple[int, int | None]] = []
    for frame, millis, has_failed in zip(layer.frames, layer.render_ms, layer.failed, strict=True):
        if has_failed:
            failed.append((frame, millis))
        elif millis is not None:
            done.append((frame, millis))
    if not done:
        return _Split(usual=[], outliers=[], failed=failed, median_ms=None)
    times = sorted(millis for _, millis in done)
    middle = median(times)
    half = len(times) // 2
    lower, upper = times[: half or 1], times[-half or None :]
    fence = median(upper) + max(1.5 * (median(upper) - median(lower)), 0.2 * middle)
    return _Split(
        usual=[pair for pair in done if pair[1] <= fence],
        outliers=[pair for pair in done if pair[1] > fence],
        failed=failed,
        median_ms=middle,
    )


def duration(millis: float) -> str:
    """Return a render time as people say it: 0.04 s, 5.1 s, 3 min 20 s, 2 h 5 min."""
    seconds = millis / 1000
    if seconds < 60:
        return f"{seconds:.{2 if seconds < 1 else 1}f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    return f"{whole // 3600} h" + (f" {whole % 3600 // 60} min" if whole % 3600 // 60 else "")


def _panel(sheet: Sheet, layer: LayerFrames, top: float, bottom: float) -> None:
    axes = sheet.axes(_GUTTER, top, sheet.width - MARGIN, bottom)
    parts = split(layer)
    times = [millis for _, millis in (*parts.usual, *parts.outliers)]
    times += [millis for _, millis in parts.failed if millis is not None]
    highest = max(times, default=1000)
    _scales(sheet, axes, layer, highest, bottom - top)
    _points(sheet, axes, parts, len(layer.frames))
    if parts.median_ms is not None:
        axes.axhline(
            parts.median_ms,
            color=sheet.colour(palette.TEXT_QUIET),
            linewidth=1,
            linestyle=(0, (4, 3)),
        )
    _name_slowest(sheet, axes, parts)
    sheet.text(
        _GUTTER, top - 8, layer.name, fontsize=9, weight="bold", color=sheet.colour(palette.TEXT)
    )
    sheet.text(
        sheet.width - MARGIN,
        top - 8,
        _figures(parts),
        fontsize=8.5,
        ha="right",
        color=sheet.colour(palette.TEXT_QUIET),
    )


def _figures(parts: _Split) -> str:
    words = [f"{len(parts.usual) + len(parts.outliers)} frames"]
    if parts.median_ms is not None:
        words.append(f"median {duration(parts.median_ms)}")
    if parts.outliers:
        words.append(f"{len(parts.outliers)} slow")
    if parts.failed:
        words.append(f"{len(parts.failed)} failed")
    return "   ".join(words)


def _scales(sheet: Sheet, axes: "Axes", layer: LayerFrames, highest: float, height: float) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 -- see grange.plots

    first, last = min(layer.frames), max(layer.frames)
    around = max((last - first) * 0.012, 0.6)
    axes.set_xlim(first - around, last + around)
    across = max(int((sheet.width - _GUTTER) // 90), 2)
    axes.xaxis.set_major_locator(MaxNLocator(across, integer=True, steps=[1, 2, 2.5, 5, 10]))
    step, unit = _step(highest, max(int(height // 34), 2))
    marks = [at * step for at in range(int(highest * 1.12 // step) + 2)]
    top = max(marks[-1], highest * 1.12)
    axes.set_ylim(-0.05 * top, top)  # room for failed attempts without a time
    axes.set_yticks(marks, [unit(mark) for mark in marks])
    axes.grid(axis="y", color=sheet.colour(palette.LINE), linewidth=0.8)


def _step(highest: float, most: int) -> tuple[int, "_Unit"]:
    step = next((step for step in _STEPS if highest * 1.12 / step <= most), _STEPS[-1])
    return step, _Unit(decimals=1 if step % 1000 else 0) if step < 60_000 else _Unit(decimals=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """Words of a time axis: seconds with so many decimals, or minutes and hours."""

    decimals: int | None

    def __call__(self, millis: float) -> str:
        if millis == 0:
            return "0"
        if self.decimals is None or (self.decimals == 0 and millis >= 120_000):
            return duration(millis)
        return f"{millis / 1000:.{2 if millis % 100 else self.decimals}f} s"


def _points(sheet: Sheet, axes: "Axes", parts: _Split, frames: int) -> None:
    size = 24.0 if frames <= 200 else 12.0 if frames <= 600 else 5.0
    for pairs, colour, marker, name in (
        (parts.usual, palette.DONE, "o", "usual"),
        (parts.outliers, palette.HELD, "^", "slow"),
    ):
        if pairs:
            drawn = axes.scatter(
                [frame for frame, _ in pairs],
                [millis for _, millis in pairs],
                s=max(size * 1.6, 34.0) if marker == "^" else size,
                marker=marker,
                color=sheet.colour(colour),
                linewidths=0.5,
                edgecolors=sheet.colour(palette.PAGE),
                zorder=3,
            )
            drawn.set_gid(f"frames-{name}")
    if parts.failed:
        drawn = axes.scatter(
            [frame for frame, _ in parts.failed],
            [millis or 0 for _, millis in parts.failed],
            s=36,
            marker="x",
            color=sheet.colour(palette.FAILED),
            linewidths=1.8,
            zorder=4,
            clip_on=False,
        )
        drawn.set_gid("frames-failed")


def _name_slowest(sheet: Sheet, axes: "Axes", parts: _Split) -> None:
    for frame, millis in sorted(parts.outliers, key=lambda pair: -pair[1])[:_NAMED]:
        axes.annotate(
            f"{frame}",
            (frame, millis),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=sheet.colour(palette.TEXT),
        )


def _entries(sheet: Sheet) -> list[Entry]:
    from matplotlib.lines import Line2D  # noqa: PLC0415 -- see grange.plots

    looks = (
        (palette.DONE, "o", 6, "rendered"),
        (palette.HELD, "^", 7, "unusually slow"),
        (palette.FAILED, "x", 6, "failed attempt"),
    )
    entries = [
        Entry(
            handle=Line2D(
                [],
                [],
                linestyle="none",
                marker=marker,
                markersize=size,
                markeredgewidth=1.8 if marker == "x" else 0.5,
                color=sheet.colour(colour),
            ),
            label=label,
        )
        for colour, marker, size, label in looks
    ]
    line = Line2D(
        [], [], color=sheet.colour(palette.TEXT_QUIET), linestyle=(0, (4, 3)), linewidth=1
    )
    return [*entries, Entry(handle=line, label="median")]
