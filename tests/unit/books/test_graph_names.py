"""Names of graphs are stable, safe and never meet; pages know their calendar."""

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grange.books.graphs.measures import MEASURES, chosen_measures, measures_of
from grange.books.graphs.names import graph_name, safe_name, stream_folder, web_path
from grange.books.graphs.periods import SHOWN, Reach, periods, reach_of, step_ms
from grange.kernel.errors import InvalidRequestError
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant, instant_of

ANY = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300)


@given(ANY)
def test_any_text_gives_a_file_name_of_255_bytes_at_most(text):
    """Ledger S4-25: 255-byte names, one part of a path."""
    name = safe_name(text, ".png")
    assert len(name.encode()) <= 255
    assert name.endswith(".png")
    assert not set(name) & set('/\\\x00:*?"<>| ')
    assert name.strip(".") == name.lstrip(".").rstrip(".")
    assert name.removesuffix(".png") not in {"", ".", ".."}
    assert safe_name(text, ".png") == name


@given(ANY, ANY)
def test_two_texts_never_have_one_name(one, other):
    """Ledger S4-25."""
    assert (safe_name(one) == safe_name(other)) == (one == other)


def test_long_names_that_differ_at_their_end_stay_apart():
    """Ledger S4-25: cut names carry a mark of the whole."""
    one, other = safe_name("x" * 400 + "1", ".png"), safe_name("x" * 400 + "2", ".png")
    assert one != other
    assert len(one) == 255


def test_a_graph_is_called_by_type_stream_time_measures_hours_machine_products():
    """Ledger S4-25."""
    name = graph_name(
        kind="tx",
        streams=["wxo-b1"],
        end_at=Instant(1_732_143_600_000),
        measures=["latency", "bytes"],
        span_ms=12 * MILLIS_PER_HOUR,
        machines=["ada", "bob"],
        products=[],
        zone=ZoneInfo("Europe/Berlin"),
        suffix=".png",
    )
    assert name == "tx_wxo-b1_2024-11-21T0000_latency+bytes_12h_ada+bob_all.png"


def test_pictures_of_pages_lie_where_other_pages_expect_them():
    """Ledger S4-25: webGraphics/{period}/{measure}/stream/{name}.png."""
    stream = stream_folder("tx", "wxo-b1")
    assert web_path("daily", "latency", stream, "Mon") == (
        "webGraphics/daily/latency/tx_wxo-b1/Mon.png"
    )
    folders = {web_path("weekly", key, stream, "01").split("/")[2] for key in MEASURES}
    assert folders == {"bytecount", "errors", "filecount", "filesOverMaxLatency", "latency"}


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"])
def test_the_clock_walks_over_a_year(zone):
    """Ledger S4-26: at every hour, periods touch, the last holds now, names follow the calendar."""
    local = ZoneInfo(zone)
    at = datetime(2023, 12, 20, 7, 30, tzinfo=UTC)
    seen: dict[Reach, set[Any]] = {reach: set() for reach in Reach}
    while at < datetime(2025, 1, 15, tzinfo=UTC):
        now = instant_of(at)
        for reach in Reach:
            shown = periods(reach, now, local)
            assert len(shown) == SHOWN[reach]
            assert now in shown[-1].span
            for one, after in itertools.pairwise(shown):
                assert one.span.end == after.span.start
            names = [period.name for period in shown]
            assert len(set(names)) == len(names), "no picture takes the place of another"
            seen[reach].update(names)
        today = at.astimezone(local).date()
        assert periods(Reach.DAILY, now, local)[-1].first == today
        assert periods(Reach.WEEKLY, now, local)[-1].name == f"{today.isocalendar().week:02}"
        at += timedelta(hours=13)
    assert len(seen[Reach.DAILY]) == 7
    assert len(seen[Reach.MONTHLY]) == 12
    assert {"01", "52"} <= seen[Reach.WEEKLY]
    assert seen[Reach.YEARLY] == {"2021", "2022", "2023", "2024", "2025"}


def test_a_day_of_a_clock_change_is_whole():
    """Ledger S4-26: 23 and 25 hours."""
    berlin = ZoneInfo("Europe/Berlin")
    for day, hours in ((date(2024, 3, 31), 23), (date(2024, 10, 27), 25)):
        noon = instant_of(datetime(day.year, day.month, day.day, 12, tzinfo=berlin))
        assert periods(Reach.DAILY, noon, berlin)[-1].span.millis == hours * MILLIS_PER_HOUR


@pytest.mark.parametrize(
    ("reach", "age_days", "minutes"),
    [
        (Reach.DAILY, 1, 10),
        (Reach.DAILY, 4.9, 10),
        (Reach.DAILY, 5, 60),
        (Reach.WEEKLY, 7, 60),
        (Reach.WEEKLY, 13.9, 60),
        (Reach.WEEKLY, 14, 240),
        (Reach.MONTHLY, 31, 240),
        (Reach.MONTHLY, 242, 240),
        (Reach.MONTHLY, 243, 1440),
        (Reach.YEARLY, 366, 1440),
        (Reach.YEARLY, 3000, 1440),
    ],
)
def test_a_point_is_as_fine_as_its_page_shows_and_as_archives_still_have(reach, age_days, minutes):
    """Ledger S4-24: 10, 60, 240, 1440 minutes; by age under 5, 14, 243 days, else."""
    now = Instant(10_000 * MILLIS_PER_DAY)
    start = Instant(now - round(age_days * MILLIS_PER_DAY))
    span = Span(start, Instant(start + MILLIS_PER_DAY))
    assert step_ms(reach, span, now) == minutes * 60_000


def test_short_graphs_are_shown_by_the_minute():
    """Ledger S4-23, S4-24."""
    now = Instant(10_000 * MILLIS_PER_DAY)
    half_day = Span(Instant(now - 12 * MILLIS_PER_HOUR), now)
    assert step_ms(reach_of(half_day), half_day, now) == 60_000
    ten_years = Span(Instant(now - 3650 * MILLIS_PER_DAY), now)
    assert step_ms(reach_of(ten_years), ten_years, now) == MILLIS_PER_DAY


def test_sources_have_no_latency():
    """Ledger S4-05: rx: bytes, errors, files."""
    assert measures_of("rx") == ("bytes", "files", "errors")
    assert chosen_measures(["errors", "bytes"], "rx") == ("bytes", "errors")
    with pytest.raises(InvalidRequestError, match="latency"):
        chosen_measures(["latency"], "rx")
