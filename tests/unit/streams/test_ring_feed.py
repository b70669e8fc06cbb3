"""Rings are fed from journal and blocks: a function of the facts, however the work is cut."""

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grange.adapters.rings.folder import SharedRings
from grange.books.archives.arithmetic import advance, fresh
from grange.books.archives.layout import RingSpec
from grange.books.archives.profiles import archives_of
from grange.domain.farm import Farm
from grange.domain.series import DataSource, DsType, Series
from grange.kernel.errors import NotFoundError
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, MILLIS_PER_MINUTE, Instant
from grange.testing.books import BooksBench, books_bench
from grange.testing.conformance.entities import least
from grange.testing.facts import FARM
from tests.unit.streams.log_facts import busy

pytestmark = pytest.mark.slow

DAY = Instant(1_767_225_600_000)
TEXTS = [f"RRA:{cf}:0.5:{grid}" for cf in ("AVERAGE", "MAX", "LAST") for grid in ("1:400", "12:60")]
SERIES = Series(
    farm_id=FARM,
    name="room",
    step_seconds=300,
    heartbeat_seconds=900,
    sources=(
        DataSource(index=0, label="Temperature", minimum=-40.0, maximum=60.0),
        DataSource(index=1, label="Power", ds_type=DsType.COUNTER),
    ),
    archives=archives_of(TEXTS),
    created_at=DAY,
    created_by="ann",
)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[BooksBench]:
    """Books of a farm with a series."""
    with books_bench(tmp_path / "a", Instant(DAY + 2 * MILLIS_PER_DAY)) as bench:
        bench.put(least(Farm, farm_id=FARM, name="f", zone="UTC", currency="EUR"), SERIES)
        yield bench


def values(seed: int, *, hours: int = 20) -> list[dict[str, Any]]:
    """Return values of two sources, with silences, some before the time of others."""
    chance = random.Random(seed)
    found: list[dict[str, Any]] = []
    at, count = DAY + 17_000, 1000.0
    while at < DAY + hours * MILLIS_PER_HOUR:
        at += chance.choice([20_000, 60_000, 100_000, 240_000, 310_000])
        if chance.random() < 0.02:
            at += 40 * MILLIS_PER_MINUTE
        count += chance.randrange(500)
        for source, value in ((0, chance.uniform(-50, 70)), (1, count)):
            if chance.random() < 0.9:
                found.append(
                    {
                        "farm_id": FARM,
                        "series": "room",
                        "source_index": source,
                        "at": at,
                        "value": value,
                        "logger": "l",
                        "sequence": len(found),
                    }
                )
    return found


def expected(rows: list[dict[str, Any]]) -> tuple[RingSpec, list[Any]]:
    """Return the rows of every tier, from the values alone: one update for each slot."""
    spec = RingSpec(
        step_seconds=300,
        heartbeat_seconds=900,
        sources=SERIES.sources,
        archives=SERIES.archives,
    )
    step = 300_000
    slots: dict[int, list[float]] = {}
    for row in sorted(rows, key=lambda row: row["at"]):
        slots.setdefault(row["at"] // step, [math.nan, math.nan])[row["source_index"]] = row[
            "value"
        ]
    newest = max(slots)
    numbers = [number for number in sorted(slots) if number < newest]
    done = advance(
        spec,
        fresh(spec, numbers[0] * 300),
        np.array([(number + 1) * 300 for number in numbers]),
        np.array([slots[number] for number in numbers]),
    )
    return spec, [(found.first, found.rows) for found in done.rows]


def check_series(bench: BooksBench, rows: list[dict[str, Any]]) -> None:
    """Compare the ring's file with the values."""
    spec, tiers = expected(rows)
    ring = SharedRings(bench.folder / "rings").open(f"{FARM}/series/room")
    assert ring is not None
    for number, (first, wanted) in enumerate(tiers):
        found = ring.rows(number, first, len(wanted))
        assert np.allclose(found, wanted, equal_nan=True, rtol=1e-12), spec.tiers[number].steps
        assert not len(wanted) or not np.isnan(wanted[..., 0]).all()
    assert ring.problems() == []
    ring.close()


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_values_that_come_in_any_order_and_cut_anywhere_give_one_ring(
    bench: BooksBench, seed: int
) -> None:
    """Ledger S3-09, S4-17: late values are put where they belong; again is the same as once."""
    rows = values(seed)
    chance = random.Random(seed)
    posted = rows[:]
    # Some packets are late by up to two hours.
    posted.sort(key=lambda row: row["at"] + chance.choice([0, 0, 0, 2 * MILLIS_PER_HOUR]))
    begin, late = 0, 0
    while begin < len(posted):
        end = begin + chance.randrange(1, 60)
        bench.post("stream_values", posted[begin:end])
        late += bench.books.feed_rings()["late"]
        if chance.random() < 0.2:
            bench.books.seal(force=chance.random() < 0.5)
        if chance.random() < 0.2:
            bench.reopen()
        begin = end
    check_series(bench, rows)
    bench.post("stream_values", posted[:50])  # a repeat changes nothing
    bench.books.feed_rings()
    assert late > 0
    check_series(bench, rows)
    again = bench.books.feed_rings()
    assert (again["series"], again["late"]) == (0, 0)


def test_values_that_are_late_by_hours_are_put_where_they_belong(bench: BooksBench) -> None:
    """Ledger S4-11: three hours without a connection are the same as none; rates included."""
    rows = values(1)
    gap = DAY + 8 * MILLIS_PER_HOUR + 20 * MILLIS_PER_MINUTE
    late = [row for row in rows if gap <= row["at"] < gap + 3 * MILLIS_PER_HOUR]
    bench.post("stream_values", [row for row in rows if row not in late])
    bench.books.feed_rings()
    bench.books.seal(force=True)
    bench.post("stream_values", late)
    assert bench.books.feed_rings()["late"] == 1
    check_series(bench, rows)


def test_a_lost_or_damaged_ring_is_made_again_from_the_facts(bench: BooksBench) -> None:
    """Invariant 5: while the facts are kept, rebuilding gives the same rows."""
    rows = values(7)
    bench.post("stream_values", rows[:-40])
    bench.books.feed_rings()
    file = SharedRings(bench.folder / "rings").location(f"{FARM}/series/room")
    data = bytearray(file.read_bytes())
    ring = SharedRings(bench.folder / "rings").open(f"{FARM}/series/room")
    assert ring is not None
    newest = ring.rows(0, ring.head.state.last // 300 - 1, 1)
    data[data.rindex(newest[0, 0].tobytes())] ^= 255
    file.write_bytes(data)
    bench.books.seal(force=True)
    bench.post("stream_values", rows[-40:-20])
    fed = bench.books.feed_rings()
    assert [Path(one).name for one in fed["damaged"]] == ["room.ring.damaged"]
    check_series(bench, rows[:-20])
    file.unlink()
    bench.post("stream_values", rows[-20:])
    bench.books.feed_rings()
    check_series(bench, rows)


def test_everything_can_be_computed_again(bench: BooksBench) -> None:
    """Ledger S4-32: restore, then feed again, equals a clean run."""
    rows = values(8)
    bench.post("stream_values", rows)
    bench.books.feed_rings()
    bench.books.seal(force=True)
    bench.books.feed_rings_again(farm_id=FARM)
    check_series(bench, rows)


def test_a_source_that_joins_later_has_no_past_and_changes_nobody_elses(
    bench: BooksBench,
) -> None:
    """Sources are added at the end of a series; rows of the others stay."""
    rows = values(9)
    bench.post("stream_values", rows[:300])
    bench.books.feed_rings()
    door = DataSource(index=2, label="Door")
    bench.put(
        Series(
            **{
                name: getattr(SERIES, name)
                for name in SERIES.__struct_fields__
                if name != "sources"
            },
            sources=(*SERIES.sources, door),
        )
    )
    joined = [{**row, "source_index": 2, "value": 1.0} for row in rows[300:]]
    bench.post("stream_values", [*rows[300:], *joined])
    bench.books.feed_rings()
    spec, tiers = expected(rows)
    ring = SharedRings(bench.folder / "rings").open(f"{FARM}/series/room")
    assert ring is not None
    for number, (first, wanted) in enumerate(tiers):
        found = ring.rows(number, first, len(wanted))
        assert np.allclose(found[:, :2], wanted, equal_nan=True), spec.tiers[number].steps
    newest = ring.head.state.last // 300 - 1
    third = ring.rows(0, newest - 399, 400)[:, 2, 0]
    assert np.nanmax(third) == 1.0
    assert np.isnan(third[:100]).all()
    ring.close()


def test_rows_are_answered_with_unknown_as_nothing(bench: BooksBench) -> None:
    """Ledger S4-19: rows have the start of their slot; a reader sees None, never zero."""
    rows = values(3)
    bench.post("stream_values", rows)
    bench.books.feed_rings()
    answer = bench.books.call(
        "ring_rows",
        {
            "farm_id": FARM,
            "series": "room",
            "since": DAY,
            "until": DAY + 20 * MILLIS_PER_HOUR,
            "sources": ["Power"],
        },
    )
    assert answer["step_seconds"] == 300
    (power,) = answer["sources"]
    _, tiers = expected(rows)
    first, wanted = tiers[0]
    known = dict(zip(answer["starts_at"], power["average"], strict=True))
    for place, row in enumerate(wanted):
        value = known[(first + place) * 300_000]
        assert (value is None) == math.isnan(row[1, 0])
        assert value is None or math.isclose(value, row[1, 0])
    hours = bench.books.call(
        "ring_rows",
        {
            "farm_id": FARM,
            "series": "room",
            "since": DAY,
            "until": DAY + 20 * MILLIS_PER_HOUR,
            "step_seconds": 3600,
        },
    )
    assert hours["step_seconds"] == 3600
    total = sum(value or 0.0 for value in hours["sources"][1]["total"][:19])
    fine = [
        value for at, value in zip(answer["starts_at"], power["total"], strict=True)
        if at < DAY + 19 * MILLIS_PER_HOUR
    ]  # fmt: skip
    assert math.isclose(total, sum(value or 0.0 for value in fine))
    with pytest.raises(NotFoundError):
        bench.books.call(
            "ring_rows", {"farm_id": FARM, "series": "none", "since": 0, "until": 1000}
        )


# ── log streams ───────────────────────────────────────────────────────────────────────────────────


def lines(machine: str, hours: int = 30, seed: int = 1, **changes: Any) -> list[dict[str, Any]]:
    """Return lines of a stream of a machine, silent in two hours."""
    found: list[dict[str, Any]] = busy(
        DAY, hours, seed=seed, per_minute=0.7, silent_hours=(5, 11), machine=machine, **changes
    )
    more = [
        {**row, "at": row["at"] + 7, "offset": row["offset"] + 50, "bytes": 77}
        for row in found[::3]
        if not row["error"]
    ]
    return sorted([*found, *more], key=lambda row: row["at"])


def sums(rows: list[dict[str, Any]], until: int) -> dict[str, float]:
    """Return totals of lines up to an instant, reckoned plainly."""
    chosen = [row for row in rows if row["at"] < until]
    files = [row for row in chosen if not row["error"]]
    timed = [row["latency_ms"] for row in files if row["latency_ms"] is not None]
    return {
        "bytes": sum(row["bytes"] for row in files),
        "files": len(files),
        "errors": len(chosen) - len(files),
        "timed": len(timed),
        "latency_ms": sum(timed),
        "late": sum(one > 15_000 for one in timed),
    }


def shown(bench: BooksBench, step: int | None = None, **asked: Any) -> dict[str, Any]:
    """Return the rows of the archive stream by source."""
    answer = bench.books.call(
        "ring_rows",
        {
            "farm_id": FARM,
            "stream": "archive",
            "since": DAY,
            "until": DAY + 30 * MILLIS_PER_HOUR,
            "step_seconds": step,
            **asked,
        },
    )
    return {one["label"]: one for one in answer["sources"]} | {"starts_at": answer["starts_at"]}


def test_sums_of_counts_and_bytes_are_conserved_in_every_archive(bench: BooksBench) -> None:
    """Ledger S4-21: the sum of rows is the sum of lines, at every width; mean for latency."""
    rows = lines("ada")
    bench.post("log_lines", rows)
    bench.books.feed_rings()
    end = max(row["at"] for row in rows) // MILLIS_PER_HOUR * MILLIS_PER_HOUR
    wanted = sums(rows, end)
    assert wanted["late"] > 0
    for step in (None, 3600, 14_400):
        found = shown(bench, step)
        width = (step or 60) * 1000
        for name, total in wanted.items():
            shown_total = sum(value or 0.0 for value in found[name]["total"])
            if width <= MILLIS_PER_HOUR:
                assert shown_total == total, (name, step)
            else:
                whole = end // width * width
                assert shown_total == sums(rows, whole)[name], (name, step)
    found = shown(bench)
    at = found["starts_at"].index(DAY + 5 * MILLIS_PER_HOUR)
    assert found["files"]["average"][at : at + 60] == [None] * 60
    quiet = [
        place
        for place, known in enumerate(found["files"]["known_seconds"])
        if known and not found["files"]["total"][place]
    ]
    assert quiet
    assert all(found["files"]["average"][place] == 0.0 for place in quiet)
    minute = next(p for p, value in enumerate(found["timed"]["total"]) if (value or 0) > 1)
    begin = found["starts_at"][minute]
    inside = [
        row["latency_ms"]
        for row in rows
        if begin <= row["at"] < begin + 60_000 and row["latency_ms"] is not None
    ]
    assert found["latency_ms"]["minimum"][minute] == min(inside)
    assert found["latency_ms"]["maximum"][minute] == max(inside)
    assert math.isclose(found["latency_ms"]["mean"][minute], sum(inside) / len(inside))


def test_an_hour_that_is_collected_again_is_repaired_in_the_archives(bench: BooksBench) -> None:
    """Ledger S4-30: corrupt an hour, collect it again: exactly that hour changes back."""
    rows = lines("ada")
    hour = DAY + 7 * MILLIS_PER_HOUR
    wrong = [
        {**row, "bytes": row["bytes"] * 3} if hour <= row["at"] < hour + MILLIS_PER_HOUR else row
        for row in rows
    ]
    bench.post("log_lines", wrong)
    bench.books.feed_rings()
    bench.books.seal(force=True)
    sealed = bench.books.feed_rings()
    assert sealed["streams"] == 0, "what the journal said is not news when it is in a file"
    before = shown(bench)
    again = [row for row in rows if hour <= row["at"] < hour + MILLIS_PER_HOUR]
    bench.books.replace(
        farm_id=FARM, table="log_lines", start=hour, end=hour + MILLIS_PER_HOUR, rows=again
    )
    fed = bench.books.feed_rings()
    assert fed["late"] == 1
    after = shown(bench)
    changed = [
        at
        for at, old, new in zip(
            after["starts_at"], before["bytes"]["total"], after["bytes"]["total"], strict=True
        )
        if old != new
    ]
    assert changed
    assert all(hour <= at < hour + MILLIS_PER_HOUR for at in changed)
    end = max(row["at"] for row in rows) // MILLIS_PER_HOUR * MILLIS_PER_HOUR
    assert sum(value or 0.0 for value in after["bytes"]["total"]) == sums(rows, end)["bytes"]


def test_machines_are_kept_apart_and_added_up_when_read(bench: BooksBench) -> None:
    """Ledger S4-18: a ring for each stream and machine; totals across machines are exact."""
    ada, bob = lines("ada"), lines("bob", seed=2)
    for begin in range(0, len(ada), 300):
        bench.post("log_lines", ada[begin : begin + 300])
        bench.post("log_lines", bob[begin : begin + 300])
        bench.books.feed_rings()
    end = min(max(row["at"] for row in rows) for rows in (ada, bob))
    end -= end % MILLIS_PER_HOUR
    both, one = shown(bench), shown(bench, machines=["ada"])
    for name, wanted in sums([*ada, *bob], end).items():
        assert sum(value or 0.0 for value in both[name]["total"]) == wanted
    for name, wanted in sums(ada, end).items():
        assert sum(value or 0.0 for value in one[name]["total"]) == wanted
    listed = bench.books.call("stream_rings", {"farm_id": FARM})["rings"]
    assert [(ring["kind"], ring["machine"], ring["stream"]) for ring in listed] == [
        ("tx", "ada", "archive"),
        ("tx", "bob", "archive"),
    ]
    with pytest.raises(NotFoundError):
        shown(bench, machines=["eve"])


def test_names_with_any_letters_have_rings(bench: BooksBench) -> None:
    """Ledger S3-22: a stream's name cannot leave the folder."""
    rows = lines("ad/a", stream="../up ü")
    bench.post("log_lines", rows)
    bench.books.feed_rings()
    (ring,) = bench.books.call("stream_rings", {"farm_id": FARM})["rings"]
    assert (ring["machine"], ring["stream"]) == ("ad/a", "../up ü")
    inside = (bench.folder / "rings").resolve()
    (file,) = inside.rglob("*.rings")
    assert file.parents[1] == inside / FARM


def test_facts_are_sealed_though_a_ring_cannot_be_written(bench: BooksBench) -> None:
    """Invariant 1: an archive that fails keeps no fact from its file."""
    bench.post("stream_values", values(2))
    bench.travel(bench.clock.now() + 2 * MILLIS_PER_HOUR)
    (bench.folder / "rings").write_text("no folder")
    bench.books.upkeep()
    sealed = bench.books.files(farm_id=FARM, table="stream_values")["files"]
    assert sum(row["row_count"] for row in sealed) == len(values(2))
    (bench.folder / "rings").unlink()
    bench.books.upkeep()
    check_series(bench, values(2))
