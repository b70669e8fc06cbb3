"""Days, rings and workers from Python: the same through both doors (ledger S0-01 to S0-29)."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

import grange
from grange.adapters.host.clock import SystemClock
from grange.adapters.journal.writer import FileJournal
from grange.books.catalog.rows import fact_row
from grange.domain.farm import Farm
from grange.domain.work import Worker
from grange.kernel.clock import VirtualClock
from grange.kernel.errors import CorruptDataError
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant, instant_of
from grange.sdk.books import Books
from grange.sdk.days import Day, local_day, unix_day
from grange.testing.books import books_bench
from grange.testing.facts import (
    FARM,
    FLEET,
    T0,
    WORKER,
    action_fact,
    event_fact,
    frame_row,
    posted_frame,
    posted_thread_sample,
    posted_worker_sample,
    sample_row,
    session_fact,
)
from grange.testing.farm import LocalFarm

pytestmark = pytest.mark.slow

STEP = timedelta(minutes=30)


class BenchDoor:
    """The books of a test as a door."""

    farm_id = FARM

    def __init__(self, bench):
        self.bench = bench
        self.asked = 0

    def ask(self, question, path, arguments):
        self.asked += 1
        return self.bench.books.call(question, {"farm_id": FARM, **arguments})


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """Return books of one worker that rendered a chunk of two frames in Paris."""
    with books_bench(tmp_path_factory.mktemp("books"), T0) as made:
        made.put(
            Farm(farm_id=FARM, name="f", zone="Europe/Paris", created_at=T0, created_by="t"),
            Worker(farm_id=FARM, fleet_id=FLEET, worker_id=WORKER, global_index=7,
                   host_name="box1", created_at=T0, created_by="t"),
        )  # fmt: skip
        end = T0 + 60_000
        made.keep(
            event_fact("w", T0, "worker_status", new="STARTED", number=1),
            session_fact(ended_at=end),
            action_fact(ended_at=end),
        )
        made.post("frames", [
            frame_row(posted_frame(frame=n, started_at=T0, ended_at=T0 + n * 30_000 - 1,
                                   render_ms=n * 10_000)) for n in (1, 2)
        ])  # fmt: skip
        made.post("worker_samples", [
            sample_row(posted_worker_sample(T0 + n * 20_000, cpu_milli=n * 100)) for n in (1, 2, 3)
        ])  # fmt: skip
        states = ("rendering", "idle", "disabled")
        made.post("thread_samples", [
            sample_row(posted_thread_sample(T0 + n * 20_000, state=state))
            for n, state in enumerate(states, 1)
        ])  # fmt: skip
        made.travel(T0 + 2 * MILLIS_PER_HOUR + 90_000)
        made.books.seal()
        yield made


@pytest.fixture
def door(bench):
    return BenchDoor(bench)


@pytest.fixture
def books(bench, door):
    return Books(door, bench.clock)


def test_a_day_reads_as_it_is_written_down(books):
    """Ledger S0-03, S0-04, S0-05, S0-06: day.users["ann"][s]; 10:00 UTC is 11:00 in Paris."""
    day = books.days["2026-01-01"]
    slot = day.users["ann"][44]
    assert (slot.frames_rendered, slot.chunks_finished, slot.chunks_sent) == (2, 1, 1)
    assert slot.start == datetime(2026, 1, 1, 11, tzinfo=ZoneInfo("Europe/Paris"))
    assert slot.cost == Decimal("0.06"), "3.6 an hour, for a minute"
    assert (slot.ps_minutes, slot.ghz_minutes) == (1.0, 8.0)
    assert (slot.frame_seconds, slot.max_frame_seconds, slot.memory_mib) == (15.0, 20.0, 1024.0)
    assert (slot.ps, slot.max_ps) == (pytest.approx(60 / 900), 1.0)
    assert day.projects["film"][44] == day.apps["mitsuba"][44] == slot
    assert not day.users["ann"][0].valid
    assert day.users["ann"][0].frames_rendered is None
    assert len(day.users["ann"]) == len(list(day.users["ann"])) == 96
    assert "bob" not in day.users


def test_workers_of_a_day_by_fleet_and_together(books):
    """Ledger S0-07: worker counts of a slot."""
    day = books.days[date(2026, 1, 1)]
    assert day.workers[44].idle == day.fleets[FLEET][44].idle == 1
    assert day.workers[44].rendering == 0, "at the end of the quarter"
    assert day.workers[0].idle is None
    assert day.groups == {}


def test_loaded_days_are_kept_until_they_are_cleared(door):
    """Ledger S0-01: `in`, a middle day, cache_clear() and memory_bytes."""
    days = Books(door, VirtualClock(Instant(T0 + 2 * MILLIS_PER_DAY))).days
    assert "2026-01-01" in days
    assert "2025-11-11" not in days
    asked = door.asked
    assert days["2026-01-01"] is days[date(2026, 1, 1)]
    assert door.asked == asked
    three = days.between("2025-12-31", "2026-01-02")
    assert [bool(day) for day in three] == [False, True, False]
    assert days.memory_bytes > 10_000
    days.cache_clear()
    assert days.memory_bytes == 0


def test_the_running_day_is_asked_for_again(books, door):
    """Ledger S0-01: only days that are over are kept."""
    assert books.days["2026-01-01"]
    asked = door.asked
    assert books.days["2026-01-01"]
    assert door.asked == asked + 1


def test_a_day_is_saved_to_a_file_and_loaded(books, tmp_path):
    """Ledger S0-02: a missing file raises or is none, by flag; a broken one raises."""
    day = books.days["2026-01-01"]
    day.save(tmp_path / "day.json")
    again = Day.load(tmp_path / "day.json")
    assert again is not None
    assert again.users["ann"][44] == day.users["ann"][44]
    assert again.written_at == day.written_at is not None
    assert Day.load(tmp_path / "none.json", missing_ok=True) is None
    with pytest.raises(FileNotFoundError):
        Day.load(tmp_path / "none.json")
    (tmp_path / "broken.json").write_bytes(b'{"day": "2026-')
    with pytest.raises(CorruptDataError, match=r"broken\.json"):
        Day.load(tmp_path / "broken.json")


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-03-28T22:59:59+00:00", date(2026, 3, 28)),
        ("2026-03-28T23:00:00+00:00", date(2026, 3, 29)),
        ("2026-03-29T21:59:59+00:00", date(2026, 3, 29)),
        ("2026-03-29T22:00:00+00:00", date(2026, 3, 30)),
        ("2026-10-25T22:59:59+00:00", date(2026, 10, 25)),
        ("2026-10-25T23:00:00+00:00", date(2026, 10, 26)),
    ],
)
def test_the_local_day_around_both_clock_changes(moment, day):
    """Ledger S0-12: one helper: the local day of a moment."""
    assert local_day(datetime.fromisoformat(moment), ZoneInfo("Europe/Paris")) == day
    assert unix_day(day) == (day - date(1970, 1, 1)).days
    with pytest.raises(ValueError, match="time zone"):
        local_day(datetime(2026, 1, 1), ZoneInfo("Europe/Paris"))  # noqa: DTZ001


def test_rings_read_as_sequences(books):
    """Ledger S0-08, S0-09, S0-10, S0-15: three sequences of 1440; the newest is the last."""
    farm = books.farm
    for ring, step in ((farm.day, 60), (farm.month, 1800), (farm.year, 21600)):
        assert (len(ring), len(list(ring)), ring.step) == (1440, 1440, step)
        assert ring.latest() == ring[-1]
    newest = farm.month.latest()
    assert newest.start == datetime(2026, 1, 1, 12, 30, tzinfo=ZoneInfo("Europe/Paris"))
    assert newest.end - newest.start == STEP


def test_a_slot_of_a_ring_has_every_field(books):
    """Ledger S0-16, S0-17, S0-18, S0-19: workers, frames by type, jobs and the server."""
    slot = books.farm.day.at(datetime(2026, 1, 1, 10, 0, 30, tzinfo=UTC))
    assert slot.valid
    assert (slot.workers_rendering, slot.workers_free, slot.workers_disabled) == (1, 0, 0)
    assert slot.frames["all"].rendered == slot.frames["three_d"].rendered == 2
    assert slot.frames["comp"].per_minute == 0
    assert slot.frames["three_d"].per_minute == 2
    assert slot.frames["three_d"].seconds == 15.0
    assert slot.server.machine_cores is None
    assert slot.temperature_c is None


def test_a_time_of_day_is_its_last_one(books):
    """Ledger S0-08: an hour ahead is 23 hours ago, and says so itself."""
    ring = books.farm.day
    now = datetime(2026, 1, 1, 13, 1, 30, tzinfo=ZoneInfo("Europe/Paris"))
    behind, ahead = ring.at(time(12)), ring.at(time(14))
    assert behind.start is not None
    assert ahead.start is not None
    assert now - behind.start == timedelta(hours=1, seconds=90)
    assert ahead.start == datetime(2025, 12, 31, 14, tzinfo=ZoneInfo("Europe/Paris"))
    assert not ahead.valid, "the farm was not there yet"


def test_ranges_days_and_the_automatic_choice(books):
    """Ledger S0-13, S0-14: between, on, and the ring that reaches back."""
    farm = books.farm
    assert len(farm.month.between("2026-01-01T12:00", "2026-01-02")) == 24
    assert (len(farm.month.on("2026-01-01")), len(farm.year.on("2026-01-01"))) == (48, 4)
    assert farm.between("2025-12-22", "2026-01-01").ring == "month"
    quarters = farm.between("2025-10-03", "2026-01-01")
    assert (quarters.ring, quarters.step, len(quarters)) == ("year", 21600, 360)


def test_a_ring_knows_when_it_was_saved_last(books, bench):
    """Ledger S0-11: last_saved, and whether the server stopped."""
    saved = books.farm.day.last_saved
    assert saved == datetime(2026, 1, 1, 10, 2, tzinfo=UTC), "the chunk ended at 10:01:00"
    assert books.farm.day.is_stale()
    assert not books.farm.day.is_stale(saved + timedelta(seconds=90))


def test_rings_and_days_leave_as_columns(books):
    """Arrow and Polars out: integers as stored, None as null."""
    table = books.farm.month.on("2026-01-01").to_arrow()
    assert table.num_rows == 48
    assert table.column("frames_rendered").to_pylist()[22] == 2
    frame = books.days["2026-01-01"].users["ann"].to_polars()
    assert frame["frames_rendered"].to_list()[44] == 2
    assert frame["frames_rendered"].null_count() == 95


def test_workers_by_name_and_by_index(books):
    """Ledger S0-21: a mapping of workers; unknown ones raise KeyError."""
    workers = books.workers
    assert list(workers) == ["box1"]
    assert workers["box1"].worker_id == workers.by_index(7).worker_id == WORKER
    assert workers.get("box9") is None
    with pytest.raises(KeyError):
        workers["box9"]
    with pytest.raises(KeyError):
        workers.by_index(0)


def test_a_workers_days(books):
    """Ledger S0-23, S0-24: 400 days; [-1] is the last one known; others are false."""
    worker = books.workers["box1"]
    days = worker.days
    assert len(days) == 400
    assert (days[-1].date, days[-1].valid, days[-1].frames_done) == (date(2026, 1, 1), True, 2)
    assert days[-1].cpu == pytest.approx(0.2)
    assert (days[-2].valid, days[-2].cpu) == (False, None)
    assert worker[-1].date == date(2026, 1, 1)
    assert not worker["2025-12-31"]


def test_samples_and_threads_of_a_day(books):
    """Ledger S0-25, S0-26, S0-27: 4320 samples, job threads, and what is true of all of them."""
    day = books.workers["box1"]["2026-01-01"]
    assert len(day.samples) == 4320
    first = 11 * 180
    one, two, three = day.samples[first : first + 3]
    assert [sample.cpu for sample in (one, two, three)] == [0.1, 0.2, 0.3]
    assert [sample.valid for sample in day.samples[first - 1 : first + 1]] == [False, True]
    assert day.samples[0].cpu is None
    assert (one.any_thread_rendering, one.any_thread_idle, one.all_threads_disabled) == (
        True, False, False,
    )  # fmt: skip
    assert (two.any_thread_idle, three.all_threads_disabled) == (True, True)
    assert one.threads[0].render_type == "three_d"
    assert (one.job_cpu, one.max_thread_memory_bytes) == (0.45, 2 << 30)
    assert (day.samples[0].job_cpu, day.samples[0].all_threads_disabled) == (0, False)
    assert day.to_arrow().num_rows == 3
    assert day.threads_to_arrow().column("state").to_pylist() == ["rendering", "idle", "disabled"]


def test_hours_of_a_day(books):
    """Ledger S0-28: 24 records; hours in which nobody was there are not valid."""
    hours = books.workers["box1"]["2026-01-01"].hours
    assert len(hours) == 24
    assert hours[11].threads[0].frames_done == hours[11].frames_done == 2
    assert hours[11].threads[0].chunks_successful == 1
    assert (hours[10].valid, hours[10].frames_done) == (False, None)


def test_the_report_of_workers_leaves_as_csv_and_parquet(books, tmp_path):
    """Ledger S0-29: by date, as CSV and Parquet."""
    report = books.workers.report("2025-12-30", "2026-01-03")
    text = report.to_csv(tmp_path / "days.csv")
    header, row = text.splitlines()
    found = dict(zip(header.split(","), row.split(","), strict=True))
    assert (found["day"], found["worker"], found["frames_done"]) == ("2026-01-01", "box1", "2")
    assert (float(found["cpu_milli"]), float(found["job_cpu_milli"])) == (200, 450)
    assert (tmp_path / "days.csv").read_text() == text
    report.to_parquet(tmp_path / "days.parquet")
    assert pq.read_table(tmp_path / "days.parquet").num_rows == len(report) == 1


@pytest.fixture(scope="module")
def yesterday():
    """Return a day that is over, whether or not another one ends meanwhile."""
    return datetime.now(UTC).date() - timedelta(days=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, yesterday):
    """Return the data folder of a farm that rendered yesterday at noon."""
    folder = tmp_path_factory.mktemp("farm")
    with LocalFarm(folder) as farm:
        farm_id = farm.farm_id
    began = instant_of(datetime.combine(yesterday, time(12), UTC))
    journal = FileJournal(folder / "journal", SystemClock())
    for fact in (
        event_fact("w", began, "worker_status", new="STARTED", number=1),
        action_fact(started_at=began, session_started_at=began),
    ):
        name, row = fact_row(replace(fact, farm_id=farm_id))
        journal.append(farm_id, name, [row])
    sample = sample_row(posted_worker_sample(began + 20_000), farm_id=farm_id)
    journal.append(farm_id, "worker_samples", [sample])
    journal.sync()
    journal.close()
    return folder


def test_both_doors_give_the_same(folder, yesterday, monkeypatch):
    """Two doors, the same numbers: REST and the data folder."""
    with LocalFarm(folder) as farm:
        for name, value in farm.environment().items():
            monkeypatch.setenv(name, value)
        rest, files = grange.open(farm.endpoint).books, grange.open(folder).books
        for books in (rest, files):
            assert books.days[yesterday].users["ann"]
            assert sum(s.frames_rendered or 0 for s in books.days[yesterday].users["ann"]) == 2
            assert sum(s.frames["all"].rendered or 0 for s in books.farm.month) == 2
        span = (yesterday, yesterday + timedelta(days=1))
        assert (
            rest.farm.month.between(*span).to_arrow() == files.farm.month.between(*span).to_arrow()
        )
        assert list(rest.days[yesterday].users["ann"]) == list(files.days[yesterday].users["ann"])
        assert rest.workers.report(*span).to_csv() == files.workers.report(*span).to_csv()
        assert dict(rest.workers) == dict(files.workers) == {}
