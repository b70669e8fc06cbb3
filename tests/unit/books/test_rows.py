"""Rows in the order of files and one of each key, whether few or many, with or without gaps."""

import random

import pyarrow as pa
import pytest

from grange.books import rows as rows_module
from grange.books.catalog.registry import table
from grange.books.catalog.schema import arrow_table
from grange.books.rows import in_file_order, keep_first
from grange.testing.facts import T0, as_row, event_fact, posted_worker_sample, sample_row

SAMPLES, EVENTS = table("worker_samples"), table("events")


def _samples(count: int, seed: int) -> list[dict[str, object]]:
    rng = random.Random(seed)
    workers = [f"worker-{number:02d}" for number in (7, 3, 11, 0)]
    found = []
    for number in range(count):
        row = sample_row(posted_worker_sample(T0 + rng.randrange(40) * 20_000))
        found.append(row | {"worker_id": rng.choice(workers), "cpu_milli": number})
    return found


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_the_first_row_of_each_key_stays_in_the_given_order(seed, many, monkeypatch):
    if not many:
        monkeypatch.setattr(rows_module, "_numbers", lambda _: None)
    rows = _samples(300, seed)
    expected, seen = [], set()
    for row in rows:
        key = tuple(row[name] for name in SAMPLES.key)
        if key not in seen:
            seen.add(key)
            expected.append(row["cpu_milli"])
    found = keep_first(SAMPLES, arrow_table(SAMPLES, rows))
    assert found.column("cpu_milli").to_pylist() == expected
    assert len(expected) < len(rows)


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_files_are_sorted_alike_whether_rows_are_few_or_many(seed, many, monkeypatch):
    monkeypatch.setattr(rows_module, "_CODE_FROM_ROWS", 0 if many else 1_000)
    rows = _samples(300, seed)
    found = in_file_order(SAMPLES, keep_first(SAMPLES, arrow_table(SAMPLES, rows)))
    keys = [tuple(row[name] for name in SAMPLES.sort) for row in found.to_pylist()]
    assert keys == sorted(keys)
    assert len(keys) == len(set(keys))


def test_keys_that_lack_a_value_and_keys_far_apart_are_told_apart():
    events = [as_row(event_fact(f"e{number % 5}", T0, "x")) for number in range(20)]
    assert keep_first(EVENTS, arrow_table(EVENTS, events)).num_rows == 5
    far = [row | {"worker_at": sign * 2**62} for row in _samples(4, 1) for sign in (1, -1)]
    assert keep_first(SAMPLES, arrow_table(SAMPLES, far)).num_rows == len(
        {tuple(row[name] for name in SAMPLES.key) for row in far}
    )
    assert isinstance(arrow_table(EVENTS, events), pa.Table)
