"""CPU over time: the mean as a line, lowest to highest as a band, per worker or for the farm."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grange.kernel.units import Instant
from grange.plots import palette
from grange.plots.sheet import (
    MARGIN,
    TOP,
    Entry,
    Picture,
    Sheet,
    axis_height,
    drawing,
    legend_height,
)

_GUTTER = 52.0
_PANEL = 104.0
_ALONE = 250.0
_BETWEEN = 32.0
_MOST_PANELS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuSeries:
    """CPU of one worker or of the farm, a row per slot, ascending; thousandths of the machine.

    None is unknown and drawn as a gap, as is a slot that is not there.
    """

    name: str
    starts_at: Sequence[int]
    """Start of each slot."""
    slot_ms: int
    mean_milli: Sequence[int | None]
    low_milli: Sequence[int | None]
    high_milli: Sequence[int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Slots that touch each other, as a staircase: every slot holds its value from start to end."""

    at: list[float]
    mean: list[float]
    low: list[float]
    high: list[float]


def cpu(picture: Picture, series: Sequence[CpuSeries]) -> bytes:
    """Return the picture of CPU over time: a panel per series, its mean and highest value named.

    More than 16 series share one panel: their mean, and the lowest and highest of them all.
    """
    if len(series) > _MOST_PANELS:
        series = [together(series)]
    with drawing(picture.theme):
        below = axis_height(picture) + legend_height(2, picture.width)
        panel = _ALONE if len(series) <= 1 else _PANEL
        natural = TOP + max(len(series), 1) * (panel + _BETWEEN) + below
        sheet = Sheet(picture, natural)
        if not series:
            sheet.message("No worker was measured in this span.")
            return sheet.finish()
        each = (sheet.height - TOP - below) / len(series)
        for at, one in enumerate(series):
            top = TOP + at * each + min(_BETWEEN - 10, each / 3)
            bottom = TOP + (at + 1) * each - 4
            _panel(sheet, one, top, bottom, is_last=at == len(series) - 1)
        sheet.legend(_entries(sheet))
        return sheet.finish()


def together(series: Sequence[CpuSeries]) -> CpuSeries:
    """Return the mean over series in each slot, and the lowest and highest value of any of them."""
    slots: dict[int, list[tuple[int, int, int]]] = {}
    for one in series:
        columns = (one.starts_at, one.mean_milli, one.low_milli, one.high_milli)
        for at, mean, low, high in zip(*columns, strict=True):
            if mean is not None:
                known = (mean, mean if low is None else low, mean if high is None else high)
                slots.setdefault(at, []).append(known)
    order = sorted(slots)
    return CpuSeries(
        name=f"{len(series)} workers",
        starts_at=order,
        slot_ms=series[0].slot_ms,
        mean_milli=[sum(mean for mean, _, _ in slots[at]) // len(slots[at]) for at in order],
        low_milli=[min(low for _, low, _ in slots[at]) for at in order],
        high_milli=[max(high for _, _, high in slots[at]) for at in order],
    )


def _panel(sheet: Sheet, series: CpuSeries, top: float, bottom: float, *, is_last: bool) -> None:
    axes = sheet.axes(_GUTTER, top, sheet.width - MARGIN, bottom)
    axes.set_ylim(0, 1025)  # so that a line at 100 % is seen whole
    marks = [0, 500, 1000] if bottom - top < 160 else [0, 250, 500, 750, 1000]
    axes.set_yticks(marks, [f"{mark // 10} %" for mark in marks])
    axes.grid(axis="y", color=sheet.colour(palette.LINE), linewidth=0.8)
    colour = sheet.colour(palette.ACTIVE)
    for number, run in enumerate(_runs(sheet.picture, series)):
        axes.fill_between(run.at, run.low, run.high, color=colour, alpha=0.22, linewidth=0)
        axes.plot(run.at, run.mean, color=colour, linewidth=1.5, gid=f"mean-{series.name}-{number}")
    sheet.time_axis(axes, labels=is_last)
    sheet.text(
        _GUTTER, top - 6, series.name, fontsize=9, weight="bold", color=sheet.colour(palette.TEXT)
    )
    sheet.text(
        sheet.width - MARGIN,
        top - 6,
        _figures(sheet.picture, series),
        fontsize=8.5,
        ha="right",
        color=sheet.colour(palette.TEXT_QUIET),
    )


def _figures(picture: Picture, series: CpuSeries) -> str:
    inside = [
        (mean, high)
        for at, mean, high in zip(
            series.starts_at, series.mean_milli, series.high_milli, strict=True
        )
        if mean is not None and Instant(at) in picture.span
    ]
    if not inside:
        return "not measured"
    mean = sum(mean for mean, _ in inside) / len(inside)
    highest = max(mean if high is None else high for mean, high in inside)
    return f"mean {mean / 10:.0f} %   highest {highest / 10:.0f} %"


def _runs(picture: Picture, series: CpuSeries) -> Iterator[_Run]:
    run = _Run(at=[], mean=[], low=[], high=[])
    ends_at = None
    columns = (series.starts_at, series.mean_milli, series.low_milli, series.high_milli)
    for start, mean, low, high in zip(*columns, strict=True):
        if run.at and (mean is None or start != ends_at):
            yield run
            run = _Run(at=[], mean=[], low=[], high=[])
        if mean is None:
            continue
        ends_at = start + series.slot_ms
        for at in (start, ends_at):
            run.at.append(float(at - picture.span.start))
            run.mean.append(float(mean))
            run.low.append(float(mean if low is None else low))
            run.high.append(float(mean if high is None else high))
    if run.at:
        yield run


def _entries(sheet: Sheet) -> list[Entry]:
    from matplotlib.lines import Line2D  # noqa: PLC0415 -- see grange.plots
    from matplotlib.patches import Patch  # noqa: PLC0415 -- see grange.plots

    colour = sheet.colour(palette.ACTIVE)
    return [
        Entry(handle=Line2D([], [], color=colour, linewidth=1.5), label="mean of the slot"),
        Entry(handle=Patch(facecolor=colour, alpha=0.22, linewidth=0), label="lowest to highest"),
    ]
