"""What another system told stays what it was through sealing and compaction, however old."""

import pytest

from grange.domain.farm import Farm
from grange.kernel.units import MILLIS_PER_DAY
from grange.testing.books import books_bench
from grange.testing.facts import FARM, T0


@pytest.fixture
def bench(tmp_path):
    with books_bench(tmp_path, T0) as made:
        made.put(Farm(farm_id=FARM, name="f", zone="Europe/Paris", created_at=T0, created_by="t"))
        yield made


def record(number: int, brought_at: int, **changes):
    return {
        "farm_id": FARM, "source": "old", "kind": "job", "record_id": f"job-{number}", "part": 0,
        "brought_at": brought_at, "brought_by": "ann", "at": T0 - number * MILLIS_PER_DAY,
        "project": "Fox", "user_name": "ann", "app": "blender", "layer_name": "beauty",
        "record": f'{{"id": "job-{number}", "kind": "job"}}', **changes,
    }  # fmt: skip


@pytest.mark.parametrize("days_ago", [0, 3, 500])
def test_sealed_records_are_the_same_and_the_books_stay_clean(bench, days_ago):
    """Ledger S0-60: written out today, days ago or years ago."""
    at = T0 - days_ago * MILLIS_PER_DAY
    bench.post("foreign_records", [record(number, at) for number in range(5)])
    before = bench.books.call("foreign_history", {"farm_id": FARM})
    assert before["total"] == 5
    assert [row["record_id"] for row in before["records"]] == [f"job-{n}" for n in range(5)]
    bench.travel(T0 + 2 * MILLIS_PER_DAY)
    bench.books.seal(force=True)
    assert bench.books.call("foreign_history", {"farm_id": FARM}) == before
    bench.post("foreign_records", [record(number, at) for number in range(5)])
    assert bench.books.call("foreign_history", {"farm_id": FARM}) == before
    bench.books.seal(force=True)
    assert bench.books.call("foreign_history", {"farm_id": FARM}) == before
    checks = bench.books.verify(farm_id=FARM)["checks"]
    assert [check for check in checks if not check["ok"]] == []


def test_a_newer_telling_takes_the_place_of_an_older_one_part_by_part(bench):
    """Ledger S0-60: a long record is several rows, and they belong together."""
    text = '{"id": "job-1", "kind": "job", "layer": "' + "x" * 9 + '"}'
    parts = [text[:20], text[20:]]
    bench.post("foreign_records", [record(1, T0 - 10)])
    bench.post(
        "foreign_records",
        [record(1, T0, part=part, record=parts[part], user_name="zoe") for part in (1, 0)],
    )
    (row,) = bench.books.call("foreign_history", {"farm_id": FARM})["records"]
    assert row["record"]["layer"] == "x" * 9
    assert row["user_name"] == "zoe"


def test_records_are_chosen_by_project_and_source_and_counted_before_the_limit(bench):
    rows = [record(number, T0, project="Hen" if number == 3 else "Fox") for number in range(5)]
    bench.post("foreign_records", rows)
    found = bench.books.call(
        "foreign_history", {"farm_id": FARM, "project": "Fox", "limit": 2, "skipped": 1}
    )
    assert found["total"] == 4
    assert [row["record_id"] for row in found["records"]] == ["job-1", "job-2"]
    other = bench.books.call("foreign_history", {"farm_id": FARM, "source": "newer"})
    assert other == {"records": [], "total": 0}
