"""Samples of one worker, read from the parts of files that hold them: the same as when asked."""

import random

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from grange.adapters.parquet.parts import FileParts
from grange.books.questions.views import worker_samples
from grange.domain.farm import Farm
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.services.books import sample_hours, worker_slots
from grange.services.books.sample_hours import samples_by_hours
from grange.services.books.worker_slots import slots_of_worker
from grange.testing.books import books_bench
from grange.testing.facts import FARM, T0, numbered, posted_worker_sample, sample_row

WORKERS = [numbered("worker", number) for number in range(4)]


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """Three hours of four workers: two sealed in files of small parts, one in the journal."""
    rng = random.Random(5)
    with (
        pytest.MonkeyPatch.context() as patch,
        books_bench(tmp_path_factory.mktemp("slots"), T0) as bench,
    ):
        patch.setattr("grange.adapters.parquet.blocks.row_group_rows", lambda *_: 37)
        bench.put(Farm(farm_id=FARM, name="f", created_at=T0, created_by="t"))
        rows: list[dict[str, object]] = []
        for hour in range(3):
            rows = []
            for worker_id in WORKERS:
                for number in range(180):
                    if rng.random() < 0.1:
                        continue
                    at = T0 + hour * MILLIS_PER_HOUR + (number + 1) * 20_000
                    told = posted_worker_sample(
                        at,
                        coverage_ms=rng.choice([0, 7_000, 20_000]),
                        cpu_milli=rng.randrange(1001),
                        gpu_milli=rng.choice([None, rng.randrange(1001)]),
                        memory_used_bytes=rng.randrange(2**38),
                        net_in_bytes=rng.randrange(2**30),
                        temperature_milli_c=rng.choice([None, rng.randrange(-9_000, 9_000)]),
                    )
                    rows.append(sample_row(told, worker_id=worker_id))
            bench.travel(T0 + (hour + 1) * MILLIS_PER_HOUR + 200_000)
            late = rows[7::60] if hour == 1 else []
            bench.post("worker_samples", [row for row in rows if row not in late])
            if hour < 2:
                bench.books.seal(force=True)
            if late:
                bench.post("worker_samples", late)
                bench.books.seal(force=True)
        bench.post("worker_samples", rows[:50])  # a repeat
        yield bench


@pytest.mark.parametrize("step", [20_000, 60_000, 420_000, 3_600_000])
def test_reading_parts_of_files_says_what_asking_says(bench, step):
    """S0-25: coverage, means, extremes, sums and what is unknown, across files and the journal."""
    rng = random.Random(step)
    for _ in range(6):
        start = T0 + rng.randrange(0, 2 * MILLIS_PER_HOUR)
        span = Span(Instant(start), Instant(start + rng.randrange(1, 2 * MILLIS_PER_HOUR)))
        worker_id = rng.choice(WORKERS)
        with bench.books.shelf.view(FARM, live=False) as view:
            asked = view.ask(worker_samples(span, step, worker_id))
            read = slots_of_worker(view, span, step, worker_id)
        assert read is not None
        assert read.to_pydict() == asked.to_pydict()
        assert asked.num_rows


@pytest.mark.parametrize("step", [1, 2, 5])
def test_hours_of_one_worker_say_what_asking_says(bench, step, monkeypatch):
    """S0-25: rollups where they hold, samples before and behind them; the same by either road."""
    rng = random.Random(step)
    for _ in range(6):
        start = T0 + rng.randrange(-MILLIS_PER_HOUR, MILLIS_PER_HOUR)
        span = Span(Instant(start), Instant(start + rng.randrange(2, 4) * MILLIS_PER_HOUR + 7))
        worker_id = rng.choice(WORKERS)
        with bench.books.shelf.view(FARM, live=False) as view:
            read = samples_by_hours(view, span, step * MILLIS_PER_HOUR, worker_id)
            with monkeypatch.context() as patch:
                patch.setattr(sample_hours, "hours_of_worker", lambda *_: None)
                asked = samples_by_hours(view, span, step * MILLIS_PER_HOUR, worker_id)
        assert read.to_pydict() == asked.to_pydict()
        assert asked.num_rows


def test_a_copy_that_lies_outside_of_the_span_counts_as_the_row_it_is(tmp_path):
    """A clock that was measured anew moves the second copy into the span: it stays a copy."""
    with books_bench(tmp_path, T0) as bench:
        bench.put(Farm(farm_id=FARM, name="f", created_at=T0, created_by="t"))
        first = posted_worker_sample(T0 + 59_000, cpu_milli=100)
        bench.travel(T0 + MILLIS_PER_HOUR + 200_000)
        bench.post("worker_samples", [sample_row(first, worker_id=WORKERS[0])])
        bench.books.seal(force=True)
        moved = sample_row(first, worker_id=WORKERS[0]) | {"at": T0 + 61_000}
        other = sample_row(posted_worker_sample(T0 + 80_000, cpu_milli=7), worker_id=WORKERS[0])
        bench.post("worker_samples", [moved, other])
        span = Span(Instant(T0 + 60_000), Instant(T0 + 100_000))
        with bench.books.shelf.view(FARM, live=False) as view:
            asked = view.ask(worker_samples(span, 20_000, WORKERS[0]))
            read = slots_of_worker(view, span, 20_000, WORKERS[0])
        assert read is not None
        assert read.to_pydict() == asked.to_pydict()
        assert asked.column("cpu_milli").to_pylist() == [7]


def test_rows_of_a_file_that_is_not_sorted_by_worker_are_found(bench):
    blocks = bench.books.shelf.blocks
    path = next(row.path for row in bench.books.shelf.files() if row.table_name == "worker_samples")
    rows = blocks.read(path)
    places = list(range(rows.num_rows))
    random.Random(1).shuffle(places)
    mixed = path.replace(".parquet", "-mixed.parquet")
    blocks.write(mixed, rows.take(places), {})
    whole = Span(Instant(0), Instant(T0 * 2))
    columns = [name for name in rows.column_names if name != "farm_id"]
    wanted = rows.filter(pc.equal(rows.column("worker_id"), WORKERS[1])).select(columns)
    found = blocks.read_workers(mixed, columns, [WORKERS[1]], "at", whole)
    assert found.sort_by("at").to_pydict() == wanted.to_pydict()
    two = [WORKERS[3], WORKERS[1], "worker-none"]
    order = [("worker_id", "ascending"), ("at", "ascending")]
    wanted = rows.filter(pc.is_in(rows.column("worker_id"), pa.array(two))).select(columns)
    for name in (path, mixed):
        found = blocks.read_workers(name, columns, two, "at", whole)
        assert found.sort_by(order).to_pydict() == wanted.to_pydict()
    blocks.remove(mixed)


def test_only_parts_that_may_hold_the_worker_are_read(bench):
    path = next(row.path for row in bench.books.shelf.files() if row.table_name == "worker_samples")
    blocks = bench.books.shelf.blocks
    whole = Span(Instant(0), Instant(T0 * 2))
    found = blocks.read_workers(path, ["worker_id", "at"], [WORKERS[2]], "at", whole)
    assert set(found.column("worker_id").to_pylist()) == {WORKERS[2]}
    parts = blocks._known(blocks._place(path))
    assert 0 < len(parts.groups_of([WORKERS[2]], "at", whole)) < parts.metadata.num_row_groups
    again = blocks.read_workers(path, ["worker_id", "at"], [WORKERS[2]], "at", whole)
    assert again.equals(found)
    assert parts.groups_of(["worker-none"], "at", whole) == []
    none = blocks.read_workers(path, ["at"], ["worker-none"], "at", whole)
    assert none.num_rows == 0


def test_a_part_in_which_the_worker_has_nothing_of_the_span_is_not_read(bench, monkeypatch):
    """Where one worker ends and the next begins, the part reaches over the whole time of both."""
    path = next(row.path for row in bench.books.shelf.files() if row.table_name == "worker_samples")
    blocks = bench.books.shelf.blocks
    columns = ["at", "cpu_milli"]
    whole = Span(Instant(0), Instant(T0 * 2))
    first = Span(Instant(T0), Instant(T0 + 300_000))
    of_all = blocks.read_workers(path, columns, [WORKERS[2]], "at", whole)
    parts = blocks._known(blocks._place(path))
    read = FileParts._read
    kept: list[int] = []

    def reading(self, file, group, names):
        kept.append(group)
        return read(self, file, group, names)

    monkeypatch.setattr(FileParts, "_read", reading)
    found = blocks.read_workers(path, columns, [WORKERS[2]], "at", first)
    inside = [at < first.end for at in of_all.column("at").to_pylist()]
    assert 0 < found.num_rows < 30
    assert found.to_pydict() == of_all.filter(pa.array(inside)).to_pydict()
    may_hold = parts.groups_of([WORKERS[2]], "at", first)
    assert kept
    assert len(kept) < len(may_hold)


def test_sums_that_might_not_fit_are_left_to_the_engine(bench, monkeypatch):
    monkeypatch.setattr(worker_slots, "_LARGEST", 1)
    span = Span(Instant(T0), Instant(T0 + MILLIS_PER_HOUR))
    with bench.books.shelf.view(FARM, live=False) as view:
        assert slots_of_worker(view, span, 60_000, WORKERS[0]) is None
    found = bench.books.worker_samples(
        farm_id=FARM, worker_id=WORKERS[0], start=span.start, end=span.end, points=60
    )
    assert found["columns"]["slot_at"]


def test_workers_of_a_row_each_are_found_in_files_that_were_put_together(tmp_path):
    """The query engine writes texts that are all different without codes."""
    with books_bench(tmp_path, T0) as bench:
        bench.put(Farm(farm_id=FARM, name="f", created_at=T0, created_by="t"))
        ids = [numbered("worker", number) for number in range(30)]
        for hour in range(2):
            at = T0 + hour * MILLIS_PER_HOUR + 20_000
            told = posted_worker_sample(at, cpu_milli=hour)
            bench.travel(at + MILLIS_PER_HOUR)
            chosen = ids[hour::2]
            bench.post("worker_samples", [sample_row(told, worker_id=one) for one in chosen])
            bench.books.seal(force=True)
        bench.travel(T0 + 100 * MILLIS_PER_HOUR)
        bench.books.compact()
        files = [row for row in bench.books.shelf.files() if row.table_name == "worker_samples"]
        span = Span(Instant(T0), Instant(T0 + 2 * MILLIS_PER_HOUR))
        with bench.books.shelf.view(FARM, live=False) as view:
            read = slots_of_worker(view, span, 20_000, ids[3])
    assert len(files) == 1
    assert read is not None
    assert read.column("cpu_milli").to_pylist() == [1]
