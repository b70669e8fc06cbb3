"""Static pages: the right periods, only what changed, caught up, in two languages."""

from html.parser import HTMLParser

import pytest

from grange.adapters.painters import PainterProcesses
from grange.adapters.sites import FolderSites
from grange.books.graphs.periods import Reach, periods
from grange.domain.farm import Farm
from grange.kernel.errors import InvalidRequestError
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant
from grange.services.streams.pages import draw_pages, site_file
from grange.testing.books import books_bench
from grange.testing.facts import FARM, T0
from tests.unit.streams.log_facts import busy, line

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
