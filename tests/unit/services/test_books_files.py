"""Facts move from the journal into files, and every answer stays the same."""

import copy
import os
import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grange.books.catalog.registry import FACT_TABLES, ROLLUP_TABLES, TABLES
from grange.books.catalog.schema import conformed
from grange.books.rows import in_file_order, joined
from grange.domain.farm import Farm
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant
from grange.services.books import account_sums
from grange.services.books.compaction import JOURNAL_MS, LINGER_MS
from grange.testing.books import books_bench
from grange.testing.facts import FARM, T0, event_fact, numbered, session_fact
from grange.testing.memory_store import MemoryStore
from grange.testing.story import Storyteller, post, rows_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

HOUR = MILLIS_PER_HOUR
SOAK = os.environ.get("GRANGE_TEST_PROFILE") == "soak"
DAY = "2026-01-01"


def farm(zone="Europe/Paris"):
    return Farm(farm_id=FARM, name="f", zone=zone, created_at=T0, created_by="t")


def live_through(bench, story, *, late=0.0, repeat=0.0, seed="x"):
    """Post a story as it happens and seal every hour; some facts come late, some come twice."""
    rng = random.Random(seed)
    waiting = [
        (time + (rng.randrange(3 * HOUR) if rng.random() < late else 1_000), name, row)
        for time, name, row in rows_of(story)
    ]
    waiting += [
        (time + rng.randrange(4 * HOUR), name, row)
        for time, name, row in waiting
        if rng.random() < repeat
    ]
    at: int = T0
    while waiting:
        at += HOUR
        post(bench, [item for item in waiting if item[0] < at])
        waiting = [item for item in waiting if item[0] >= at]
        bench.travel(at + 3 * 60_000)
        bench.books.upkeep()


def answers(bench, story):
    """Return everything that can be asked about a story."""
    books, span = bench.books, {"farm_id": FARM, "start": T0, "end": story.end}
    samples = books.worker_samples(**span, points=50)
    return {
        "accounts": [
            books.accounts(**span, by=by, step=step)
            for by, step in (("worker", None), ("fleet", "hour"), ("farm", "quarter"))
        ],
        "timeline": books.timeline(**span),
        "usage": [
            books.usage(**span, group_by=group) for group in ("user", "project,app", "layer")
        ],
        "samples": samples,
        "slots": [
            books.slots(farm_id=FARM, day=DAY, subject=subject) for subject in ("app", "group")
        ],
    }


def stored(bench, specs=ROLLUP_TABLES):
    """Return the rows of all live files, by table."""
    books = bench.books
    found = {}
    for spec in specs:
        files = [row for row in books.shelf.files() if row.table_name == spec.name]
        tables = [conformed(spec, books.shelf.blocks.read(row.path)) for row in files]
        found[spec.name] = in_file_order(spec, joined(spec, tables)).to_pylist()
    return found


def assert_verified(bench):
    found = bench.books.verify(farm_id=FARM)
    assert found["ok"], [check for check in found["checks"] if not check["ok"]]
    return {check["name"]: check["detail"] for check in found["checks"]}


@pytest.fixture(scope="module")
def story():
    return Storyteller("files", hours=4).tell()


@pytest.fixture(scope="module")
def at_once(tmp_path_factory, story):
    """The answers of books that have everything in the journal, and then in files."""
    with books_bench(tmp_path_factory.mktemp("once"), T0) as bench:
        bench.put(farm())
        post(bench, rows_of(story))
        bench.travel(story.end + 10 * HOUR)
        hot = answers(bench, story)
        bench.books.seal(force=True)
        cold = answers(bench, story)
        return hot, cold, stored(bench)


def test_answers_are_the_same_from_the_journal_and_from_files(at_once):
    """Invariant 6: same question, same answer."""
    hot, cold, _ = at_once
    assert hot == cold
    assert hot["accounts"][0]["machine_ms"] > 0
    assert any(row["frames_rendered"] for row in hot["slots"][0]["rows"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """A folder and a store full of a story, some of it late or twice, all of it sealed."""

    folder: Path
    store: MemoryStore
    now: Instant
    late: float
    before: tuple[Any, Any, Any]
    """The answers, the rollups, the facts."""


@pytest.fixture(scope="module", params=[0.0, 0.3] if SOAK else [0.3])
def lived(request, tmp_path_factory, story):
    folder = tmp_path_factory.mktemp("lived")
    with books_bench(folder, T0) as bench:
        bench.put(farm())
        live_through(bench, story, late=request.param, repeat=request.param)
        bench.travel(story.end + 10 * HOUR)
        bench.books.seal()
        before = answers(bench, story), stored(bench), stored(bench, FACT_TABLES)
        return Lived(
            folder=folder,
            store=bench.store,
            now=bench.clock.now(),
            late=request.param,
            before=before,
        )


@pytest.fixture
def sealed(tmp_path, lived):
    shutil.copytree(lived.folder, tmp_path / "copy")
    with books_bench(tmp_path / "copy", lived.now, copy.deepcopy(lived.store)) as bench:
        yield bench, lived.before


def test_living_through_it_hour_by_hour_gives_the_same_books(lived, sealed, story, at_once):
    """Late facts become deltas and are rolled up again; repeats change nothing (rule 11.7)."""
    bench, before = sealed
    hot, _, rollups = at_once
    forms = {row.form for row in bench.books.shelf.files()}
    assert ("delta" in forms) == (lived.late > 0)
    assert before[:2] == (hot, rollups)
    assert stored(bench) == rollups
    assert answers(bench, story) == hot
    details = assert_verified(bench)
    assert details["every fact is there once"] == f"{len(rows_of(story))} facts"


def test_accounts_are_the_same_from_rollups_and_swept(tmp_path, story, monkeypatch):
    """Invariant 3: long spans read the hours that nothing unsealed reaches into."""
    with books_bench(tmp_path, T0) as bench:
        bench.put(farm())
        rows = rows_of(story)
        sealed = T0 + 3 * HOUR
        post(bench, [row for row in rows if row[0] < sealed])
        bench.travel(sealed + 3 * 60_000)
        bench.books.seal()
        post(bench, [row for row in rows if row[0] >= sealed])
        bench.travel(story.end + HOUR)

        def asked():
            span = {"farm_id": FARM, "start": T0 + 60_001, "end": story.end}
            return [
                bench.books.accounts(**span, by=by, step=step)
                for by, step in (("farm", None), ("worker", "hour"), ("fleet", None))
            ]

        swept = asked()
        with bench.books.shelf.view(FARM) as view:
            assert T0 < account_sums.settled_until(view) <= sealed
        monkeypatch.setattr(account_sums, "WORTH_MS", 0)
        assert asked() == swept
        bench.books.seal()
        assert asked() == swept
        with bench.books.shelf.view(FARM) as view:
            assert account_sums.settled_until(view) >= story.end


def test_compaction_changes_no_answer(sealed, story, at_once):
    hot, _, rollups = at_once
    bench, (_, _, facts) = sealed
    hours = len(bench.books.shelf.files())
    bench.travel(T0 + MILLIS_PER_DAY)
    bench.books.compact()
    days = [row for row in bench.books.shelf.files() if row.table_name in facts]
    assert {row.end_at - row.start_at for row in days} == {MILLIS_PER_DAY}
    assert {row.form for row in days} == {"block"}
    bench.travel(T0 + 34 * MILLIS_PER_DAY)
    bench.books.compact()
    files = bench.books.shelf.files()
    assert len(files) < hours / 5
    assert {row.end_at - row.start_at for row in files} == {31 * MILLIS_PER_DAY}
    assert stored(bench, FACT_TABLES) == facts
    kept = {name: rows for name, rows in rollups.items() if not name.endswith("_minutes")}
    assert {name: stored(bench)[name] for name in kept} == kept
    assert answers(bench, story) == hot
    sequences = [row.provenance["sequences"] for row in files if row.form == "block"]
    assert all(first >= 1 and last >= first for first, last in sequences)
    bench.reopen()
    assert answers(bench, story) == hot
    assert_verified(bench)


def test_a_late_fact_in_a_compacted_month_is_folded_in(tmp_path, story):
    with books_bench(tmp_path, T0) as bench:
        bench.put(farm())
        post(bench, rows_of(story))
        bench.travel(T0 + 34 * MILLIS_PER_DAY)
        bench.books.upkeep()
        before = bench.books.usage(farm_id=FARM, start=T0, end=story.end)["runtime_ms"]
        late = session_fact(session_id="late", worker_id=numbered("worker", 3), thread=1,
                            billionths_per_hour=None)  # fmt: skip
        bench.keep(late)
        bench.travel(T0 + 34 * MILLIS_PER_DAY + 2 * HOUR)
        bench.books.upkeep()
        (delta,) = [row for row in bench.books.shelf.files() if row.form == "delta"]
        assert delta.row_count == 1
        after = bench.books.usage(farm_id=FARM, start=T0, end=story.end)["runtime_ms"]
        assert after == before + 10_000
        bench.travel(T0 + 36 * MILLIS_PER_DAY)
        bench.books.upkeep()
        assert not [row for row in bench.books.shelf.files() if row.form == "delta"]
        assert bench.books.usage(farm_id=FARM, start=T0, end=story.end)["runtime_ms"] == after
        assert_verified(bench)


def test_replaced_files_linger_until_nobody_can_hold_them(tmp_path, story):
    with books_bench(tmp_path, T0) as bench:
        bench.put(farm())
        post(bench, rows_of(story))
        bench.travel(story.end + HOUR)
        bench.books.seal()
        old = {row.path for row in bench.books.shelf.files()}
        bench.travel(T0 + 2 * MILLIS_PER_DAY)
        with bench.books.shelf.view(FARM) as view:
            bench.books.compact()
            bench.clock.advance(2 * LINGER_MS / 1000)
            assert bench.books.compact().files_deleted == 0, "a view still holds them"
            assert view.files["events"]
            assert old <= set(bench.books.shelf.blocks.paths())
        assert bench.books.compact().files_deleted > 0
        left = set(bench.books.shelf.blocks.paths())
        assert left == {row.path for row in bench.books.shelf.files()}
        assert_verified(bench)


def test_files_a_crash_left_unpublished_are_deleted_and_made_again(tmp_path, story):
    with books_bench(tmp_path, T0) as bench:
        bench.put(farm())
        post(bench, rows_of(story))
        bench.travel(story.end + HOUR)
        upkeep = bench.books._upkeep
        publication, _ = upkeep.sealer.blocks(bench.clock.now())
        assert publication.add, "files are written, and then the process dies"
        bench.reopen()
        hot = answers(bench, story)
        assert bench.books.compact().files_deleted == len(publication.add)
        bench.books.seal()
        assert answers(bench, story) == hot
        assert_verified(bench)


def test_segments_are_deleted_48_hours_after_they_were_sealed(tmp_path):
    with books_bench(tmp_path, T0) as bench:
        bench.put(farm())
        for number in range(4):
            bench.keep(event_fact(f"e{number}", T0 + number * HOUR, "note"))
            bench.travel(T0 + (number + 1) * HOUR)
        bench.books.upkeep()
        assert len(bench.books.shelf.journal.segments()) == 4
        bench.travel(T0 + JOURNAL_MS + 2 * HOUR)
        bench.books.upkeep()
        assert len(bench.books.shelf.journal.segments()) == 2
        bench.travel(T0 + 10 * JOURNAL_MS)
        bench.books.upkeep()
        assert len(bench.books.shelf.journal.segments()) == 1, "the newest stays"
        assert_verified(bench)


def test_facts_of_the_running_hour_stay_in_the_journal(tmp_path):
    with books_bench(tmp_path, Instant(T0 + 30 * 60_000)) as bench:
        bench.put(farm())
        bench.keep(session_fact())
        bench.books.seal()
        assert bench.books.shelf.files() == []
        bench.travel(T0 + HOUR + 60_000)
        bench.books.seal()
        assert bench.books.shelf.files() == [], "an hour is sealed two minutes after its end"
        bench.travel(T0 + HOUR + 121_000)
        bench.books.seal()
        assert [row.table_name for row in bench.books.shelf.files()] == ["sessions"]
        bench.reopen()
        assert bench.books.usage(farm_id=FARM, start=T0, end=T0 + HOUR)["runtime_ms"] == 10_000


def test_rows_in_a_file_are_sorted_and_the_manifest_says_what_it_holds(tmp_path, story):
    with books_bench(tmp_path, T0) as bench:
        post(bench, rows_of(story))
        bench.travel(story.end + HOUR)
        bench.books.seal(force=True)
        for row in bench.books.shelf.files():
            spec = TABLES[row.table_name]
            read = bench.books.shelf.blocks.read(row.path)
            assert read.num_rows == row.row_count
            keys = [tuple(found[name] for name in spec.sort) for found in read.to_pylist()]
            assert keys == sorted(keys)
            assert bench.books.shelf.blocks.describe(row.path).sha256 == row.sha256
            assert row.path.startswith(f"{'rollups' if spec.rollup else 'blocks'}/{FARM}/")


# ── rebuild ───────────────────────────────────────────────────────────────────────────────────────


def test_rebuilding_gives_the_same_numbers(sealed, story):
    """Invariant 5."""
    sealed, before = sealed
    done = sealed.books.rebuild(farm_id=FARM)
    assert done["blocks_rewritten"] == 0
    assert done["rollups"] > 0
    assert done["lost"] == []
    assert (answers(sealed, story), stored(sealed), stored(sealed, FACT_TABLES)) == before
    assert_verified(sealed)


@pytest.mark.parametrize("harm", ["deleted", "damaged"])
def test_blocks_are_restored_from_the_journal(sealed, story, harm):
    sealed, before = sealed
    harmed = [row for row in sealed.books.shelf.files() if row.form != "rollup"][::3]
    for row in harmed:
        path = sealed.folder / row.path
        if harm == "deleted":
            path.unlink()
        else:
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 255
            path.write_bytes(data)
    found = sealed.books.verify(farm_id=FARM)
    assert not found["ok"]
    (check,) = [check for check in found["checks"] if not check["ok"]]
    assert check["name"] == "files are as published"
    done = sealed.books.rebuild(farm_id=FARM)
    assert done["blocks_rewritten"] > 0
    assert done["lost"] == []
    assert (answers(sealed, story), stored(sealed), stored(sealed, FACT_TABLES)) == before
    assert_verified(sealed)


def test_a_damaged_block_that_the_journal_no_longer_keeps_is_said_and_left(sealed):
    sealed, _ = sealed
    sealed.travel(T0 + 2 * MILLIS_PER_DAY)
    sealed.keep(event_fact("later", sealed.clock.now(), "note"))
    sealed.travel(T0 + 5 * MILLIS_PER_DAY)
    sealed.books.upkeep()
    assert len(sealed.books.shelf.journal.segments()) == 1
    row = next(row for row in sealed.books.shelf.files() if row.table_name == "frames")
    path = sealed.folder / row.path
    path.write_bytes(b"PAR1 nothing PAR1")
    done = sealed.books.rebuild(farm_id=FARM)
    assert done["lost"] == [row.path]
    assert path.exists()
    assert not sealed.books.verify(farm_id=FARM)["ok"]


def test_rollups_that_were_tampered_with_are_found_and_computed_again(sealed):
    sealed, (_, before, _) = sealed
    books = sealed.books
    for row in [row for row in books.shelf.files() if row.table_name == "account_hours"]:
        books.shelf.publish([], [row.path], sealed.clock.now())
    found = books.verify(farm_id=FARM)
    assert [check["name"] for check in found["checks"] if not check["ok"]] == [
        "rollups are those of the facts"
    ]
    books.rebuild(farm_id=FARM)
    assert stored(sealed) == before
    assert_verified(sealed)
