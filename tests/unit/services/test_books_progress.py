"""How far a long answer is."""

import pytest

from grange.domain.farm import Farm
from grange.kernel.units import MILLIS_PER_HOUR
from grange.services.books.progress import Progress
from grange.services.books.verify import verify
from grange.testing.books import books_bench
from grange.testing.facts import FARM, T0, posted_worker_sample, sample_row


def test_what_is_done_is_told_while_it_is_done_and_then_forgotten():
    progress = Progress()
    with progress.of("farm", "verify") as say:
        assert progress.steps("farm") == [{"what": "verify", "step": "waiting", "done": 0, "of": 0}]
        say("files", 3, 10)
        with progress.of("farm", "rebuild"), progress.of("other", "rebuild"):
            assert [step["step"] for step in progress.steps("farm")] == ["files", "waiting"]
        assert [step["done"] for step in progress.steps("farm")] == [3]
    assert progress.steps("farm") == []
    with pytest.raises(ZeroDivisionError), progress.of("farm", "verify"):
        raise ZeroDivisionError
    assert progress.steps("farm") == [], "also if it failed"


def test_verify_says_how_many_files_and_hours_there_are(tmp_path):
    told = []
    with books_bench(tmp_path, T0) as bench:
        bench.put(Farm(farm_id=FARM, name="f", zone="UTC", created_at=T0, created_by="t"))
        bench.post("worker_samples", [sample_row(posted_worker_sample(T0 + 20_000))])
        bench.travel(T0 + 5 * MILLIS_PER_HOUR)
        bench.books.upkeep()
        verify(bench.books.shelf, FARM, lambda *step: told.append(step))
        assert bench.books.progress(farm_id=FARM) == []
        files = len(bench.books.shelf.files())
    assert [step for step in told if step[0] == "files"] == [
        ("files", number, files) for number in range(files)
    ]
    assert told[0][0] == "journal"
    assert told[-1][0] == "rollups, by the hour"
