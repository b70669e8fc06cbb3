"""Pictures of streams: gaps stay gaps, extremes stay seen, labels say what is shown."""

import io
import re
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from PIL import Image

from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_MINUTE, Instant
from grange.plots import palette
from grange.plots.palette import Theme
from grange.plots.sheet import Format
from grange.plots.stream_axis import decades, round_marks, span_words, time_marks
from grange.plots.stream_graph import (
    Figures,
    Line,
    Panel,
    StreamPicture,
    is_logarithmic,
    stream_graph,
)
from grange.plots.stream_words import WORDS, Language, Unit, figure, step_words
from tests.unit.plots.test_palette import VISION, contrast, seen

START = Instant(1_732_143_600_000)  # 21 Nov 2024, 00:00 in Berlin
BERLIN = ZoneInfo("Europe/Berlin")
ENGLISH, FRENCH = WORDS[Language.ENGLISH], WORDS[Language.FRENCH]


def line(values, *, step=60_000, name="archive", **more):
    starts = [START + at * step for at in range(len(values))]
    return Line(name=name, step_ms=step, starts_at=starts, mean=values, **more)


def panel(*lines, unit=Unit.COUNT, counts=True, **more):
    return Panel(key="files", title="Files per minute", unit=unit, counts=counts, lines=lines,
                 **more)  # fmt: skip


def picture(**more):
    usual = {
        "title": "tx archive",
        "span": Span(START, Instant(START + MILLIS_PER_DAY)),
        "zone": BERLIN,
        "data_until_at": Instant(START + MILLIS_PER_DAY // 2),
        "format": Format.SVG,
    }
    return StreamPicture(**{**usual, **more})


def svg(panels, **more):
    return stream_graph(picture(**more), panels).decode()


def points(text, name):
    found = re.search(rf'id="{name}" d="M([^"Z]+)', text)
    assert found is not None
    return [tuple(map(float, pair.split(" "))) for pair in found[1].split("L")]


def test_unknown_slots_are_gaps_and_never_bridged():
    """Ledger S4-23; UX-20: unknown is not zero: no line crosses what is not known."""
    known = line([5.0, 6.0, 0.0, 0.0, 7.0, 8.0], step=3_600_000)
    apart = [at for at in range(6) if at not in (2, 3)]
    text = svg(
        [
            panel(
                Line(
                    name="archive",
                    step_ms=3_600_000,
                    starts_at=[known.starts_at[at] for at in apart],
                    mean=[known.mean[at] for at in apart],
                )
            )
        ]
    )
    first, second = points(text, "mean-files-0-0"), points(text, "mean-files-0-1")
    assert "mean-files-0-2" not in text
    hour = (1000 - 76 - 16) / 24
    assert first[0][0] == pytest.approx(76, abs=0.1)
    assert first[-1][0] == pytest.approx(76 + 2 * hour, abs=0.1)
    assert second[0][0] == pytest.approx(76 + 4 * hour, abs=0.1)
    assert ">no data<" in text


def test_a_known_slot_with_nothing_to_measure_is_no_unknown_one():
    """Unknown is not the same as no file: the line breaks, the ground stays white."""
    text = svg(
        [panel(line([5.0, None, 6.0, 7.0] * 6, step=3_600_000))],
        data_until_at=Instant(START + MILLIS_PER_DAY),
    )
    assert "mean-files-0-5" in text
    assert ">no data<" not in text


def test_zero_is_drawn_at_the_bottom_and_the_highest_value_below_the_top():
    """Ledger S4-23: places of values, reckoned from the axis."""
    text = svg([panel(line([0.0, 50.0, 100.0], step=3_600_000))])
    places = sorted({y for _, y in points(text, "mean-files-0-0")})
    assert len(places) == 3
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], abs=0.2)
    assert ">100<" in text
    assert ">0<" in text


def test_a_peak_of_one_minute_is_seen_in_a_picture_of_a_month():
    """Ledger S4-24: slots narrower than a pixel keep their lowest and highest value."""
    values = [1.0] * (1440 * 30)
    values[20_000] = 1000.0
    span = Span(START, Instant(START + 30 * MILLIS_PER_DAY))
    text = svg([panel(line(values))], span=span, data_until_at=span.end, logarithmic=False)
    band = points(text, "band-files-0-0")
    top = min(y for _, y in band)
    assert top == pytest.approx(min(y for _, y in points(svg(
        [panel(line([1000.0], step=30 * MILLIS_PER_DAY))], span=span, data_until_at=span.end
    ), "mean-files-0-0")), abs=0.2)  # fmt: skip


def test_decades_are_used_where_one_value_dwarfs_all_others():
    """Ledger S4-23: logarithmic where needed, or as asked."""
    calm, wild = panel(line([1.0, 2.0, 3.0])), panel(line([1.0, 1.0, 2.0, 1.0, 5000.0]))
    assert not is_logarithmic(calm)
    assert is_logarithmic(wild)
    assert ">≤ 1<" in svg([wild])
    assert "≤" not in svg([wild], logarithmic=False)
    assert "≤" in svg([calm], logarithmic=True)


def test_the_picture_says_title_span_zone_data_until_and_step():
    """Ledger S4-23: what a stranger needs to know is in the picture."""
    figures = Figures(low=1, mean=2.5, high=7, total=1_234)
    text = svg([panel(line([1.0, 2.0], step=600_000, figures=figures))])
    for words in ("tx archive", "21 Nov 2024 (Europe/Berlin)", "data until 12:00",
                  "a point is 10 min", "min 1", "mean 2.5", "max 7", "total 1234"):  # fmt: skip
        assert words in text, words
    french = svg([panel(line([1.0]))], language=Language.FRENCH)
    assert "données jusqu'à 12:00" in french.replace("&#39;", "'").replace("&apos;", "'")


def test_names_of_streams_cannot_break_a_picture():
    """Ledger S4-25: any name is text, never markup, and fits."""
    name = "<script>&\"'\x00\x1b" + "long" * 100
    text = svg([panel(line([1.0], name=name), line([2.0], name="other"))], title=name)
    assert "<script" not in text
    assert "\x00" not in text
    png = stream_graph(picture(title=name, format=Format.PNG), [panel(line([1.0], name=name))])
    assert Image.open(io.BytesIO(png)).size[0] == 1000


@pytest.mark.parametrize("theme", list(Theme))
def test_a_png_has_the_colours_of_its_theme_and_the_same_bytes_each_time(theme):
    """Ledger S4-23: pixels: page, line; drawn twice, the same."""
    drawing = [panel(line([5.0] * 600, high=[6.0] * 600, low=[4.0] * 600))]
    one = stream_graph(picture(format=Format.PNG, theme=theme), drawing)
    assert one == stream_graph(picture(format=Format.PNG, theme=theme), drawing)
    image = Image.open(io.BytesIO(one)).convert("RGB")
    corner: Any = image.getpixel((3, 3))
    assert "#{:02x}{:02x}{:02x}".format(*corner) == palette.PAGE.on(theme)
    wanted = palette.LINES[0].on(theme)
    line_colour = [int(wanted[at : at + 2], 16) for at in (1, 3, 5)]
    counted: Any = image.getcolors(1 << 20)
    nearest = min(
        max(abs(one - other) for one, other in zip(colour, line_colour, strict=True))
        for _, colour in counted
    )
    assert nearest < 40


@pytest.mark.parametrize("theme", list(Theme))
def test_lines_of_a_panel_tell_apart_with_any_kind_of_colour_vision(theme):
    """Item 5: colour-blind safe, readable on the page."""
    colours = [colour.on(theme) for colour in palette.LINES]
    for colour in colours:
        assert contrast(colour, palette.PAGE.on(theme)) >= 3, colour
    for one, other in combinations(colours, 2):
        for kind, vision in VISION.items():
            pair = zip(seen(one, vision), seen(other, vision), strict=True)
            assert sum((a - b) ** 2 for a, b in pair) ** 0.5 > 0.07, (one, other, kind)


@pytest.mark.parametrize(
    ("value", "unit", "english", "french"),
    [
        (None, Unit.COUNT, "–", "–"),
        (0, Unit.COUNT, "0", "0"),
        (1.5, Unit.COUNT, "1.5", "1,5"),
        (9999, Unit.COUNT, "9999", "9999"),
        (12_345, Unit.COUNT, "12.3 k", "12,3 k"),
        (999_999, Unit.BYTES, "1 MB", "1 Mo"),
        (1_500, Unit.BYTES, "1.5 kB", "1,5 ko"),
        (0.04, Unit.SECONDS, "0.04 s", "0,04 s"),
        (200, Unit.SECONDS, "3 min 20 s", "3 min 20 s"),
        (7_500, Unit.SECONDS, "2 h 5 min", "2 h 5 min"),
        (200_000, Unit.SECONDS, "2 d 8 h", "2 j 8 h"),
        (21.5, Unit.NONE, "21.5", "21,5"),
        (-3, Unit.NONE, "-3", "-3"),
    ],
)
def test_figures_are_written_as_people_read_them(value, unit, english, french):
    """Item 5: in either language."""
    assert figure(value, unit, ENGLISH) == english
    assert figure(value, unit, FRENCH) == french


def test_axes_are_marked_at_round_values():
    """Item 5."""
    assert round_marks(97, 5, Unit.COUNT) == [0, 20, 40, 60, 80, 100]
    assert round_marks(0.4, 5, Unit.COUNT) == [0, 1]
    assert round_marks(400, 4, Unit.SECONDS) == [0, 120, 240, 360, 480]
    assert round_marks(22.4, 4, Unit.NONE, 21.6)[0] <= 21.6
    assert decades(3, 4_000) == [1, 10, 100, 1000, 10_000]
    assert step_words(MILLIS_PER_MINUTE, FRENCH) == "1 min"
    assert step_words(4 * 3_600_000, ENGLISH) == "4 h"


def test_a_year_is_marked_by_months_and_ten_years_by_years():
    """Ledger S4-24: 24 hours to ten years; the zone's own midnights."""
    year = Span(Instant(START - 365 * MILLIS_PER_DAY), START)
    marks = time_marks(year, BERLIN, 12, ENGLISH)
    assert [mark.label for mark in marks][:2] == ["Dec 2023", "Jan 2024"]
    assert len(marks) == 12
    ten = Span(Instant(START - 3652 * MILLIS_PER_DAY), START)
    assert [mark.label for mark in time_marks(ten, BERLIN, 12, ENGLISH)] == [
        str(year) for year in range(2015, 2025)
    ]
    assert span_words(Span(START, Instant(START + MILLIS_PER_DAY)), BERLIN, FRENCH) == (
        "21 nov. 2024 (Europe/Berlin)"
    )
