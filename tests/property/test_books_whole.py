"""The whole of the books against plain Python and numpy, for random farms in many zones.

A random farm's life is moved to a day on which something is odd: clocks change, by half an hour
too; a leap day; offsets of half an hour and 45 minutes. It is lived through with late and repeated
facts, and must give what the facts say, and the same files as if all of it had come at once.
"""

import json
import os
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from grange.books.catalog.registry import ROLLUP_TABLES, TABLES
from grange.books.catalog.schema import conformed
from grange.books.periods import QUARTER_MS, Period, buckets
from grange.books.questions.usage import begun, places_of
from grange.books.rows import in_file_order, joined
from grange.domain.farm import Farm
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, Instant, instant_of
from grange.testing.books import BooksBench, books_bench
from grange.testing.facts import FARM, T0
from grange.testing.story import Row, Story, Storyteller, post, rows_of

pytestmark = pytest.mark.slow

HOUR = MILLIS_PER_HOUR
ODD_DAYS = [
    ("Australia/Lord_Howe", "2024-04-06T13:10"),  # clocks go back by half an hour
    ("Asia/Kathmandu", "2024-02-28T16:00"),  # 45 minutes, into a leap day
]
MORE_DAYS = [
    ("Europe/Paris", "2024-03-31T00:20"),  # 23 hours
    ("America/St_Johns", "2024-11-03T02:40"),  # 25 hours, an offset of half an hour
    ("Europe/Paris", "2024-10-26T22:20"),
    ("Asia/Kolkata", "2024-02-29T17:00"),
    ("America/New_York", "2023-12-31T23:00"),
    ("Africa/Casablanca", "2024-03-10T01:10"),
    ("UTC", "2024-06-30T22:00"),
]

SOAK = os.environ.get("GRANGE_TEST_PROFILE") == "soak"
DAYS = ODD_DAYS + MORE_DAYS if SOAK else ODD_DAYS
"""./dev test takes the two oddest; with the profile of the soak, all are taken."""


def moved(rows: Iterable[Row], by: int) -> list[Row]:
    """Return a story's rows at another time."""
    found: list[Row] = []
    for time, name, row in rows:
        values = dict(row)
        for column in TABLES[name].columns:
            if column.unit == "ms UTC" and values.get(column.name) is not None:
                values[column.name] += by
        if name == "events" and "last_seen_at" in (values.get("detail") or ""):
            detail = json.loads(values["detail"])
            values["detail"] = json.dumps(detail | {"last_seen_at": detail["last_seen_at"] + by})
        found.append((time + by, name, values))
    return found


class Life:
    """A random farm at an odd time."""

    def __init__(self, zone: str, start: str) -> None:
        self.zone = ZoneInfo(zone)
        self.story: Story = Storyteller(f"{zone} {start}", hours=3, workers=3, jobs=3).tell()
        self.start = instant_of(datetime.fromisoformat(start).replace(tzinfo=UTC))
        self.by = self.start - T0
        self.rows = moved(rows_of(self.story), self.by)
        self.end = Instant(self.story.end + self.by)
        self.farm = Farm(farm_id=FARM, name="f", zone=zone, created_at=self.start, created_by="t")
        self.span = Span(self.start, self.end)

    def table(self, name: str) -> list[dict[str, Any]]:
        """Return the facts of one table."""
        return [dict(row) for _, found, row in self.rows if found == name]

    def live(self, bench: BooksBench, seed: str) -> None:
        """Post everything as it happens: some of it late, some twice, in any order."""
        rng = random.Random(seed)
        waiting = [
            (time + (rng.randrange(3 * HOUR) if rng.random() < 0.2 else 1_000), name, row)
            for time, name, row in self.rows
        ]
        waiting += [item for item in waiting if rng.random() < 0.1]
        rng.shuffle(waiting)
        at = int(self.start)
        while waiting:
            at += HOUR
            post(bench, [item for item in waiting if item[0] < at])
            waiting = [item for item in waiting if item[0] >= at]
            bench.travel(at + 3 * 60_000)
            bench.books.upkeep()
        bench.travel(self.end + 10 * HOUR)
        bench.books.seal()


def stored(bench: BooksBench) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every rollup."""
    found = {}
    for spec in ROLLUP_TABLES:
        files = [row for row in bench.books.shelf.files() if row.table_name == spec.name]
        tables = [conformed(spec, bench.books.shelf.blocks.read(row.path)) for row in files]
        found[spec.name] = in_file_order(spec, joined(spec, tables)).to_pylist()
    return found


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[tuple[str, str]], Any]]:
    """Farms, and books that lived through them; each is made once, whatever order tests run in."""
    with ExitStack() as stack:
        known: dict[tuple[str, str], Any] = {}

        def made(day: tuple[str, str]) -> Any:
            if day not in known:
                life = Life(*day)
                folder = tmp_path_factory.mktemp("whole")
                bench = stack.enter_context(books_bench(folder, life.start))
                bench.put(life.farm)
                life.live(bench, "late")
                known[day] = life, bench
            return known[day]

        yield made


@pytest.fixture(params=DAYS, ids=lambda day: day[0].rpartition("/")[2])
def lived(request: pytest.FixtureRequest, lives: Callable[[tuple[str, str]], Any]) -> Any:
    """A farm, and books that lived through it."""
    return lives(request.param)


def spans(life: Life) -> list[Span]:
    """Return random spans of the farm's life, the whole of it among them."""
    rng = random.Random(str(life.zone))
    found = [life.span]
    for _ in range(4):
        start = rng.randrange(life.start, life.end - 1)
        found.append(Span(Instant(start), Instant(rng.randrange(start + 1, life.end + 1))))
    return found


def test_accounts_sum_to_workers_times_time(lived: Any) -> None:
    """Invariant 3, for any span, step and partition of workers."""
    life, bench = lived
    born = {
        row["worker_id"]: row["at"]
        for row in life.table("events")
        if row["name"] == "worker_status" and row["new"] == "CREATED"
    }
    for span in spans(life):
        expected = sum(max(0, span.end - max(span.start, at)) for at in born.values())
        for by in ("farm", "fleet", "worker"):
            for step in (None, "hour", "quarter"):
                found = bench.books.accounts(
                    farm_id=FARM, start=span.start, end=span.end, by=by, step=step
                )
                assert found["machine_ms"] == expected, (span, by, step)


def test_usage_is_the_same_total_by_any_attribute(lived: Any) -> None:
    """Invariant 4: Σ over any partition is the time of the sessions."""
    life, bench = lived
    sessions = [(row["started_at"], row["ended_at"]) for row in life.table("sessions")]
    for span in spans(life):
        expected = sum(max(0, min(e, span.end) - max(s, span.start)) for s, e in sessions)
        asked = {"farm_id": FARM, "start": span.start, "end": span.end}
        costs = set()
        for group in ("user", "queue", "worker", "project,app", "layer", "job,fleet"):
            found = bench.books.usage(**asked, group_by=group)
            assert sum(row["runtime_ms"] for row in found["rows"]) == expected
            costs.add(found["cost"])
        assert len(costs) == 1


def test_rollups_are_what_numpy_makes_of_the_samples(lived: Any) -> None:
    """Ledger S0-25, S0-28: minutes, quarters and hours of samples, summed again."""
    life, bench = lived
    rows = life.table("worker_samples")
    at = np.array([row["at"] for row in rows]) - 1
    cpu = np.array([row["cpu_milli"] for row in rows])
    worker = np.array([row["worker_id"] for row in rows])
    covered = np.array([row["coverage_ms"] for row in rows])
    widths = {"worker_minutes": 60_000, "worker_quarters": QUARTER_MS, "worker_hours": HOUR}
    found = stored(bench)
    for name, width in widths.items():
        slot = at - at % width
        keys = sorted(set(zip(worker.tolist(), slot.tolist(), strict=True)))
        assert [(row["worker_id"], row["slot_at"]) for row in found[name]] == keys
        for row in found[name]:
            mask = (worker == row["worker_id"]) & (slot == row["slot_at"])
            expected = (mask.sum(), cpu[mask].sum(), cpu[mask].min(), cpu[mask].max(),
                        covered[mask].sum())  # fmt: skip
            assert expected == (row["samples"], row["cpu_milli_sum"], row["cpu_milli_min"],
                                row["cpu_milli_max"], row["coverage_ms"])  # fmt: skip


def test_wide_slots_are_the_same_from_rollups_and_from_samples(lived: Any) -> None:
    """Invariant 6: a long span reads rollups, and says what the samples say."""
    life, bench = lived
    rows = life.table("worker_samples")
    for span in (Span(Instant(life.start - 40 * HOUR), Instant(life.end + 40 * HOUR)),
                 Span(Instant(life.start + 1_234_567), life.end)):  # fmt: skip
        points = max(2, span.millis // (2 * HOUR) - 1)
        found = bench.books.worker_samples(
            farm_id=FARM, start=span.start, end=span.end, points=int(points)
        )
        step, columns = found["step_ms"], found["columns"]
        if step % HOUR:
            continue
        expected: dict[tuple[str, int], list[int]] = defaultdict(list)
        for row in rows:
            if span.start < row["at"] <= span.end:
                slot = (row["at"] - 1) // step * step
                expected[row["worker_id"], slot].append(row["cpu_milli"])
        got = dict(
            zip(
                zip(columns["worker_id"], columns["slot_at"], strict=True),
                zip(columns["cpu_milli"], columns["cpu_milli_max"], strict=True),
                strict=True,
            )
        )
        assert got == {key: (sum(cpu) // len(cpu), max(cpu)) for key, cpu in expected.items()}


def test_quarters_of_local_days_hold_every_finished_chunk_once(lived: Any) -> None:
    """Ledger S0-03 to S0-06, rule 11.11: by the farm's wall clock, also when it is changed."""
    life, bench = lived
    expected: dict[tuple[str, date, int], int] = defaultdict(int)
    for row in life.table("session_actions"):
        if row["kind"] == "task_run" and row["status"] == "SUCCEEDED":
            local = datetime.fromtimestamp(row["ended_at"] / 1000, UTC).astimezone(life.zone)
            place = local.hour * 4 + local.minute // 15
            expected[row["user_name"], local.date(), place] += 1
    first = datetime.fromtimestamp(life.start / 1000, UTC).astimezone(life.zone).date()
    got: dict[tuple[str, date, int], int] = {}
    for number in range(3):
        day = first + timedelta(days=number)
        found = bench.books.slots(farm_id=FARM, day=day.isoformat(), subject="user")
        assert found["span"]["end_at"] - found["span"]["start_at"] in {
            23 * HOUR, 24 * HOUR, 25 * HOUR, 24 * HOUR + HOUR // 2, 24 * HOUR - HOUR // 2,
        }  # fmt: skip
        for row in found["rows"]:
            for place, count in enumerate(row["chunks_finished"]):
                if count:
                    got[row["name"], day, place] = count
    assert got == dict(expected)
    assert sum(got.values()) > 0


def test_sessions_by_the_day_they_began_in(lived: Any) -> None:
    """Ledger S2: days of 23, 23.5, 24, 24.5 and 25 hours; every session counts once."""
    life, bench = lived
    for period in (Period.DAILY, Period.HOURLY, Period.WEEKLY, Period.MONTHLY, None):
        listed = list(buckets(life.span, period, life.zone))
        with bench.books.shelf.view(FARM) as view:
            found = view.ask(begun(life.span, listed, ["user_name"])).to_pylist()
        expected: dict[tuple[int, str], tuple[int, int]] = {}
        for row in life.table("sessions"):
            start = next((b.start for b in listed if b.start <= row["started_at"] < b.end), None)
            if start is not None:
                count, total = expected.get((start, row["user_name"]), (0, 0))
                length = row["ended_at"] - row["started_at"]
                expected[start, row["user_name"]] = (count + 1, total + length)
        got = {
            (row["start_at"], row["user_name"]): (row["sessions"], row["runtime_sum"])
            for row in found
        }
        assert got == expected


@pytest.mark.parametrize("zone", [zone for zone, _ in ODD_DAYS + MORE_DAYS])
@pytest.mark.parametrize("period", list(Period))
def test_places_hold_the_bucket_of_every_instant(zone: str, period: Period) -> None:
    """Looking a bucket up by its place is the same as searching for it."""
    rng = random.Random(f"{zone} {period}")
    for year in (2024, 2025):
        start = instant_of(datetime(year, 3, 29, 5, 7, 11, tzinfo=UTC))
        span = Span(start, Instant(start + rng.randrange(3 * HOUR, 400 * 24 * HOUR)))
        if period is Period.HOURLY:
            span = Span(start, Instant(start + 40 * HOUR + 1))
        listed = list(buckets(span, period, ZoneInfo(zone)))
        places = places_of(listed)
        edges = [edge for bucket in listed for edge in (bucket.start, bucket.end - 1)]
        for at in [*edges, *(rng.randrange(span.start, span.end) for _ in range(300))]:
            (bucket,) = [b for b in listed if b.start <= at < b.end]
            place = at // places.width_ms - places.first
            assert (places.starts[place], places.ends[place]) == (bucket.start, bucket.end)


def test_late_repeated_and_shuffled_facts_give_the_same_files(lived: Any, tmp_path: Path) -> None:
    """Rule 11.7, invariant 5: the rollups are those of facts that came in order, once."""
    life, bench = lived
    with books_bench(tmp_path, life.start) as other:
        other.put(life.farm)
        post(other, life.rows)
        other.travel(life.end + 10 * HOUR)
        other.books.seal(force=True)
        assert stored(other) == stored(bench)
        asked = {"farm_id": FARM, "start": life.start, "end": life.end}
        assert other.books.timeline(**asked) == bench.books.timeline(**asked)
    checks = bench.books.verify(farm_id=FARM)
    assert checks["ok"], [check for check in checks["checks"] if not check["ok"]]


def test_rebuilding_and_putting_together_change_nothing(lived: Any) -> None:
    """Invariant 5: rollups from blocks; compaction keeps every answer."""
    life, bench = lived
    asked = {"farm_id": FARM, "start": life.start, "end": life.end}
    before = stored(bench), bench.books.accounts(**asked, by="worker", step="hour")
    assert bench.books.rebuild(farm_id=FARM)["lost"] == []
    assert stored(bench) == before[0]
    bench.travel(life.end + 30 * HOUR)
    bench.books.compact()
    kept = {name: rows for name, rows in stored(bench).items() if TABLES[name].kept_hours is None}
    assert kept == {name: before[0][name] for name in kept}
    assert bench.books.accounts(**asked, by="worker", step="hour") == before[1]
