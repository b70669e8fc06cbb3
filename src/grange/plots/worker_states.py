"""One row per job thread over time, coloured by account."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from grange.kernel.intervals import Span
from grange.plots import palette
from grange.plots.palette import ACCOUNTS, AccountLook, Hatch, account_look
from grange.plots.sheet import (
    MARGIN,
    TOP,
    Entry,
    Picture,
    Sheet,
    axis_height,
    drawing,
    hatch_of,
    legend_height,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GUTTER = 128.0
_NARROW_GUTTER = 84.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadStates:
    """What one job thread did: half-open segments, ascending. What none covers is unknown."""

    worker: str
    thread: int
    starts_at: Sequence[int]
    ends_at: Sequence[int]
    accounts: Sequence[str]


def worker_states(picture: Picture, rows: Sequence[ThreadStates]) -> bytes:
    """Return the picture of what every job thread did; a gap in the facts is a gap in its row."""
    with drawing(picture.theme):
        shown = _shown(picture.span, rows)
        below = axis_height(picture) + legend_height(len(shown), picture.width)
        row_height = _row_height(len(rows))
        sheet = Sheet(picture, TOP + max(_rows_height(rows, row_height), 40.0) + below)
        if not rows:
            sheet.message("No job thread was there in this span.")
            return sheet.finish()
        gutter = _GUTTER if picture.width >= 600 else _NARROW_GUTTER
        axes = sheet.axes(gutter, TOP, sheet.width - MARGIN, sheet.height - below)
        tops = _tops(rows)
        axes.set_ylim(tops[-1] + 1.1, -0.1)
        _draw_segments(sheet, axes, rows, tops)
        sheet.time_axis(axes)
        _name_rows(sheet, axes, rows, tops)
        sheet.legend([_entry(sheet, account, share) for account, share in shown])
        return sheet.finish()


def _row_height(rows: int) -> float:
    if rows <= 24:
        return 17.0
    return 10.0 if rows <= 80 else 5.0


def _rows_height(rows: Sequence[ThreadStates], row_height: float) -> float:
    return (_tops(rows)[-1] + 1.2) * row_height if rows else 0.0


def _tops(rows: Sequence[ThreadStates]) -> list[float]:
    """Top of each row in units of rows: threads of one worker stand close together."""
    tops = [0.0] if rows else []
    for before, row in pairwise(rows):
        tops.append(tops[-1] + (1.08 if before.worker == row.worker else 1.32))
    return tops


def _shown(span: Span, rows: Sequence[ThreadStates]) -> list[tuple[AccountLook, float]]:
    """Accounts that occur, with their share of machine time."""
    threads: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        threads[row.worker] += 1
    sums: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        covered = 0
        for start, end, name in zip(row.starts_at, row.ends_at, row.accounts, strict=True):
            length = min(end, span.end) - max(start, span.start)
            if length > 0 and account_look(name).key != "unknown":
                sums[account_look(name).key] += length / threads[row.worker]
                covered += length
        sums["unknown"] += max(span.millis - covered, 0) / threads[row.worker]
    whole = span.millis * len(threads) or 1
    return [(account, sums[account.key] / whole) for account in ACCOUNTS if sums[account.key] > 0]


def _draw_segments(
    sheet: Sheet, axes: "Axes", rows: Sequence[ThreadStates], tops: Sequence[float]
) -> None:
    from matplotlib.patches import PathPatch  # noqa: PLC0415 -- see grange.plots
    from matplotlib.path import Path  # noqa: PLC0415 -- see grange.plots

    span = sheet.picture.span
    axes.hlines(
        [top + 0.5 for top in tops],
        0,
        span.millis,
        color=sheet.colour(palette.LINE),
        linewidth=0.9,
        linestyles=(0, (2, 3)),
    )
    corners: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for row, top in zip(rows, tops, strict=True):
        low = top + 1.0
        for start, end, name in zip(row.starts_at, row.ends_at, row.accounts, strict=True):
            left, right = max(start, span.start) - span.start, min(end, span.end) - span.start
            if right > left:
                corners[account_look(name).key] += [
                    (left, top), (right, top), (right, low), (left, low), (left, top)
                ]  # fmt: skip
    box = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    for account in ACCOUNTS:
        if account.hatch is Hatch.GAP or not corners[account.key]:
            continue
        # All boxes of an account are one path: a hatch is then laid once, not once per box.
        vertices = corners[account.key]
        boxes = PathPatch(
            Path(vertices, box * (len(vertices) // len(box))),
            facecolor=sheet.colour(account.colour),
            edgecolor=sheet.colour(palette.LINE_STRONG) if account.key == "off" else "none",
            linewidth=0.5 if account.key == "off" else 0,
            hatch=hatch_of(account.hatch),
            hatchcolor=_hatch_colour(sheet),
            zorder=2,
        )
        boxes.set_gid(f"account-{account.key}")
        axes.add_patch(boxes)


def _hatch_colour(sheet: Sheet) -> tuple[str, float]:
    return sheet.colour(palette.PAGE), 0.55


def _name_rows(
    sheet: Sheet, axes: "Axes", rows: Sequence[ThreadStates], tops: Sequence[float]
) -> None:
    places: list[float] = []
    names: list[str] = []
    is_dense = _row_height(len(rows)) < 9
    last = ""
    for row, top in zip(rows, tops, strict=True):
        is_first = row.worker != last
        last = row.worker
        if is_dense and (not is_first or (places and top - places[-1] < 2.2)):
            continue
        places.append(top + 0.5)
        name = row.worker if len(row.worker) <= 16 else f"{row.worker[:15]}…"
        names.append(f"{name} · {row.thread}" if is_first else f"{row.thread}")
    axes.set_yticks(places, names)
    for label in axes.get_yticklabels():
        is_name = "·" in label.get_text()
        label.set_color(sheet.colour(palette.TEXT if is_name else palette.TEXT_QUIET))
    axes.tick_params(axis="y", pad=5)


def _entry(sheet: Sheet, account: AccountLook, share: float) -> Entry:
    from matplotlib.patches import Patch  # noqa: PLC0415 -- see grange.plots

    if account.hatch is Hatch.GAP:
        handle = Patch(
            facecolor="none", edgecolor=sheet.colour(palette.LINE_STRONG), linestyle=(0, (2, 2))
        )
    else:
        handle = Patch(
            facecolor=sheet.colour(account.colour),
            edgecolor=sheet.colour(palette.LINE_STRONG if account.key == "off" else palette.PAGE),
            linewidth=0.6,
            hatch=hatch_of(account.hatch),
            hatchcolor=_hatch_colour(sheet),
        )
    return Entry(handle=handle, label=f"{account.label}  {share * 100:.1f} %")
