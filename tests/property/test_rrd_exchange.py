"""Rings to rrdtool and back: what goes on afterwards is the same in both."""

import math
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from grange.adapters.rings.files import RingFile, RingFolder
from grange.books.archives.arithmetic import Advance, advance
from grange.books.archives.layout import RingSpec
from grange.books.archives.profiles import emit
from grange.books.archives.rrd_xml import emit_totals, emit_xml, parse_xml, rrd_names
from grange.domain.series import ArchiveSpec, Consolidation, DataSource, DsType
from grange.kernel.errors import InvalidRequestError
from tests.property.test_archive_arithmetic import RrdTool

pytestmark = pytest.mark.rrdtool
START = 1_700_000_040
SPEC = RingSpec(
    step_seconds=60,
    heartbeat_seconds=150,
    sources=tuple(
        DataSource(index=n, label=f"{kind} of°room", ds_type=kind, minimum=None, maximum=1e6)
        for n, kind in enumerate(DsType)
    ),
    archives=tuple(
        ArchiveSpec(cf=cf, steps=steps, rows=rows, xff=0.5)
        for cf in Consolidation
        for steps, rows in ((1, 50), (7, 20))
    ),
)


@pytest.fixture(scope="module")
def rrdtool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RrdTool]:
    """The real program."""
    tool = RrdTool(tmp_path_factory.mktemp("rrd"))
    yield tool
    tool.close()


def updates(seed: int, start: int, count: int) -> tuple[list[int], list[list[float]]]:
    """Return values that rise, with silences and unknown ones."""
    chance = random.Random(seed)
    times, values, now = [], [], start
    level = [5000.0] * len(DsType)
    for _ in range(count):
        now += chance.choice([13, 60, 60, 61, 149, 400])
        level = [value + chance.randrange(1, 40) for value in level]
        times.append(now)
        values.append([math.nan if chance.random() < 0.05 else value for value in level])
    return times, values


def feed(ring: RingFile, times: list[int], values: list[list[float]]) -> None:
    """Put values in a ring."""
    done = advance(ring.spec, ring.head.state, np.array(times), np.array(values))
    ring.apply(done, sequence=1)


def check_same(ring: RingFile, rrdtool: RrdTool) -> None:
    """Compare every row of every archive."""
    state = ring.head.state
    for archive, theirs in zip(ring.spec.archives, rrdtool.archives(), strict=True):
        number, tier = next(
            (number, tier)
            for number, tier in enumerate(ring.spec.tiers)
            if (tier.steps, tier.rows) == (archive.steps, archive.rows)
        )
        first = state.last // (tier.steps * ring.spec.step_seconds) - tier.rows
        column = tier.column(archive.cf)
        ours = ring.rows(number, first, tier.rows)[:, :, column]
        assert np.allclose(ours, theirs, rtol=1e-9, equal_nan=True), emit(archive)


@pytest.mark.parametrize("seed", range(4))
def test_an_exported_ring_goes_on_in_rrdtool_as_it_does_here(
    rrdtool: RrdTool, tmp_path: Path, seed: int
) -> None:
    """Ledger S3-03: `rrdtool restore` takes the export; further values give equal rows."""
    ring = RingFolder(tmp_path).create("a", SPEC, start=START)
    times, values = updates(seed, START, 60)
    feed(ring, times, values)
    xml = tmp_path / "a.xml"
    xml.write_text(emit_xml(SPEC, ring.head.state, ring.rows), encoding="utf-8")
    rrdtool.path.unlink(missing_ok=True)
    subprocess.run(["rrdtool", "restore", xml, rrdtool.path], check=True)
    check_same(ring, rrdtool)
    times, values = updates(seed + 100, times[-1], 45)
    feed(ring, times, values)
    rrdtool.update(times, values)
    check_same(ring, rrdtool)


@pytest.mark.parametrize("seed", range(4))
def test_an_imported_database_goes_on_here_as_it_does_in_rrdtool(
    rrdtool: RrdTool, tmp_path: Path, seed: int
) -> None:
    """Ledger S3-06: what `rrdtool dump` writes becomes a ring with every row."""
    rrdtool.create(SPEC, START)
    times, values = updates(seed, START, 60)
    rrdtool.update(times, values)
    found = parse_xml(rrdtool.run("dump", rrdtool.path))
    assert [source.label for source in found.spec.sources] == ["s0", "s1", "s2", "s3"]
    assert found.spec.archives == SPEC.archives
    ring = RingFolder(tmp_path).create("a", found.spec, start=START - 10_000)
    ring.apply(Advance(state=found.state, rows=found.rows), sequence=0)
    check_same(ring, rrdtool)
    times, values = updates(seed + 100, times[-1], 45)
    feed(ring, times, values)
    rrdtool.update(times, values)
    check_same(ring, rrdtool)


def test_export_and_import_with_totals_lose_nothing(tmp_path: Path) -> None:
    """Ledger S4-21: totals travel beside the XML, bit by bit."""
    ring = RingFolder(tmp_path).create("a", SPEC, start=START)
    feed(ring, *updates(5, START, 80))
    state = ring.head.state
    totals = emit_totals(SPEC, state, ring.rows)
    found = parse_xml(emit_xml(SPEC, state, ring.rows), totals)
    for number, tier in enumerate(SPEC.tiers):
        part = found.rows[number]
        assert np.array_equal(part.rows, ring.rows(number, part.first, tier.rows), equal_nan=True)
    again = RingFolder(tmp_path).create("b", found.spec, start=START)
    again.apply(Advance(state=found.state, rows=found.rows), sequence=0)
    more = updates(6, state.last, 30)
    feed(ring, *more)
    feed(again, *more)
    for number, tier in enumerate(SPEC.tiers):
        first = ring.head.state.last // (tier.steps * 60) - tier.rows
        assert np.array_equal(
            ring.rows(number, first, tier.rows),
            again.rows(number, first, tier.rows),
            equal_nan=True,
        )
    totals["tiers"][0]["first"] += 1
    with pytest.raises(InvalidRequestError, match="one moment"):
        parse_xml(emit_xml(SPEC, state, ring.rows), totals)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html/>",
        "<rrd/>",
        '<!DOCTYPE rrd [<!ENTITY a "b">]><rrd>&a;</rrd>',
        "<rrd><step>x</step><ds><name>a</name><type>GAUGE</type></ds></rrd>",
        "<rrd><ds><name>a</name><type>COMPUTE</type></ds></rrd>",
    ],
)
def test_what_is_no_dump_is_refused(text: str) -> None:
    """An import that cannot be kept changes nothing."""
    with pytest.raises(InvalidRequestError):
        parse_xml(text)


def test_names_of_sources_fit_rrdtool_and_stay_apart() -> None:
    """Ledger section 7: names of at most 19 letters."""
    names = rrd_names(
        ["Temperature of the machine room", "Temperature of the attic", "°C", "a", "a"]
    )
    assert len(set(names)) == 5
    assert all(0 < len(name) <= 19 for name in names)
