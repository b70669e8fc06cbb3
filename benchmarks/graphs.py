"""Graphs beside `rrdtool graph`: new ones, unchanged ones of pages, and a request for one.

A graph is of a day by ten minutes, 900 pixels wide: mean, band of extremes, a limit, four figures.
Both draw with one process that stays; rrdtool reads its own archive, Grange columns in memory.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.contest import Contestant, Goal, Table, held, seconds
from benchmarks.rings import RrdTool
from grange.adapters.painters import PainterProcesses
from grange.adapters.sites import FolderSites
from grange.domain.farm import Farm
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, MILLIS_PER_SECOND, Instant
from grange.plots.sheet import Format
from grange.plots.stream_graph import Figures, Line, Panel, StreamPicture, stream_graph
from grange.plots.stream_words import Unit
from grange.services.streams.pages import draw_pages
from grange.testing.books import books_bench
from grange.testing.facts import FARM

GRAPHS = 1000
STREAMS = 20
STEP = 600
POINTS = 144
START = 1_700_006_400 // 86_400 * 86_400
GOAL_RRDTOOL = 3.0
GOAL_REQUEST_SECONDS = 0.3


def contests(
    folder: Path, rounds: int, scale: float, *, with_peers: bool
) -> tuple[list[Table], list[Goal]]:
    """Return the tables, and the goals if there are peers."""
    place = folder / "graphs"
    place.mkdir()
    drawing = _drawing(place, rounds, max(5, round(GRAPHS * scale)), with_peers=with_peers)
    pages, request = _pages(place, rounds, max(2, round(STREAMS * scale)))
    goals = [
        Goal(
            "a request for a graph, seconds",
            GOAL_REQUEST_SECONDS,
            request.median("Grange"),
            at_most=True,
        )
    ]
    if with_peers:
        slower = drawing.median("rrdtool") / drawing.median("Grange, PNG")
        goals.append(Goal("graphs, × rrdtool's time", GOAL_RRDTOOL, slower, at_most=True))
    return [drawing, pages, request], goals


def _values() -> Sequence[float]:
    return [10 + 8 * math.sin(at / 9) + at % 7 / 3 for at in range(POINTS)]


def _drawing(folder: Path, rounds: int, count: int, *, with_peers: bool) -> Table:
    table = Table(f"{count} graphs of a day", "graphs/s")

    def grange(kind: Format) -> float:
        values = _values()
        starts = [(START + at * STEP) * MILLIS_PER_SECOND for at in range(POINTS)]

        def run() -> None:
            for number in range(count):
                line = Line(
                    name=f"stream-{number}",
                    step_ms=STEP * MILLIS_PER_SECOND,
                    starts_at=starts,
                    mean=values,
                    low=[value * 0.7 for value in values],
                    high=[value * 1.3 for value in values],
                    figures=Figures(low=1, mean=10, high=30),
                )
                start = Instant(START * MILLIS_PER_SECOND)
                picture = StreamPicture(
                    title=f"stream-{number}",
                    span=Span(start, Instant(start + MILLIS_PER_DAY)),
                    zone=ZoneInfo("UTC"),
                    data_until_at=Instant(start + MILLIS_PER_DAY),
                    format=kind,
                    width=900,
                    height=330,
                )
                panel = Panel(
                    key="latency", title="Latency", unit=Unit.SECONDS, lines=[line], limit=15
                )
                stream_graph(picture, [panel])

        return count / seconds(run)

    def rrdtool() -> float:
        tool = RrdTool(folder, 0)
        file = folder / "day.rrd"
        made = " ".join(f"RRA:{cf}:0.5:1:200" for cf in ("AVERAGE", "MIN", "MAX"))
        tool.run(f"create {file} --start {START} --step {STEP} DS:v:GAUGE:1200:U:U {made}")
        told = " ".join(f"{START + (at + 1) * STEP}:{v!r}" for at, v in enumerate(_values()))
        tool.run(f"update {file} {told}")
        parts = " ".join(
            [f"DEF:{cf.lower()}={file}:v:{cf}" for cf in ("AVERAGE", "MIN", "MAX")]
            + [
                "AREA:max#c8d8f0",
                "AREA:min#ffffff",
                "LINE1:average#2160c4:Latency",
                "HRULE:15#bf3b0c",
            ]
            + [f"GPRINT:average:{cf}:%6.2lf" for cf in ("MIN", "AVERAGE", "MAX", "LAST")]
        )

        def run() -> None:
            for number in range(count):
                tool.run(
                    f"graph {folder / 'day.png'} -s {START} -e {START + 86_400} -w 810 -h 210"
                    f" -t stream-{number} {parts}"
                )

        spent = seconds(run)
        tool.close()
        return count / spent

    contestants = [
        Contestant("Grange, PNG", lambda: grange(Format.PNG)),
        Contestant("Grange, SVG", lambda: grange(Format.SVG)),
    ]
    if with_peers:
        contestants.append(Contestant("rrdtool", rrdtool))
    return held(table, contestants, rounds)


def _pages(folder: Path, rounds: int, streams: int) -> tuple[Table, Table]:
    pages = Table(f"Pages of {streams} streams", "pictures/s")
    request = Table("A request for a graph of a day", "s", higher_is_better=False)
    now = Instant(START * MILLIS_PER_SECOND + 20 * MILLIS_PER_HOUR)
    with books_bench(folder, now) as bench:
        bench.put(Farm(farm_id=FARM, name="Farm", zone="UTC", created_at=now, created_by="ann"))
        for number in range(streams):
            bench.post("log_lines", _lines(f"stream-{number}", int(now)))
        painters = PainterProcesses()
        drawn = 0

        def all_new() -> float:
            nonlocal drawn
            sites = FolderSites(folder / f"pages-{drawn}")
            spent = seconds(lambda: draw_pages(bench.books.desk, sites, painters, farm_id=FARM,
                                               workers=1, most=100_000))  # fmt: skip
            drawn += 1
            count = sum(name.endswith(".png") for name in sites.of(FARM).names())
            return count / spent

        def unchanged() -> float:
            sites = FolderSites(folder / "pages-0")
            spent = seconds(lambda: draw_pages(bench.books.desk, sites, painters, farm_id=FARM,
                                               workers=1))  # fmt: skip
            count = sum(name.endswith(".png") for name in sites.of(FARM).names())
            return count / spent

        def asked() -> float:
            wanted = {"farm_id": FARM, "streams": ["stream-1"], "hours": 24}
            return seconds(lambda: bench.books.call("stream_picture", wanted))

        held(
            pages,
            [Contestant("Grange, all new", all_new), Contestant("Grange, unchanged", unchanged)],
            rounds,
        )
        asked()
        held(request, [Contestant("Grange", asked)], rounds)
    return pages, request


def _lines(stream: str, now: int) -> list[dict[str, object]]:
    return [
        {
            "farm_id": FARM,
            "stream": stream,
            "kind": "tx",
            "machine": "ada",
            "at": now - at * 15_000,
            "latency_ms": at * 37 % 9000,
            "bytes": at * 7919 % 100_000,
            "error": at % 50 == 0,
            "product": "SA",
            "object_name": f"file-{at}",
            "log_file": "tx.log",
            "file_identity": stream,
            "offset": at,
            "metrics": None,
        }
        for at in range(1, 4 * 60 * 24)
    ]
