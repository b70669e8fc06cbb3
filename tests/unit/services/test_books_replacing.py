"""An interval is collected again: the new rows take the place of the old ones, once."""

from typing import Any

import pytest

from grange.domain.farm import Farm
from grange.kernel.errors import InvalidRequestError
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR
from grange.testing.books import books_bench
from grange.testing.facts import FARM, T0, posted_worker_sample, sample_row
from grange.testing.story import Storyteller, post, rows_of

pytestmark = pytest.mark.slow

HOUR = MILLIS_PER_HOUR
START = T0 + HOUR
FARM_ROW = Farm(farm_id=FARM, name="f", zone="UTC", created_at=T0, created_by="t")


def samples(cpu: int, *, start: int = T0, hours: int = 3, step: int = 60_000) -> list[Any]:
    return [
        sample_row(posted_worker_sample(at, cpu_milli=cpu))
        for at in range(start + step, start + hours * HOUR, step)
    ]


def levels(bench: Any) -> dict[int, tuple[int, int]]:
    """Return how many samples there are, and their levels, by hour."""
    found: dict[int, list[int]] = {}
    with bench.books.shelf.view(FARM) as view:
        tables = [view.blocks.read(row.path) for row in view.files.get("worker_samples", ())]
        fresh = view.fresh.rows("worker_samples")
        for rows in [*tables, *([] if fresh is None else [fresh])]:
            for row in rows.to_pylist():
                found.setdefault((row["at"] - T0) // HOUR, []).append(row["cpu_milli"])
    return {hour: (len(cpu), sum(cpu) // len(cpu)) for hour, cpu in sorted(found.items())}


def rolled_levels(bench: Any) -> dict[int, int]:
    with bench.books.shelf.view(FARM) as view:
        return {
            (row["slot_at"] - T0) // HOUR: row["cpu_milli_sum"] // row["samples"]
            for file in view.files.get("worker_hours", ())
            for row in view.blocks.read(file.path).to_pylist()
        }


def assert_verified(bench: Any) -> None:
    found = bench.books.verify(farm_id=FARM)
    assert found["ok"], [check for check in found["checks"] if not check["ok"]]


def replace(bench: Any, rows: Any, **changes: Any) -> dict[str, Any]:
    given = {"farm_id": FARM, "table": "worker_samples", "start": START, "end": START + HOUR}
    found: dict[str, Any] = bench.books.replace(**{**given, "rows": rows, **changes})
    return found


@pytest.mark.parametrize("compacted", [False, True])
def test_hours_collected_again_replace_what_was_there(tmp_path, compacted):
    """Design, section 3: an interval can be collected again and replaced idempotently."""
    again = samples(900, start=START, hours=1, step=120_000)
    with books_bench(tmp_path, T0) as bench:
        bench.put(FARM_ROW)
        bench.post("worker_samples", samples(100))
        bench.travel(T0 + (2 * MILLIS_PER_DAY if compacted else 5 * HOUR))
        bench.books.upkeep()
        assert levels(bench) == {0: (59, 100), 1: (60, 100), 2: (60, 100)}
        done = replace(bench, again)
        assert (done["changed"], done["rows_before"], done["rows_after"]) == (True, 60, 29)
        expected = {0: (59, 100), 1: (29, 900), 2: (60, 100)}
        assert levels(bench) == expected
        # The sample that ends on the border of two hours lies in the later file and earlier slot.
        assert rolled_levels(bench) == {0: 100, 1: (29 * 900 + 100) // 30, 2: 100}
        files = {row.path for row in bench.books.shelf.files()}
        assert replace(bench, list(reversed(again)))["changed"] is False
        assert {row.path for row in bench.books.shelf.files()} == files
        assert_verified(bench)
        assert bench.books.rebuild(farm_id=FARM)["lost"] == []
        assert levels(bench) == expected, "the journal does not bring the old rows back"
        bench.reopen()
        bench.travel(T0 + 40 * MILLIS_PER_DAY)
        bench.books.upkeep()
        assert levels(bench) == expected
        bench.books.rebuild(farm_id=FARM)
        assert levels(bench) == expected
        assert_verified(bench)


def test_rows_that_only_the_journal_holds_are_replaced_too(tmp_path):
    with books_bench(tmp_path, T0) as bench:
        bench.put(FARM_ROW)
        bench.travel(T0 + 2 * HOUR)
        bench.post("worker_samples", samples(100, hours=2))
        replace(bench, [])
        assert levels(bench) == {0: (59, 100)}
        bench.travel(T0 + 5 * HOUR)
        bench.books.upkeep()
        bench.books.rebuild(farm_id=FARM)
        assert levels(bench) == {0: (59, 100)}
        late = samples(300, start=START, hours=1, step=600_000)
        bench.post("worker_samples", late)
        bench.books.seal(force=True)
        assert levels(bench) == {0: (59, 100), 1: (5, 300)}, "later facts fold in as ever"
        bench.books.rebuild(farm_id=FARM)
        assert levels(bench) == {0: (59, 100), 1: (5, 300)}
        assert_verified(bench)


def test_each_producer_replaces_its_own(tmp_path):
    story = Storyteller("producers", hours=3).tell()
    with books_bench(tmp_path, T0) as bench:
        bench.put(FARM_ROW)
        post(bench, rows_of(story))
        bench.travel(T0 + 5 * HOUR)
        bench.books.upkeep()
        before = levels(bench)
        other = [row | {"worker_id": "worker-other"} for row in samples(1, start=START, hours=1)]
        replace(bench, other, producer="collector-7")
        mine = [row for row in bench.books.shelf.files() if row.producer == "collector-7"]
        assert [(row.table_name, row.row_count) for row in mine] == [("worker_samples", 59)]
        assert levels(bench)[1][0] == before.get(1, (0, 0))[0] + 59
        replace(bench, [], producer="collector-7")
        assert levels(bench) == before
        bench.travel(T0 + 2 * MILLIS_PER_DAY)
        bench.books.upkeep()
        assert levels(bench) == before
        assert_verified(bench)


def test_what_cannot_be_replaced_is_refused(tmp_path):
    with books_bench(tmp_path, T0) as bench:
        bench.put(FARM_ROW)
        with pytest.raises(InvalidRequestError, match="whole UTC hours"):
            replace(bench, [], start=START + 1)
        with pytest.raises(InvalidRequestError, match="not collected"):
            replace(bench, [], table="sessions")
        with pytest.raises(InvalidRequestError, match="not collected"):
            replace(bench, [], table="worker_hours")
        with pytest.raises(InvalidRequestError, match="outside the interval"):
            replace(bench, samples(1, start=T0, hours=1))
        with pytest.raises(InvalidRequestError, match="does not fit"):
            replace(bench, [{"farm_id": FARM, "at": START}])
