"""Static pages: the right periods, only what changed, caught up, in two languages."""

from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from grange.adapters.painters import PainterProcesses
from grange.adapters.sites import FolderSites
from grange.books.archives.profiles import PROFILES
from grange.books.graphs.periods import Reach, periods
from grange.domain.farm import Farm
from grange.domain.series import DataSource, Series
from grange.kernel.errors import InvalidRequestError
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant
from grange.services.streams.pages import draw_pages, latest_picture, site_file
from grange.testing.books import books_bench
from grange.testing.facts import FARM, T0
from tests.unit.streams.log_facts import busy, line

pytestmark = pytest.mark.slow

DAY0 = Instant(T0 - T0 % MILLIS_PER_DAY)
NOW = Instant(DAY0 + 5 * MILLIS_PER_HOUR)


@pytest.fixture
def bench(tmp_path):
    with books_bench(tmp_path, NOW) as made:
        made.put(Farm(farm_id=FARM, name="Studio", zone="UTC", created_at=DAY0, created_by="ann"))
        yield made


@pytest.fixture
def sites(tmp_path):
    return FolderSites(tmp_path / "pages")


def draw(bench, sites, **asked):
    asked = {"workers": 1, **asked}
    return draw_pages(bench.books.desk, sites, PainterProcesses(), farm_id=FARM, **asked)


class Links(HTMLParser):
    """Every link and picture of a page, and whether its elements close."""

    def __init__(self):
        super().__init__()
        self.targets = []
        self.open = []

    def handle_starttag(self, tag, attrs):
        self.targets += [value for name, value in attrs if name in {"href", "src", "srcset"}]
        if tag in {"table", "tr", "section", "svg", "main", "nav", "ul", "a"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if self.open and tag in {"table", "tr", "section", "svg", "main", "nav", "ul", "a"}:
            assert self.open.pop() == tag


def links(site, name):
    parser = Links()
    parser.feed(site.read(name).decode())
    assert parser.open == []
    return parser.targets


def test_every_page_leads_to_pictures_that_are_there(bench, sites):
    """Ledger S4-25, S4-26: names, four pages, two languages, no link into nothing."""
    bench.post("log_lines", busy(DAY0 - MILLIS_PER_DAY, 28, per_minute=0.2))
    done = draw(bench, sites, groups=[{"name": "Group / one", "streams": ["arch*"]}])
    site = sites.of(FARM)
    names = set(site.names())
    assert done["left"] == 0
    for reach in Reach:
        for language in ("", ".fr"):
            page = f"{reach}Graphs{language}.html"
            found = links(site, page)
            inner = {target for target in found if not target.startswith(("#", "request"))}
            assert {target.replace("%7E", "~") for target in inner} <= names, page
            assert any(target.startswith(f"webGraphics/{reach}/") for target in inner)
    assert "webGraphics/daily/latency/tx_archive/Thu.png" in names
    assert "webGraphics/daily/filesOverMaxLatency/tx_archive/Wed.png" in names
    assert "webGraphics/weekly/bytecount/tx_archive/01.png" in names
    assert "webGraphics/monthly/filecount/tx_archive/Jan.png" in names
    assert "webGraphics/yearly/errors/tx_archive/2026.png" in names
    assert {"latest/tx_archive.png", "latest/tx_archive.dark.png"} <= names
    french = site.read("dailyGraphs.fr.html").decode()
    assert "Jours" in french
    assert "Latence" in french
    assert "<script" not in french
    assert "http" not in french.replace("http-equiv", "")


def test_only_what_changed_is_drawn_again(bench, sites):
    """Ledger S4-26: unchanged pictures keep their bytes and are not drawn."""
    bench.post("log_lines", busy(DAY0 - 2 * MILLIS_PER_DAY, 53, per_minute=0.2, kind="rx"))
    first = draw(bench, sites)
    assert first["kept"] == 0
    again = draw(bench, sites)
    assert (again["drawn"], again["kept"]) == ([], len(first["drawn"]))
    bench.post("log_lines", [line(DAY0 - MILLIS_PER_DAY + 5, number=99_999, kind="rx")])
    late = draw(bench, sites, dry_run=True)
    days = {path for path in late["drawn"] if path.startswith("webGraphics/daily/")}
    assert days
    assert all("/Wed" in path for path in days)
    assert not any("/errors/" in path for path in days)
    assert draw(bench, sites)["drawn"] == late["drawn"]
    assert draw(bench, sites)["drawn"] == []


def test_a_lost_picture_a_spoiled_memory_and_a_break_are_made_good(bench, sites):
    """Ledger S4-26: what is not there is drawn, whatever is remembered."""
    bench.post("log_lines", busy(DAY0, 4, per_minute=0.2, kind="rx"))
    first = draw(bench, sites, most=3)
    assert first["left"] > 0
    assert len(first["drawn"]) == 3
    assert "index.html" not in sites.of(FARM).names()
    total = 3
    while first["left"]:
        first = draw(bench, sites, most=9)
        total += len(first["drawn"])
    site = sites.of(FARM)
    pictures = [name for name in site.names() if name.endswith(".png")]
    assert len(pictures) == total
    content = site.read(pictures[0])
    site.remove(pictures[0])
    assert draw(bench, sites)["drawn"] == [pictures[0]]
    assert site.read(pictures[0]) == content
    site.write("site.json", b"{spoiled")
    assert len(draw(bench, sites)["drawn"]) == total
    assert site_file(sites, farm_id=FARM, name="site.json") is None


def test_periods_that_were_missed_are_caught_up(bench, sites):
    """Ledger S4-26: nobody drew for five days; what no page shows any more is gone."""
    bench.post("log_lines", busy(DAY0, 4, per_minute=0.2, kind="rx"))
    draw(bench, sites)
    bench.travel(NOW + 5 * MILLIS_PER_DAY)
    bench.post("log_lines", busy(DAY0 + MILLIS_PER_DAY, 4 * 24 + 3, per_minute=0.1, kind="rx"))
    drawn = draw(bench, sites)["drawn"]
    days = {path.rpartition("/")[2] for path in drawn if "/daily/errors/" in path}
    # Thursday is drawn to its end now.
    assert days == {"Thu.png", "Fri.png", "Sat.png", "Sun.png", "Mon.png", "Tue.png"}
    bench.travel(NOW + 8 * MILLIS_PER_DAY)
    removed = draw(bench, sites)["removed"]
    assert "webGraphics/daily/errors/rx_archive/Thu.png" in removed


def test_four_painters_draw_what_one_draws(bench, sites, tmp_path):
    """Ledger S4-43: the number of graph workers changes no byte."""
    bench.post("log_lines", busy(DAY0, 3, per_minute=0.2, kind="rx"))
    draw(bench, sites, workers=1)
    others = FolderSites(tmp_path / "others")
    draw(bench, others, workers=4)
    one, four = sites.of(FARM), others.of(FARM)
    assert one.names() == four.names()
    for name in one.names():
        assert one.read(name) == four.read(name), name


def test_a_group_grows_with_its_wildcard(bench, sites):
    """Ledger S4-22: a new stream that fits joins; products narrow."""
    bench.post("log_lines", busy(DAY0, 3, stream="feed-a", per_minute=0.2))
    group = {"name": "Feeds", "streams": ["feed-*"], "kind": "tx"}
    draw(bench, sites, groups=[group])
    before = sites.of(FARM).read("dailyGraphs.html").decode()
    assert "tx feed-a" in before
    bench.post("log_lines", busy(DAY0, 3, stream="feed-b", per_minute=0.2, seed=3))
    drawn = draw(bench, sites)["drawn"]
    assert "webGraphics/daily/filecount/group_Feeds/Thu.png" in drawn
    after = sites.of(FARM).read("dailyGraphs.html").decode()
    assert "tx feed-a, tx feed-b" in after


def test_a_farm_without_streams_has_pages_that_say_so(bench, sites):
    """Ledger S4-26."""
    draw(bench, sites)
    assert b"No stream has data yet." in sites.of(FARM).read("index.html")
    assert b"Aucun flux" in sites.of(FARM).read("weeklyGraphs.fr.html")


@pytest.mark.parametrize(
    "groups", [[{"name": ""}], [{"name": "a"}, {"name": "a"}], [{"title": "a"}]]
)
def test_groups_that_are_none_are_refused(bench, sites, groups):
    """Ledger S4-22."""
    with pytest.raises(InvalidRequestError, match="groups"):
        draw(bench, sites, groups=groups)


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/etc/passwd", "", ".", "a//b", "a\x00b", "x" * 300]
)
def test_no_name_leads_out_of_a_site(sites, tmp_path, name):
    """Ledger S4-26: a site is a folder of its own."""
    (tmp_path / "x").write_text("secret")
    site = sites.of(FARM)
    site.write("a/b.txt", b"1")
    assert site.read(name) is None


def test_the_pages_show_seven_days_five_weeks_three_months_three_years():
    """Ledger S4-26."""
    from zoneinfo import ZoneInfo

    counts = {reach: len(periods(reach, NOW, ZoneInfo("UTC"))) for reach in Reach}
    assert counts == {"daily": 7, "weekly": 5, "monthly": 3, "yearly": 3}


def test_series_of_logged_values_have_their_place_on_every_page(bench, sites):
    """Ledger S3-17, S4-26: a row for each source, gaps as gaps, drawn again when values come."""
    bench.put(
        Series(
            farm_id=FARM,
            name="machine room",
            step_seconds=300,
            heartbeat_seconds=900,
            sources=(DataSource(index=0, label="Temperature °C"), DataSource(index=1, label="kW")),
            archives=PROFILES["janitoo"],
            created_at=DAY0,
            created_by="ann",
        )
    )
    values(bench, -24 * 60, 3 * 60)
    first = draw(bench, sites)
    site = sites.of(FARM)
    names = set(site.names())
    folder = next(name.split("/")[3] for name in names if name.startswith("webGraphics/daily/"))
    assert folder.startswith("series_machine-room~")
    pictures = {name for name in names if name.startswith("webGraphics/")}
    assert pictures == set(first["drawn"]) - {name for name in names if "latest" in name}
    assert {name.rsplit("/", 1)[1] for name in pictures} == {
        *("Wed.png", "Thu.png", "01.png", "Dec.png", "Jan.png", "2025.png", "2026.png"),
    }
    assert len(pictures) == 14
    assert {f"latest/{folder}.png", f"latest/{folder}.dark.png"} <= names
    shown = latest_picture(bench.books.desk, sites, farm_id=FARM, name=folder)
    assert shown == {"content": site.read(f"latest/{folder}.png")}
    for reach in Reach:
        inner = [one for one in links(site, f"{reach}Graphs.html") if one.startswith("webGraphics")]
        assert inner
        assert {unquote(one) for one in inner} <= names
    page = site.read("dailyGraphs.html").decode()
    for words in ("machine room", "logged values", "Temperature °C", "max 26"):
        assert words in page, words
    assert "valeurs enregistrées" in site.read("dailyGraphs.fr.html").decode()
    assert first["data_until_at"] == DAY0 + 175 * 60_000
    assert draw(bench, sites)["drawn"] == []
    values(bench, 3 * 60, 4 * 60)
    again = set(draw(bench, sites)["drawn"])
    assert {name for name in first["drawn"] if name.endswith(("Thu.png", "01.png"))} <= again
    assert not {name for name in again if name.endswith(("Wed.png", "2025.png"))}


def test_logs_and_logged_values_share_the_pages(bench, sites):
    """Ledger S3-17, S4-41: one stream, one series; each under its own name."""
    bench.post("log_lines", busy(DAY0, 4, per_minute=0.2))
    bench.put(
        Series(
            farm_id=FARM,
            name="archive",
            step_seconds=300,
            heartbeat_seconds=900,
            sources=(DataSource(index=0, label="kW"), DataSource(index=1, label="x")),
            archives=PROFILES["janitoo"],
            created_at=DAY0,
            created_by="ann",
        )
    )
    values(bench, 0, 60, series="archive")
    draw(bench, sites)
    names = set(sites.of(FARM).names())
    assert {"latest/tx_archive.png", "latest/series_archive.png"} <= names
    ask = {"farm_id": FARM}
    desk = bench.books.desk
    series = latest_picture(desk, sites, name="series_archive", **ask)
    stream = latest_picture(desk, sites, name="tx_archive", **ask)
    assert series is not None
    assert stream is not None
    assert series["content"] != stream["content"]
    assert latest_picture(desk, sites, name="archive", **ask) is None  # which of the two?
    only = ["series:arch*"]
    assert latest_picture(desk, sites, name="tx_archive", only=only, **ask) is None
    assert latest_picture(desk, sites, name="archive", only=only, **ask) == series
    assert latest_picture(desk, sites, name="series_archive", only=["archive"], **ask) is None


def values(bench, first, last, series="machine room"):
    """A value a minute of two sources, from minute to minute; then the rings are fed."""
    bench.post(
        "stream_values",
        [
            {
                "farm_id": FARM,
                "series": series,
                "source_index": source,
                "at": DAY0 + minute * 60_000,
                "value": 20.0 + minute % 7 if source == 0 else 3.5,
                "logger": "ada",
                "sequence": 10_000 + minute * 2 + source,
            }
            for minute in range(first, last)
            for source in range(2)
        ],
    )
    bench.books.feed_rings()
