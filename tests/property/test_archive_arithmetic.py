"""The arithmetic of archives against the real rrdtool: same updates, same numbers."""

import math
import os
import random
import re
import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from grange.adapters.rings.folder import SharedRings
from grange.adapters.rings.shared_file import SharedRing
from grange.books.archives.arithmetic import Advance, OutOfOrderError, advance, fresh
from grange.books.archives.layout import RingSpec
from grange.books.archives.profiles import DEFAULT_STEPS, PROFILES, emit
from grange.domain.series import ArchiveSpec, Consolidation, DataSource, DsType

START = 1_700_000_000
pytestmark = pytest.mark.rrdtool
SEQUENCES = int(os.environ.get("GRANGE_TEST_SEQUENCES", "200"))
"""How many random sequences are tried; the nightly run tries thousands."""
_ROW = re.compile(r"<row>(.*?)</row>")
_VALUE = re.compile(r"<v>\s*(\S+?)\s*</v>")


class RrdTool:
    """One rrdtool process that takes commands."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "oracle.rrd"
        self._process = subprocess.Popen(
            [os.environ.get("GRANGE_TEST_RRDTOOL", "rrdtool"), "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def run(self, *words: object) -> str:
        """Return what a command prints."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(" ".join(map(str, words)) + "\n")
        stdin.flush()
        lines: list[str] = []
        for line in stdout:
            if line.startswith("OK "):
                return "".join(lines)
            if line.startswith("ERROR"):
                raise ValueError(line.strip())
            lines.append(line)
        raise ValueError("rrdtool ended")

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def create(self, spec: RingSpec, start: int) -> None:
        """Make a database like a ring."""
        self.path.unlink(missing_ok=True)
        bound = {True: "U"}
        sources = [
            f"DS:s{source.index}:{source.ds_type}:{spec.heartbeat_seconds}:"
            f"{bound.get(source.minimum is None, source.minimum)}:"
            f"{bound.get(source.maximum is None, source.maximum)}"
            for source in spec.sources
        ]
        self.run(
            "create", self.path, "--start", start, "--step", spec.step_seconds, *sources,
            *map(emit, spec.archives),
        )  # fmt: skip

    def update(self, times: list[int], values: list[list[float]]) -> None:
        """Put values in."""
        for begin in range(0, len(times), 50):
            rows = zip(times[begin : begin + 50], values[begin : begin + 50], strict=True)
            self.run(
                "update", self.path,
                *(f"{time}:{':'.join(map(_text, row))}" for time, row in rows),
            )  # fmt: skip

    def archives(self) -> list[list[list[float]]]:
        """Return the rows of every archive, oldest first."""
        dump = self.run("dump", self.path)
        return [
            [[float(value) for value in _VALUE.findall(row)] for row in _ROW.findall(part)]
            for part in dump.split("<database>")[1:]
        ]


def _text(value: float) -> str:
    if math.isnan(value):
        return "U"
    return str(int(value)) if value == int(value) else repr(value)


def rows_of(spec: RingSpec, steps: list[Advance], last: int) -> list[np.ndarray]:
    """Return the rows of every archive as a ring would hold them, oldest first."""
    found = []
    for archive in spec.archives:
        number, tier = next(
            (place, tier)
            for place, tier in enumerate(spec.tiers)
            if (tier.steps, tier.rows) == (archive.steps, archive.rows)
        )
        rows = np.full((archive.rows, spec.width), np.nan)
        end = last // (archive.steps * spec.step_seconds)
        column = tier.column(archive.cf)
        for one in steps:
            if one.cleared:
                rows[:] = np.nan
            part = one.rows[number]
            for place, row in enumerate(part.rows):
                index = part.first + place - (end - archive.rows)
                if index >= 0:
                    rows[index] = row[:, column]
        found.append(rows)
    return found


@pytest.fixture(scope="module")
def rrdtool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RrdTool]:
    """The real program."""
    tool = RrdTool(tmp_path_factory.mktemp("rrd"))
    yield tool
    tool.close()


def ring(rng: random.Random) -> RingSpec:
    """Return a ring of all four types, with and without bounds."""
    step = rng.choice([1, 10, 60, 300])
    sources = tuple(
        DataSource(
            index=place,
            label=kind,
            ds_type=kind,
            minimum=rng.choice([None, None, 0.0, -5.0]),
            maximum=rng.choice([None, None, 1000.0, 1e7]),
        )
        for place, kind in enumerate(DsType)
    )
    archives = {
        (cf, steps, rows): ArchiveSpec(
            cf=cf, steps=steps, rows=rows, xff=rng.choice([0.0, 0.25, 0.5, 0.9])
        )
        for cf in Consolidation
        for steps, rows in (
            (rng.choice([1, 2, 3, 5, 12]), rng.choice([1, 4, 15])) for _ in range(rng.randint(1, 3))
        )
    }
    return RingSpec(
        step_seconds=step,
        heartbeat_seconds=rng.choice([max(1, step // 2), step, 2 * step, 3 * step + 1, 20 * step]),
        sources=sources,
        archives=tuple(archives.values()),
    )


def updates(rng: random.Random, spec: RingSpec) -> tuple[int, list[int], list[list[float]]]:
    """Return a start, times that rise, and values."""
    step = spec.step_seconds
    # Most loggers tell each step once, at its end.
    regular = rng.random() < 0.3
    start = START // step * step if regular else START + rng.randint(0, 5 * step)
    gaps: list[Callable[[], int]] = [
        lambda: rng.randint(1, step),
        lambda: rng.randint(1, 3 * step),
        lambda: step,
        lambda: spec.heartbeat_seconds,
        lambda: spec.heartbeat_seconds + 1,
        lambda: rng.randint(1, 40 * step),
    ]
    # rrdtool reads integers beyond 2⁵³ with its own small errors, which must not meet a bound.
    wide = all(source.minimum is source.maximum is None for source in spec.sources[1:3])
    times, now = [], start
    for _ in range(rng.randint(1, 60)):
        now += step if regular and rng.random() < 0.95 else rng.choice(gaps)()
        if rng.random() < 0.02:
            now += rng.choice([300, 5000]) * step
        times.append(now)
    numbers: dict[bool, list[Callable[[], float]]] = {
        True: [lambda: rng.uniform(-1e6, 1e6), lambda: float(rng.randint(-50, 50))],
        False: rng.choice(
            [
                [lambda: float(rng.randint(1000, 9999))],
                [lambda: float(rng.randint(10**9, 2**32 - 1))],
                [
                    lambda: float(rng.randint(0, 2000)),
                    lambda: float(rng.randint(0, 2**32 - 1)),
                    lambda: float(2**53 - rng.randint(0, 1000)),
                    lambda: float(2**64 - 2048 * rng.randint(1, 3) if wide else rng.randint(0, 9)),
                ],
            ]
        ),
    }
    values = [
        [
            math.nan
            if rng.random() < 0.12
            else rng.choice(numbers[source.ds_type in (DsType.GAUGE, DsType.ABSOLUTE)])()
            for source in spec.sources
        ]
        for _ in times
    ]
    return start, times, values


def mistaken(spec: RingSpec, archive: ArchiveSpec, times: list[int]) -> list[int]:
    """Return the rows that rrdtool gets wrong.

    Of a value that finishes more rows than the archive keeps it writes the first finished row in
    the place of the oldest one kept.
    """
    span = archive.steps * spec.step_seconds
    newest = times[-1] // span
    wrong = [
        after // span - archive.rows - (newest - archive.rows)
        for before, after in pairwise(times)
        if after // span - before // span > archive.rows
    ]
    return [index for index in wrong if index >= 0]


def borrowed(spec: RingSpec, values: list[list[float]]) -> list[float]:
    """Return how far rrdtool's counters may be wrong, by source.

    It subtracts counters as texts; where one has fewer digits than the one before, the difference
    is sometimes smaller by one.
    """
    counts = {DsType.COUNTER, DsType.DERIVE}
    return [
        1.0
        if source.ds_type in counts
        and len({len(_text(row[place])) for row in values if not math.isnan(row[place])}) > 1
        else 0.0
        for place, source in enumerate(spec.sources)
    ]


def check(rrdtool: RrdTool, seed: int) -> None:
    """Put the same values in both, in batches cut anywhere, and compare every row."""
    rng = random.Random(seed)
    spec = ring(rng)
    start, times, values = updates(rng, spec)
    cuts = sorted({0, len(times), *(rng.randint(0, len(times)) for _ in range(3))})
    rrdtool.create(spec, start)
    rrdtool.update(times, values)
    state, steps = fresh(spec, start), []
    for begin, end in pairwise(cuts):
        one = advance(spec, state, np.array(times[begin:end]), np.array(values[begin:end]))
        state = one.state
        steps.append(one)
    compare(rrdtool, spec, rows_of(spec, steps, times[-1]), [start, *times], values)


def compare(
    rrdtool: RrdTool,
    spec: RingSpec,
    found: list[np.ndarray],
    times: list[int],
    values: list[list[float]],
) -> None:
    """Compare the rows of every archive with what rrdtool has; the first time is the start."""
    wrong_by = borrowed(spec, values)
    largest = np.nanmax(np.abs(np.vstack((np.ones(spec.width), values))), axis=0)
    for archive, ours, theirs in zip(spec.archives, found, rrdtool.archives(), strict=True):
        expected = np.array(theirs)
        for index in mistaken(spec, archive, times):
            ours[index] = expected[index]
        # A dump has eleven digits of each number.
        least = np.broadcast_to(1e-15 * largest + wrong_by, ours.shape)
        close = np.isclose(ours, expected, rtol=1e-9, atol=least, equal_nan=True)
        assert close.all(), (emit(archive), ours[~close], expected[~close])


@settings(max_examples=SEQUENCES, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(seed=st.integers(0, 2**63))
def test_rows_are_those_of_rrdtool(rrdtool: RrdTool, seed: int) -> None:
    """Ledger S3-03, S3-04, S3-05, S4-20: all four types, silence, bounds, xff, unknowns."""
    check(rrdtool, seed)


def in_a_shared_file(folder: Path, rrdtool: RrdTool, seed: int) -> None:
    """Put values in three rings of one file at once, and compare each with rrdtool's."""
    rng = random.Random(seed)
    spec = ring(rng)
    start, times, _ = updates(rng, spec)
    told: list[list[list[float]]] = []
    while len(told) < 3:
        _, _, values = updates(rng, spec)
        told.append((values * len(times))[: len(times)])
    rings = SharedRings(folder)
    shared = [rings.create(f"{seed}/{number}", spec, start=start) for number in range(3)]
    cuts = sorted({0, len(times), *(rng.randint(0, len(times)) for _ in range(3))})
    for begin, end in pairwise(cuts):
        rings.advance(
            shared,
            [spec] * 3,
            np.array(times[begin:end]),
            [np.array(values[begin:end]) for values in told],
            sequence=end,
        )
    for one, values in zip(shared, told, strict=True):
        rrdtool.create(spec, start)
        rrdtool.update(times, values)
        compare(rrdtool, spec, kept(one, times[-1]), [start, *times], values)
        assert one.problems() == []
    for path in rings.paths(str(seed)):
        rings.remove(path)


def kept(ring: SharedRing, last: int) -> list[np.ndarray]:
    """Return the rows of every archive as a file holds them, oldest first."""
    found = []
    for archive in ring.spec.archives:
        number, tier = next(
            (place, tier)
            for place, tier in enumerate(ring.spec.tiers)
            if (tier.steps, tier.rows) == (archive.steps, archive.rows)
        )
        end = last // (archive.steps * ring.spec.step_seconds)
        rows = ring.rows(number, end - archive.rows, archive.rows)
        found.append(rows[:, :, tier.column(archive.cf)].copy())
    return found


@settings(
    max_examples=max(20, SEQUENCES // 5), deadline=None, phases=(Phase.explicit, Phase.generate)
)
@given(seed=st.integers(0, 2**63))
def test_rows_of_rings_that_share_a_file_are_those_of_rrdtool(
    rrdtool: RrdTool, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """Ledger S3-03, S3-21, S4-18: put forward at once, each is what it would be alone."""
    in_a_shared_file(tmp_path_factory.getbasetemp() / "shared", rrdtool, seed)


def test_rates_of_the_four_types(rrdtool: RrdTool) -> None:
    """Ledger S3-03: 600, 1200, 600, 1800 each minute, by type, here and in rrdtool."""
    spec = RingSpec(
        step_seconds=60,
        heartbeat_seconds=120,
        sources=tuple(
            DataSource(index=place, label=kind, ds_type=kind)
            for place, kind in enumerate((DsType.COUNTER, DsType.DERIVE, DsType.ABSOLUTE))
        ),
        archives=(ArchiveSpec(cf=Consolidation.AVERAGE, steps=1, rows=4),),
    )
    start = 60 * (START // 60)
    times = [start + 60 * n for n in range(1, 5)]
    values = [[value] * 3 for value in (600.0, 1200.0, 600.0, 1800.0)]
    one = advance(spec, fresh(spec, start), np.array(times), np.array(values))
    rows = one.rows[0].rows[:, :, 0]
    nan = math.nan
    expected: list[list[float]] = [
        [nan, nan, 10],
        [10, 10, 20],
        [71582778.25, -10, 10],
        [20, 20, 30],
    ]
    assert np.allclose(rows, expected, equal_nan=True)
    rrdtool.create(spec, start)
    rrdtool.update(times, values)
    assert np.allclose(rows, rrdtool.archives()[0], equal_nan=True)


@pytest.mark.parametrize(("silence", "known"), [(120, True), (121, False)])
def test_silence_as_long_as_the_heartbeat_is_known_and_a_second_more_is_not(
    rrdtool: RrdTool, silence: int, known: bool
) -> None:
    """Ledger S3-04: the longest silence before a step is unknown."""
    spec = _gauge(heartbeat=120)
    start = 60 * (START // 60)
    times, values = [start + 60, start + 60 + silence, start + 240], [[5.0], [7.0], [9.0]]
    one = advance(spec, fresh(spec, start), np.array(times), np.array(values))
    rows = one.rows[0].rows[:, 0, 0]
    assert (not math.isnan(rows[1])) is known
    rrdtool.create(spec, start)
    rrdtool.update(times, values)
    assert np.allclose(rows, np.array(rrdtool.archives()[0])[:, 0], equal_nan=True)


@pytest.mark.parametrize(("xff", "expected"), [(0.5, 2.0), (0.0, math.nan)])
def test_the_part_that_may_be_unknown_decides_whether_a_row_is(
    rrdtool: RrdTool, xff: float, expected: float
) -> None:
    """Ledger S4-20: 1 of 4 steps is missing; with xff 0 the whole row is lost."""
    spec = RingSpec(
        step_seconds=60,
        heartbeat_seconds=60,
        sources=(DataSource(index=0, label="v"),),
        archives=(ArchiveSpec(cf=Consolidation.AVERAGE, steps=4, rows=1, xff=xff),),
    )
    start = 240 * (START // 240)
    times = [start + 60 * n for n in range(1, 5)]
    values = [[1.0], [2.0], [math.nan], [3.0]]
    rows = advance(spec, fresh(spec, start), np.array(times), np.array(values)).rows[0].rows
    assert np.allclose(rows[0, 0, 0], expected, equal_nan=True)
    # Sums keep what is known, whatever the row shows.
    assert rows[0, 0, spec.tiers[0].total] == 360.0
    assert rows[0, 0, spec.tiers[0].known] == 180.0
    rrdtool.create(spec, start)
    rrdtool.update(times, values)
    assert np.allclose(rrdtool.archives()[0][0][0], expected, equal_nan=True)


def test_a_time_that_does_not_rise_is_refused(rrdtool: RrdTool) -> None:
    """Ledger S3-12: times rise by a second or more; rrdtool refuses an equal one too."""
    spec = _gauge(heartbeat=120)
    rrdtool.create(spec, START)
    rrdtool.update([START + 60], [[1.0]])
    with pytest.raises(ValueError, match="illegal attempt"):
        rrdtool.update([START + 60], [[1.0]])
    state = advance(spec, fresh(spec, START), np.array([START + 60]), np.array([[1.0]])).state
    for late in (START + 60, START + 59):
        with pytest.raises(OutOfOrderError):
            advance(spec, state, np.array([late]), np.array([[1.0]]))


@pytest.mark.parametrize(("profile", "size"), [("janitoo", 141_112), ("metpx", 306_376)])
def test_the_profiles_have_the_rows_of_the_original_files(
    rrdtool: RrdTool, profile: str, size: int
) -> None:
    """Ledger S3-06, S4-18, S4-19: a file of the real program, and every row after twelve days.

    A value of time t is the one of the step that ends at t.
    """
    step = DEFAULT_STEPS[profile]
    spec = RingSpec(
        step_seconds=step,
        heartbeat_seconds=2 * step,
        sources=(DataSource(index=0, label="v"),),
        archives=PROFILES[profile],
    )
    start = START // 86_400 * 86_400
    count = 12 * 86_400 // step
    rng = random.Random(profile)
    times = [start + step * n for n in range(1, count + 1) if rng.random() < 0.97]
    values = [[rng.uniform(-5, 100)] for _ in times]
    rrdtool.create(spec, start)
    assert rrdtool.path.stat().st_size == size
    rrdtool.update(times, values)
    done = [advance(spec, fresh(spec, start), np.array(times), np.array(values))]
    theirs = rrdtool.archives()
    for archive, ours, expected in zip(
        spec.archives, rows_of(spec, done, times[-1]), theirs, strict=True
    ):
        assert np.allclose(ours, expected, rtol=1e-9, equal_nan=True), emit(archive)
    first = done[0].rows[0]
    place = times.index(start + 2 * step) if start + 2 * step in times else 0
    number = times[place] // step - 1 - first.first
    if place and number >= 0 and times[place] - times[place - 1] <= 2 * step:
        assert math.isclose(first.rows[number, 0, 0], values[place][0])


def _gauge(*, heartbeat: int) -> RingSpec:
    return RingSpec(
        step_seconds=60,
        heartbeat_seconds=heartbeat,
        sources=(DataSource(index=0, label="v"),),
        archives=(ArchiveSpec(cf=Consolidation.AVERAGE, steps=1, rows=4),),
    )
