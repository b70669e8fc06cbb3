"""Rings beside rrdtool and whisper: updates per second, bytes, reading.

Series of one value with the archives of `metpx` (a step of a minute, AVERAGE, MIN and MAX for ten
years). An update is one value of one series, put into all archives. Whisper has one function in a
file, so it is given three files; it keeps no totals. Everybody gets the same batches, and nobody
waits for the disk: what is written survives a program that is killed.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.contest import Contestant, Goal, Table, held, seconds
from benchmarks.environments import ROOT, peer
from grange.adapters.rings.folder import SharedRings
from grange.adapters.rings.shared_file import SharedRing
from grange.books.archives.arithmetic import advance
from grange.books.archives.layout import RingSpec
from grange.books.archives.profiles import PROFILES, emit
from grange.domain.series import DataSource

SERIES = 200
HOURS = 24
TICKS = 60
READS = 20
GOAL_RRDTOOL = 5.0
GOAL_WHISPER = 20.0
GOAL_READ = 1.0
START = 1_700_006_400 // 86_400 * 86_400
SPEC = RingSpec(
    step_seconds=60,
    heartbeat_seconds=120,
    sources=(DataSource(index=0, label="value"),),
    archives=PROFILES["metpx"],
)


class RrdTool:
    """One rrdtool process that takes commands: what a careful program does."""

    def __init__(self, folder: Path, series: int) -> None:
        self._process = subprocess.Popen(
            ["rrdtool", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.files = [folder / f"{number}.rrd" for number in range(series)]
        archives = " ".join(map(emit, SPEC.archives))
        for file in self.files:
            self.run(f"create {file} --start {START} --step 60 DS:v:GAUGE:120:U:U {archives}")

    def run(self, command: str) -> list[str]:
        """Return the lines a command prints."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("rrdtool has no pipes")
        stdin.write(command + "\n")
        stdin.flush()
        lines: list[str] = []
        for line in stdout:
            if line.startswith("OK "):
                return lines
            if line.startswith("ERROR"):
                raise RuntimeError(line)
            lines.append(line)
        raise RuntimeError("rrdtool has ended")

    def update(self, times: Sequence[int], values: Sequence[float]) -> None:
        """Put the same values into every file."""
        text = " ".join(f"{at}:{value!r}" for at, value in zip(times, values, strict=True))
        for file in self.files:
            self.run(f"update {file} {text}")

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()


def contests(
    folder: Path, rounds: int, scale: float, *, with_peers: bool
) -> tuple[list[Table], list[Goal]]:
    """Return the tables, and the goals if there are peers."""
    series, hours = max(4, round(SERIES * scale)), max(2, round(HOURS * scale))
    place = folder / "rings"
    place.mkdir()
    tables = [
        _updates(place, rounds, series, hours * 60, 60, with_peers=with_peers),
        _updates(place, rounds, series, TICKS, 1, with_peers=with_peers),
        _wide_updates(place, rounds, series, TICKS, 10, with_peers=with_peers),
    ]
    reading = _reads(place, rounds, series, with_peers=with_peers)
    goals = []
    if with_peers:
        batches, _, wide = tables
        ours = batches.median("Grange, series together")
        goals = [
            Goal("ring updates, × rrdtool", GOAL_RRDTOOL, ours / batches.median("rrdtool")),
            Goal(
                "ring updates of a series with many values, × rrdtool",
                GOAL_RRDTOOL,
                wide.median("Grange") / wide.median("rrdtool"),
            ),
            Goal("ring updates, × whisper", GOAL_WHISPER, ours / batches.median("whisper")),
            Goal(
                "reading a ring, × rrdtool",
                GOAL_READ,
                reading.median("Grange") / reading.median("rrdtool"),
            ),
        ]
    return [*tables, reading], goals


class Updates:
    """One contest of updates: the same values for all, `batch` at once."""

    def __init__(self, folder: Path, series: int, minutes: int, batch: int) -> None:
        self._folder = folder
        self._series = series
        self._minutes = minutes
        self._batch = batch
        self._values = np.random.default_rng(1).random((minutes, 1))
        self._times = START + 60 * np.arange(1, minutes + 1)

    def alone(self) -> float:
        """Grange, each series by itself."""
        _, found = self._rings("alone")

        def run() -> None:
            for part in self._parts():
                for ring in found:
                    done = advance(SPEC, ring.head.state, self._times[part], self._values[part])
                    ring.apply(done, sequence=part.start)

        return self._series * self._minutes / seconds(run)

    def together(self) -> float:
        """Grange, all series at once, as its feed does."""
        store, found = self._rings("together")
        specs = [SPEC] * self._series

        def run() -> None:
            for part in self._parts():
                values = [self._values[part].copy() for _ in found]
                store.advance(found, specs, self._times[part], values, sequence=part.start)

        return self._series * self._minutes / seconds(run)

    def rrdtool(self) -> float:
        """The program rrdtool: one process, one command for each batch of a series."""
        place = self._folder / "rrd"
        place.mkdir(exist_ok=True)
        tool = RrdTool(place, self._series)
        plain = [value for (value,) in self._values.tolist()]
        whole = self._times.tolist()

        def run() -> None:
            for part in self._parts():
                tool.update(whole[part], plain[part])

        spent = seconds(run)
        tool.close()
        return self._series * self._minutes / spent

    def whisper(self) -> float:
        """Whisper, with a file for each function."""
        words = [self._folder, self._series, self._minutes, self._batch]
        found = _whisper(["update", *map(str, words)])
        return self._series * self._minutes / float(found[0])

    def wide(self) -> float:
        """Grange, one series with as many sources."""
        ring = SharedRings(self._folder).create("wide", _wide(self._series), start=START)
        values = np.repeat(self._values, self._series, axis=1)

        def run() -> None:
            for part in self._parts():
                done = advance(ring.spec, ring.head.state, self._times[part], values[part])
                ring.apply(done, sequence=part.start)

        return self._series * self._minutes / seconds(run)

    def wide_rrdtool(self) -> float:
        """The program rrdtool, one file with as many sources."""
        tool = RrdTool(self._folder, 0)
        file = self._folder / "wide.rrd"
        sources = " ".join(f"DS:v{place}:GAUGE:120:U:U" for place in range(self._series))
        archives = " ".join(map(emit, SPEC.archives))
        tool.run(f"create {file} --start {START} --step 60 {sources} {archives}")
        rows = [":".join([repr(value)] * self._series) for (value,) in self._values.tolist()]
        whole = self._times.tolist()

        def run() -> None:
            for part in self._parts():
                told = zip(whole[part], rows[part], strict=True)
                tool.run(f"update {file} " + " ".join(f"{at}:{row}" for at, row in told))

        spent = seconds(run)
        tool.close()
        return self._series * self._minutes / spent

    def _parts(self) -> list[slice]:
        return [slice(at, at + self._batch) for at in range(0, self._minutes, self._batch)]

    def _rings(self, name: str) -> tuple[SharedRings, list[SharedRing]]:
        store = SharedRings(self._folder)
        paths = [f"{name}/{place}" for place in range(self._series)]
        return store, [store.create(path, SPEC, start=START) for path in paths]


def _wide(count: int) -> RingSpec:
    return RingSpec(
        step_seconds=SPEC.step_seconds,
        heartbeat_seconds=SPEC.heartbeat_seconds,
        sources=tuple(DataSource(index=place, label=f"v{place}") for place in range(count)),
        archives=SPEC.archives,
    )


def _wide_updates(
    folder: Path, rounds: int, series: int, minutes: int, batch: int, *, with_peers: bool
) -> Table:
    title = f"Ring updates: a series of {series} values, {minutes} minutes, {batch} at once"
    table = Table(title, "updates/s")
    contest = Updates(folder, series, minutes, batch)
    contestants = [Contestant("Grange", contest.wide)]
    if with_peers:
        contestants.append(Contestant("rrdtool", contest.wide_rrdtool))
    return held(table, contestants, rounds)


def _updates(
    folder: Path, rounds: int, series: int, minutes: int, batch: int, *, with_peers: bool
) -> Table:
    title = f"Ring updates: {series} series, {minutes} minutes, {batch} at once"
    table = Table(title, "updates/s")
    contest = Updates(folder, series, minutes, batch)
    contestants = [
        Contestant("Grange, series together", contest.together),
        Contestant("Grange", contest.alone),
    ]
    if with_peers:
        contestants.append(Contestant("rrdtool", contest.rrdtool))
        contestants.append(Contestant("whisper", contest.whisper))
    held(table, contestants, rounds)
    size = SharedRings(folder).size("together/0")
    table.notes.append(f"bytes of a series: Grange {size:,} with totals and known seconds")
    if with_peers:
        wsp = sum((folder / f"0-{kind}.wsp").stat().st_size for kind in ("average", "min", "max"))
        table.notes.append(
            f"rrdtool {(folder / 'rrd' / '0.rrd').stat().st_size:,}; whisper {wsp:,} in three files"
        )
    return table


def _reads(folder: Path, rounds: int, series: int, *, with_peers: bool) -> Table:
    table = Table(f"Reading ten years of {series} series by the day, AVERAGE", "series/s")
    end = START + 60 * TICKS
    store = SharedRings(folder)
    number = len(SPEC.tiers) - 1

    def grange() -> float:
        def run() -> None:
            for _ in range(READS):
                for place in range(series):
                    ring = store.open(f"together/{place}")
                    if ring is None:
                        raise RuntimeError("a ring is gone")
                    ring.rows(number, end // 86_400 - 3650, 3650)[:, 0, 0].tolist()
                    ring.close()

        return READS * series / seconds(run)

    def rrdtool() -> float:
        tool = RrdTool(folder / "rrd", 0)
        files = [folder / "rrd" / f"{place}.rrd" for place in range(series)]

        def run() -> None:
            for _ in range(READS):
                for file in files:
                    start = end - 3649 * 86_400
                    tool.run(f"fetch {file} AVERAGE -r 86400 -s {start} -e {end}")

        spent = seconds(run)
        tool.close()
        return READS * series / spent

    def whisper() -> float:
        found = _whisper(["read", str(folder), str(series), str(READS)])
        return READS * series / float(found[0])

    contestants = [Contestant("Grange", grange)]
    if with_peers:
        contestants += [Contestant("rrdtool", rrdtool), Contestant("whisper", whisper)]
    held(table, contestants, rounds)
    table.notes.append("rrdtool prints its rows as text, through a pipe")
    return table


def _whisper(words: Sequence[str]) -> list[str]:
    script = ROOT / "benchmarks" / "peers" / "rings_whisper.py"
    done = subprocess.run(
        [peer("whisper"), str(script), *words], capture_output=True, text=True, check=True
    )
    return done.stdout.split()
