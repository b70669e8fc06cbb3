"""Status and progress of a group of chunks, elapsed time, mean frame time."""

import pytest

from grange.domain.chunk_status import (
    OF_TASK,
    ChunkStatus,
    Progress,
    elapsed_text,
    mean_frame_seconds,
    progress_of,
    progress_of_tasks,
)
from grange.domain.statuses import TaskRunStatus

LETTERS = {
    "Q": ChunkStatus.QUEUE,
    "R": ChunkStatus.RENDERING,
    "H": ChunkStatus.HALT,
    "D": ChunkStatus.DONE,
    "E": ChunkStatus.ERROR,
}


@pytest.mark.parametrize(
    ("chunks", "status"),
    [
        ("E" + "D" * 19, "ERROR"),
        ("EQR", "ERROR"),
        ("DDDD", "DONE"),
        ("QQQQ", "QUEUE"),
        ("QRQQ", "RENDERING"),
        ("DRQQ", "RENDERING"),
        ("D" * 5 + "Q" * 15, "HALTED"),
        ("HHHH", "HALTED"),
        ("DDDH", "HALTED"),
        ("QQQH", "HALTED"),
        ("", "QUEUE"),
    ],
)
def test_a_group_has_the_first_status_that_fits(chunks: str, status: str) -> None:
    """Ledger S1-03: any ERROR; all DONE; all QUEUE; any RENDERING; else HALTED."""
    assert progress_of(LETTERS[one] for one in chunks).status == status


def test_five_of_twenty_done_is_halted_at_a_quarter() -> None:
    """Ledger S1-03, S1-20: 75/0/25 of 20 chunks."""
    found = progress_of([ChunkStatus.DONE] * 5 + [ChunkStatus.QUEUE] * 15)
    assert found.status == "HALTED"
    shares = (found.queued, found.rendering, found.done)
    assert [found.percent(one) for one in shares] == [75.0, 0.0, 25.0]


def test_errors_are_counted_apart_from_what_is_done() -> None:
    """Ledger S1-20: Constellation counted an error as done; here it is a share of its own."""
    found = progress_of_tasks([{"SUCCEEDED": 1, "FAILED": 2}, {"READY": 1}])
    assert found == Progress(queued=1, done=1, errors=2)
    assert (found.percent(found.done), found.percent(found.errors)) == (25.0, 50.0)


def test_every_status_of_a_task_has_its_word() -> None:
    assert set(OF_TASK) == set(TaskRunStatus)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:0:0:0"),
        (59, "0:0:0:59"),
        (1000, "0:0:16:40"),
        (90_061, "1:1:1:1"),
        (8_640_000, "100:0:0:0"),
    ],
)
def test_elapsed_time_is_days_hours_minutes_seconds(seconds: int, text: str) -> None:
    """Ledger S1-15: a day is never lost, a month never wraps."""
    assert elapsed_text(seconds) == text


def test_the_mean_is_over_the_frames_that_were_rendered() -> None:
    """Ledger S1-09: (end − start) / frames, less those that were skipped."""
    assert mean_frame_seconds(100.0, 125.0, 10) == 2.5
    assert mean_frame_seconds(100.0, 125.0, 10, skipped=5) == 5.0
    assert mean_frame_seconds(100.0, 125.0, 4, skipped=4) is None
