"""Pictures: the same bytes again, everything said in them, gaps left open."""

import io
import re
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from PIL import Image

from grange.kernel.intervals import Span
from grange.kernel.units import Instant
from grange.plots import palette
from grange.plots.cpu import CpuSeries, cpu, together
from grange.plots.frame_times import LayerFrames, duration, frame_times, split
from grange.plots.palette import Theme
from grange.plots.sheet import Format, Picture
from grange.plots.worker_states import ThreadStates, worker_states

START = 1_795_352_400_000
HOUR = 3_600_000
PICTURE = Picture(
    title="A <picture> & more",
    span=Span(Instant(START), Instant(START + HOUR)),
    zone=ZoneInfo("Europe/Berlin"),
    data_until_at=Instant(START + HOUR // 2),
    format=Format.SVG,
)
ROWS = [
    ThreadStates(
        worker="oak-01",
        thread=0,
        starts_at=[START, START + HOUR // 4],
        ends_at=[START + HOUR // 4, START + HOUR // 2],
        accounts=["rendering_useful", "overhead"],
    ),
    ThreadStates(
        worker="oak-01", thread=1, starts_at=[START], ends_at=[START + HOUR], accounts=["off"]
    ),
]
SERIES = [
    CpuSeries(
        name="oak-01",
        starts_at=[START, START + 60_000, START + 120_000, START + 600_000, START + 660_000],
        slot_ms=60_000,
        mean_milli=[500, 510, None, 800, 810],
        low_milli=[400, 410, None, 700, None],
        high_milli=[600, 620, None, 990, None],
    )
]
LAYERS = [
    LayerFrames(
        name="render",
        frames=[*range(1, 13), 5],
        render_ms=[4_000 + frame for frame in range(11)] + [9_000, None],
        failed=[False] * 12 + [True],
    )
]
DRAWINGS = {
    "worker states": lambda picture: worker_states(picture, ROWS),
    "cpu": lambda picture: cpu(picture, SERIES),
    "frame times": lambda picture: frame_times(picture, LAYERS),
}
EMPTY = {
    "worker states": lambda picture: worker_states(picture, []),
    "cpu": lambda picture: cpu(picture, []),
    "frame times": lambda picture: frame_times(picture, []),
}


def words(svg):
    return re.findall(r"<text[^>]*>([^<]+)</text>", svg.decode())


def group(svg, gid):
    found = re.search(rf'<g id="{gid}">(.*?)</g>', svg.decode(), re.DOTALL)
    return found[1] if found else None


def pixels(png):
    return Image.open(io.BytesIO(png)).convert("RGB")


def as_hex(pixel):
    return "#{:02x}{:02x}{:02x}".format(*pixel)


@pytest.mark.parametrize("theme", Theme)
@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("drawing", DRAWINGS)
def test_the_same_columns_give_the_same_bytes(drawing, form, theme):
    picture = replace(PICTURE, format=form, theme=theme)
    assert DRAWINGS[drawing](picture) == DRAWINGS[drawing](picture)


@pytest.mark.parametrize("drawing", DRAWINGS)
def test_a_picture_says_its_title_span_zone_and_how_far_the_data_reach(drawing):
    said = words(DRAWINGS[drawing](PICTURE))
    assert "A &lt;picture&gt; &amp; more" in said
    assert "22 Nov 2026, 14:00 – 15:00 (Europe/Berlin) · data until 14:30" in said


@pytest.mark.parametrize("drawing", DRAWINGS)
def test_an_svg_carries_no_date_and_no_address_but_its_schemas(drawing):
    svg = DRAWINGS[drawing](PICTURE).decode()
    assert "dc:date" not in svg
    hosts = set(re.findall(r"https?://([^/\"]+)", svg))
    assert hosts <= {"www.w3.org", "purl.org", "creativecommons.org"}


@pytest.mark.parametrize("drawing", DRAWINGS)
@pytest.mark.parametrize(
    ("width", "height", "scale"), [(1000, 420, 1.0), (200, 100, 1.0), (640, 360, 2.0)]
)
def test_a_png_has_the_size_that_was_asked_for(drawing, width, height, scale):
    picture = replace(PICTURE, format=Format.PNG, width=width, height=height, scale=scale)
    assert pixels(DRAWINGS[drawing](picture)).size == (width * scale, height * scale)


@pytest.mark.parametrize("theme", Theme)
@pytest.mark.parametrize("drawing", DRAWINGS)
def test_a_picture_stands_on_the_paper_of_its_theme(drawing, theme):
    picture = replace(PICTURE, format=Format.PNG, theme=theme)
    assert as_hex(pixels(DRAWINGS[drawing](picture)).getpixel((2, 2))) == palette.PAGE.on(theme)


@pytest.mark.parametrize("drawing", EMPTY)
def test_nothing_to_draw_says_so_in_words(drawing):
    said = words(EMPTY[drawing](replace(PICTURE, data_until_at=None)))
    assert any("in this span" in line for line in said)
    assert any(line.endswith("no data") for line in said)


def test_worker_states_leave_open_what_no_segment_covers():
    picture = replace(PICTURE, format=Format.PNG)
    image = pixels(worker_states(picture, ROWS))
    row = 58 + 5
    first, last = 128, 1000 - 18
    at = lambda share: image.getpixel((round(first + (last - first) * share), row))  # noqa: E731
    assert as_hex(at(0.1)) == palette.account_look("rendering_useful").colour.light
    assert as_hex(at(0.71)) == palette.PAGE.light
    assert as_hex(at(0.93)) == palette.PAGE.light


def test_worker_states_name_workers_threads_and_shares():
    said = words(worker_states(PICTURE, ROWS))
    assert {"oak-01 · 0", "1"} <= set(said)
    assert "Rendering, useful  12.5 %" in said
    assert "Overhead  12.5 %" in said
    assert "Off  50.0 %" in said
    assert "Unknown  25.0 %" in said
    assert not any(line.startswith("Disabled") for line in said)


def test_worker_states_draw_one_box_per_segment_inside_the_span():
    outside = ThreadStates(
        worker="oak-02",
        thread=0,
        starts_at=[START - HOUR, START - 1000, START + HOUR],
        ends_at=[START - 1000, START + 60_000, START + 2 * HOUR],
        accounts=["overhead", "overhead", "overhead"],
    )
    drawn = group(worker_states(PICTURE, [*ROWS, outside]), "account-overhead")
    assert drawn is not None
    assert drawn.count("M ") == 2  # one of oak-01, the one that reaches into the span
    assert group(worker_states(PICTURE, ROWS), "account-disabled") is None


def test_cpu_breaks_its_line_where_slots_are_unknown_or_missing():
    svg = cpu(PICTURE, SERIES)
    lines = [group(svg, f"mean-oak-01-{run}") for run in range(3)]
    assert [line and (line.count("M "), line.count("L ")) for line in lines] == [
        (1, 3),
        (1, 3),
        None,
    ]


def test_cpu_names_the_mean_and_the_highest_value():
    assert "mean 66 %   highest 99 %" in words(cpu(PICTURE, SERIES))
    unknown = replace(SERIES[0], mean_milli=[None] * 5)
    assert "not measured" in words(cpu(PICTURE, [unknown]))


def test_cpu_of_a_large_farm_is_one_panel_with_the_lowest_and_highest_of_all():
    series = [
        replace(SERIES[0], name=f"oak-{at:02}", mean_milli=[at * 10, None, None, 500, 500])
        for at in range(20)
    ]
    farm = together(series)
    assert farm.starts_at == [START, START + 600_000, START + 660_000]
    assert farm.mean_milli == [95, 500, 500]
    assert farm.low_milli == [400, 700, 500]
    assert farm.high_milli == [600, 990, 500]
    said = words(cpu(PICTURE, series))
    assert "20 workers" in said
    assert "oak-00" not in said


def test_frame_times_name_the_slow_and_mark_the_failed():
    svg = frame_times(PICTURE, LAYERS)
    assert "12 frames   median 4.0 s   1 slow   1 failed" in words(svg)
    assert "12" in words(svg)  # the slow frame is named at its mark
    for gid, marks in (("frames-usual", 11), ("frames-slow", 1), ("frames-failed", 1)):
        drawn = group(svg, gid)
        assert drawn is not None
        inside = svg.decode().split(f'id="{gid}"')[1].split("<g id=")[0]
        assert inside.count("<use ") == marks, gid


def test_equal_frames_have_no_outliers_and_failures_do_not_move_the_median():
    equal = LayerFrames(
        name="a",
        frames=range(100),
        render_ms=[1000 + at % 3 for at in range(100)],
        failed=[False] * 100,
    )
    assert split(equal).outliers == []
    with_failures = LayerFrames(
        name="a",
        frames=[1, 2, 3, 4],
        render_ms=[100, 110, 9_000, None],
        failed=[False, False, True, False],
    )
    parts = split(with_failures)
    assert parts.median_ms == 105
    assert parts.failed == [(3, 9_000)]
    assert [frame for frame, _ in parts.usual] == [1, 2]


def test_a_layer_without_one_measured_frame_has_no_median():
    parts = split(LayerFrames(name="a", frames=[1], render_ms=[None], failed=[False]))
    assert (parts.median_ms, parts.usual, parts.failed) == (None, [], [])


@pytest.mark.parametrize(
    ("millis", "said"),
    [
        (42, "0.04 s"),
        (5_149, "5.1 s"),
        (200_000, "3 min 20 s"),
        (180_000, "3 min"),
        (7_500_000, "2 h 5 min"),
    ],
)
def test_durations_read_as_people_say_them(millis, said):
    assert duration(millis) == said


def test_drawing_leaves_the_settings_of_matplotlib_as_they_were():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    worker_states(PICTURE, ROWS)
    assert dict(mpl.rcParams) == before
