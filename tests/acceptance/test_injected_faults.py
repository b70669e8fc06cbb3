"""Each fault ends as docs/faults.md says, is booked with its cause, doubles and loses no frame.

One farm, one run: every fault is injected into real renders of POV-Ray and Mitsuba. With
GRANGE_WRITE_FAULTS=1 the run writes the table of the page anew.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.acceptance.farm import RunningFarm, wait_until
from tests.acceptance.injected import FAULTS, Fault, FaultFarm, Island
from tests.acceptance.injected_table import (
    PAGE,
    PARTITION,
    committed,
    partition_row,
    row_of,
    with_rows,
)

pytestmark = [pytest.mark.slow, pytest.mark.povray, pytest.mark.timeout(900)]


def _each() -> Iterator[Any]:
    for fault in FAULTS:
        marks = [getattr(pytest.mark, fault.needs)] if fault.needs else []
        yield pytest.param(fault, id=fault.key, marks=marks)


every_fault = pytest.mark.parametrize("fault", list(_each()))


@pytest.fixture(scope="module")
def struck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultFarm]:
    """One farm on which every fault was injected."""
    have = frozenset(
        marker
        for marker in ("netns", "faketime", "mitsuba", "bpy")
        if os.environ.get(f"GRANGE_TEST_{marker.upper()}")
    )
    folder = tmp_path_factory.mktemp("faults")
    with ExitStack() as stack:
        island = stack.enter_context(Island()) if "netns" in have else None
        farm = stack.enter_context(RunningFarm(folder / "farm", threads=2))
        faults = FaultFarm(
            farm,
            have,
            mitsuba=os.environ.get("GRANGE_TEST_MITSUBA", sys.executable),
            blender=os.environ.get("GRANGE_TEST_BPY", sys.executable),
        )
        faults.start(island)
        try:
            faults.strike(island)
        except AssertionError as error:
            error.add_note(farm.logs())
            for name in [one for one in farm.processes if one.startswith("worker")]:
                farm.kill(name)  # what they render may take long
            raise
        if os.environ.get("GRANGE_WRITE_FAULTS"):
            known = {one.key: one for one in FAULTS}
            rows = {known[key].title: row_of(known[key], x) for key, x in faults.observed.items()}
            if "partition" in faults.verdicts:
                rows[PARTITION] = partition_row(faults.verdicts["partition"])
            PAGE.write_text(with_rows(PAGE.read_text(encoding="utf-8"), rows), encoding="utf-8")
        yield faults


@every_fault
def test_it_ends_as_documented_and_with_its_cause(struck: FaultFarm, fault: Fault) -> None:
    """Ledger S1-06, S1-07: the committed table is what happens."""
    row = row_of(fault, struck.observed[fault.key])
    assert row == committed(PAGE.read_text(encoding="utf-8"))[fault.title]


@every_fault
def test_no_frame_is_lost_or_rendered_twice(struck: FaultFarm, fault: Fault) -> None:
    """Ledger S1-06: the stalled chunk is rendered once more, and counted once."""
    seen = struck.observed[fault.key]
    tasks = sum(seen.job["counts"].values())
    assert tasks == fault.frames, "every frame is somewhere"
    done = Counter(one["frames"] for one in seen.attempts if one["status"] == "SUCCEEDED")
    assert set(done.values()) <= {1}, "no frame succeeds twice"
    assert len(done) == seen.job["counts"].get("SUCCEEDED", 0)
    names = [file.name for file in seen.files if file.name != "filler"]
    assert names == sorted(f"frame.{frame}.{fault.suffix}" for frame in done), "and nothing else"
    assert len({one["action_id"] for one in seen.attempts}) == len(seen.attempts)


@every_fault
def test_what_was_delivered_is_whole(struck: FaultFarm, fault: Fault) -> None:
    """Ledger S1-10: also where the first attempt's file was cut off."""
    oiio = pytest.importorskip("OpenImageIO")
    for file in struck.observed[fault.key].files:
        if file.name == "filler":
            continue
        picture = oiio.ImageInput.open(str(file))
        assert picture is not None, file
        assert picture.read_image() is not None, f"{file}: {picture.geterror()}"


@every_fault
def test_every_second_of_it_is_accounted_for(struck: FaultFarm, fault: Fault) -> None:
    job_id = struck.jobs[fault.key]

    def receipt() -> dict[str, Any] | None:
        found = struck.farm.rest("GET", f"/jobs/{job_id}/receipt")
        failed = sum(one["status"] == "FAILED" for one in struck.observed[fault.key].attempts)
        return found if found["frames"]["failed_attempts"] >= failed else None

    found = wait_until(receipt, seconds=180, what="its attempts are booked")
    assert found["unaccounted_ms"] == 0
    wasted = [one for one in struck.observed[fault.key].attempts if one["status"] != "SUCCEEDED"]
    assert bool(wasted) == bool(found["accounts"]["rendering_wasted_ms"]) or not wasted


@pytest.mark.faketime
def test_times_of_a_clock_that_jumped_stay_within_the_servers(struck: FaultFarm) -> None:
    seen = struck.observed["clock"]
    assert struck.verdicts["clock"] == "clock_skew"
    for one in seen.attempts:
        assert seen.since_at <= one["started_at"] <= one["ended_at"] <= seen.until_at


def test_a_frozen_render_was_found_by_its_silence(struck: FaultFarm) -> None:
    """Ledger S1-06: no log line, no CPU time, no output."""
    [stuck] = [one for one in struck.observed["frozen"].attempts if one["error_class"] == "stuck"]
    assert "no line in its log, no CPU time, no output" in stuck["error_text"]


def test_a_killed_worker_loses_its_work_as_soon_as_two_neighbours_find_it_gone(
    struck: FaultFarm,
) -> None:
    """Ledger S1-06: hail."""
    assert struck.verdicts["worker"] == "gone"
    hail = struck.worker("worker-3")["hail"]
    assert [one["outcome"] for one in hail["witnesses"]] == ["refused", "refused"]
    assert {one["name"] for one in hail["witnesses"]} <= {"worker-1", "worker-2", "worker-4"}


@pytest.mark.netns
def test_a_machine_without_a_network_looks_dead_to_everybody(struck: FaultFarm) -> None:
    """Ledger S1-06: its work is done by another, and it gives up what it did once it is back."""
    assert struck.verdicts["network"] == "dead"
    assert {one["worker"] for one in struck.observed["network"].faulty()} == {
        "worker-4",
        "worker-2",
    }


def test_a_worker_that_the_server_cannot_reach_is_told_from_a_dead_one(
    struck: FaultFarm,
) -> None:
    """Ledger S1-06: by peers."""
    assert struck.verdicts["partition"] == "unreachable"
    assert "worker-3: the server cannot reach it, but it works" in struck.shown
    assert "it is dead: its machine is there, its program is not" in struck.shown
    row = partition_row(struck.verdicts["partition"])
    assert row == committed(PAGE.read_text(encoding="utf-8"))[PARTITION]
