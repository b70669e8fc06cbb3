"""How long the books keep what; late facts; sizes now and later."""

import asyncio
from typing import Any

import pytest

from grange.adapters.journal.reader import JournalFolder
from grange.books.catalog.registry import FACT_TABLES, ROLLUP_TABLES, TABLES
from grange.books.retention import Retention, check_days
from grange.books.size import Held, full_in_days, table_sizes
from grange.domain.farm import Farm
from grange.domain.retention import RetentionPolicy
from grange.domain.work import Worker
from grange.kernel.errors import InvalidRequestError
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant
from grange.services.books.group_commit import GroupCommit
from grange.services.books.ingest import TOO_OLD, Ingest
from grange.services.books.publication import Publication
from grange.services.books.rolling import rolled
from grange.services.books.sealing import sealed_view
from grange.testing.books import books_bench
from grange.testing.facts import FARM, FLEET, T0, WORKER, posted_frame, posted_worker_sample
from grange.testing.story import Storyteller, post, rows_of

pytestmark = pytest.mark.slow

DAY, HOUR = MILLIS_PER_DAY, MILLIS_PER_HOUR
FARM_ROW = Farm(farm_id=FARM, name="f", zone="Europe/Paris", created_at=T0, created_by="t")
MACHINE = Worker(
    farm_id=FARM, fleet_id=FLEET, worker_id=WORKER, global_index=1, created_at=T0, created_by="t"
)


def tables(bench):
    return {row.table_name for row in bench.books.shelf.files()}


def policy(*, samples, slots):
    days = {"worker_samples": samples, "thread_samples": samples, "server_samples": samples}
    days |= {spec.name: slots for spec in ROLLUP_TABLES if spec.kept_days}
    return RetentionPolicy(farm_id=FARM, kept_days=days, updated_at=T0, updated_by="ann")


def assert_verified(bench):
    found = bench.books.verify(farm_id=FARM)
    assert found["ok"], [check for check in found["checks"] if not check["ok"]]


def test_the_catalog_keeps_samples_400_days_slots_ten_years_and_attempts_for_ever():
    """Ledger S0-25, S0-26, S0-03: retention as declared."""
    kept = {spec.name: Retention().days(spec) for spec in TABLES.values()}
    assert kept["worker_samples"] == kept["thread_samples"] == kept["server_samples"] == 400
    assert kept["job_slots"] == kept["group_slots"] == kept["worker_hours"] == 3653
    assert kept["session_actions"] is kept["sessions"] is kept["events"] is None
    with pytest.raises(InvalidRequestError, match="accounts and costs"):
        check_days("sessions", 100)
    with pytest.raises(InvalidRequestError, match="3 days or longer"):
        check_days("worker_samples", 2)


def test_old_samples_go_and_what_was_made_of_them_stays(tmp_path):
    """Ledger S0-25, S0-28: rollups outlive the samples they are made of, and change no more."""
    story = Storyteller("keep", hours=4).tell()
    with books_bench(tmp_path, T0) as bench:
        bench.put(FARM_ROW, policy(samples=10, slots=50))
        post(bench, rows_of(story))
        bench.travel(story.end + 4 * DAY)
        bench.books.upkeep()
        span: dict[str, Any] = {"farm_id": FARM, "start": T0, "end": story.end}
        before = bench.books.accounts(**span, by="worker")
        slots = bench.books.slots(farm_id=FARM, day="2026-01-01", subject="user")
        assert {"worker_samples", "worker_hours", "job_slots"} <= tables(bench)
        bench.travel(T0 + 45 * DAY)
        bench.books.upkeep()
        assert "worker_samples" not in tables(bench)
        assert {"sessions", "session_actions", "worker_hours", "account_hours"} <= tables(bench)
        assert bench.books.accounts(**span, by="worker") == before
        assert bench.books.slots(farm_id=FARM, day="2026-01-01", subject="user") == slots
        assert_verified(bench)
        stay = {r.path for r in bench.books.shelf.files() if r.table_name == "job_slots"}
        assert bench.books.rebuild(farm_id=FARM)["lost"] == []
        assert stay == {r.path for r in bench.books.shelf.files() if r.table_name == "job_slots"}
        assert bench.books.accounts(**span, by="worker") == before
        assert_verified(bench)
        bench.travel(T0 + 85 * DAY)
        bench.books.upkeep()
        assert "job_slots" not in tables(bench)
        assert {"sessions", "session_actions", "events"} <= tables(bench)


def test_months_of_rollups_become_years_and_say_the_same(tmp_path):
    """Ledger S0-28: a long span reads few files."""
    story = Storyteller("years", hours=2).tell()
    with books_bench(tmp_path, T0) as bench:
        bench.put(FARM_ROW, policy(samples=3, slots=3_000))
        post(bench, rows_of(story))
        bench.travel(story.end + 2 * HOUR)
        bench.books.upkeep()
        asked: dict[str, Any] = {"farm_id": FARM, "start": T0, "end": story.end}
        before = bench.books.accounts(**asked, by="worker")
        bench.travel(T0 + 370 * DAY)
        bench.books.compact()
        spans = {
            row.end_at - row.start_at
            for row in bench.books.shelf.files()
            if row.table_name == "worker_hours"
        }
        assert spans == {365 * DAY}
        assert bench.books.accounts(**asked, by="worker") == before
        facts = [row for row in bench.books.shelf.files() if row.table_name == "sessions"]
        assert all(row.end_at - row.start_at <= 31 * DAY for row in facts)


def test_a_farm_may_keep_a_table_shorter_or_longer(tmp_path):
    """Ledger S0-25: retention is a policy of the farm."""
    story = Storyteller("policy", hours=3).tell()
    with books_bench(tmp_path, T0) as bench:
        bench.put(FARM_ROW)
        post(bench, rows_of(story))
        bench.travel(T0 + 60 * DAY)
        bench.books.upkeep()
        assert "worker_samples" in tables(bench)
        bench.put(RetentionPolicy(farm_id=FARM, kept_days={"worker_samples": 7, "sessions": 7},
                                  updated_at=T0, updated_by="ann"))  # fmt: skip
        bench.books.upkeep()
        assert "worker_samples" not in tables(bench)
        assert "sessions" in tables(bench), "what accounts are made of is kept, whatever is set"
        told = bench.books.call("books_retention", {"farm_id": FARM})
        (row,) = [row for row in told["tables"] if row["table"] == "worker_samples"]
        assert (row["kept_days"], row["declared_days"], row["set"]) == (7, 400, True)
        assert told["updated_by"] == "ann"
        assert_verified(bench)


def test_facts_that_come_too_late_are_refused_and_counted_once(tmp_path):
    """Ledger rule 11.7: late facts outside retention are refused with a count; others fold in."""
    with books_bench(tmp_path, T0) as bench:
        bench.put(FARM_ROW)
        bench.travel(T0 + 500 * DAY)
        now = bench.clock.now()
        ingest = Ingest(GroupCommit(bench.journal, bench.clock), bench.clock)
        old = [posted_worker_sample(now - 401 * DAY + 20_000 * n) for n in range(5)]
        batch = {
            "worker_samples": [*old, posted_worker_sample(now - 399 * DAY)],
            "frames": [posted_frame(started_at=now - 420 * DAY)],
        }
        for _ in range(2):
            found = asyncio.run(ingest.ingest(MACHINE, 0, batch))
            assert found.accepted == 1
            assert [row.message.endswith(TOO_OLD) for row in found.refused] == [True] * 6
        size = bench.books.call("books_size", {"farm_id": FARM})
        assert size["facts_refused"] == {"worker_samples": 5, "frames": 1}
        kept = [
            frame.rows.num_rows
            for frame in JournalFolder(tmp_path / "journal").read(0)
            if frame.table_name == "worker_samples"
        ]
        assert kept == [1, 1]
        bench.books.seal(force=True)
        hours = bench.books.shelf.view(FARM)
        with hours as view:
            files = view.files["worker_samples"]
            assert sum(row.row_count for row in files) == 1
            assert files[0].start_at <= now - 399 * DAY < files[0].end_at


def test_the_file_that_says_how_far_the_journal_is_sealed_outlives_its_time(tmp_path):
    with books_bench(tmp_path, T0) as bench:
        bench.put(FARM_ROW)
        story = Storyteller("mark", hours=2).tell()
        samples = [row for row in rows_of(story) if row[1] == "worker_samples"]
        post(bench, samples)
        bench.books.seal(force=True)
        mark = bench.books.shelf.watermark
        bench.travel(T0 + 500 * DAY)
        bench.books.compact()
        assert bench.books.shelf.watermark == mark
        bench.reopen()
        assert bench.books.shelf.watermark == mark


def test_every_rollup_of_the_catalog_is_computed(tmp_path):
    """A table that is declared but never computed could not be verified or rebuilt."""
    with books_bench(tmp_path, T0) as bench:
        bench.put(FARM_ROW)
        view = sealed_view(bench.books.shelf, FARM, bench.clock.now(), Publication())
        found = rolled(view, Span(Instant(T0 - T0 % HOUR), Instant(T0 - T0 % HOUR + HOUR)))
        assert set(found) == {spec.name for spec in ROLLUP_TABLES}
        facts = {spec.name for spec in FACT_TABLES}
        for spec in ROLLUP_TABLES:
            assert set(spec.made_of) <= facts, spec.name


def test_sizes_are_foretold_from_the_last_thirty_days():
    """`grange books size`: growth goes on until the oldest rows begin to go."""
    start = Instant(T0 - T0 % DAY)
    now = Instant(start + 10 * DAY)
    days = [Span(Instant(start + n * DAY), Instant(start + (n + 1) * DAY)) for n in range(10)]
    files = [
        Held(table_name=name, span=span, row_count=1_000, byte_count=50_000)
        for span in days
        for name in ("worker_samples", "sessions")
    ]
    sizes = {size.table: size for size in table_sizes(files, Retention(), start, now)}
    samples, sessions = sizes["worker_samples"], sizes["sessions"]
    assert samples.rows_per_day == 1_000
    assert samples.full_bytes == 400 * 50_000
    assert samples.bytes_after(365) == 500_000 + 365 * 50_000
    assert samples.bytes_after(1_000) == 400 * 50_000
    assert sessions.full_bytes is None
    assert sessions.bytes_after(1_000) == 500_000 + 1_000 * 50_000
    young = {s.table: s for s in table_sizes(files[:2], Retention(), start, Instant(start + HOUR))}
    assert young["sessions"].bytes_per_day is None, "an hour foretells nothing"
    assert young["sessions"].bytes_after(30) is None
    assert full_in_days(1_000_000, 50_000) == 20
    assert full_in_days(1_000_000, 0) is None


def test_size_agrees_with_the_disk(tmp_path):
    story = Storyteller("size", hours=3).tell()
    with books_bench(tmp_path, T0) as bench:
        bench.put(FARM_ROW)
        post(bench, rows_of(story))
        bench.travel(story.end + 40 * DAY)
        bench.books.seal()
        found = bench.books.call("books_size", {"farm_id": FARM})
        on_disk = sum(path.stat().st_size for path in tmp_path.rglob("*.parquet"))
        assert found["byte_count"] == on_disk
        (row,) = [row for row in found["tables"] if row["table"] == "session_actions"]
        assert row["rows"] == len(story.actions())
        assert found["journal_bytes"] == sum(
            path.stat().st_size for path in (tmp_path / "journal").glob("*.journal")
        )
        assert found["free_bytes"] > 0
        assert found["bytes_per_day"] is not None
