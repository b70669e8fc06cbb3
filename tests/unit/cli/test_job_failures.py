"""What failed of a job, as `grange job show` says it."""

from typing import Any

from grange.cli.job_failures import failures

LAYERS = [{"layer_id": "step-1", "name": "Render"}]
FRAMES: dict[str, list[Any]] = {
    "layer_id": ["step-1"] * 3,
    "task_index": [0, 0, 1],
    "frame": [1, 2, 7],
    "attempts": [6, 6, 2],
    "status": ["FAILED", "FAILED", "READY"],
}


def error(task: int | None, at: int, worker: str, text: str = "It broke.") -> dict[str, Any]:
    task_id = None if task is None else f"task-1-{task}"
    layer_id = None if task is None else "step-1"
    return {
        "task_id": task_id,
        "layer_id": layer_id,
        "worker": worker,
        "at": at,
        "class": "failed",
        "text": text,
    }


def test_equal_failures_of_a_task_are_counted_and_named_by_their_frames() -> None:
    errors = [
        error(0, 9, "b"),
        error(0, 8, "a"),
        error(1, 7, "a", ""),
        error(0, 6, "b"),
        error(0, 5, "a", "Otherwise."),
        error(None, 4, "a", "No licence."),
    ]
    found = failures(errors, LAYERS, FRAMES)
    assert [one.line("then") for one in found] == [
        "Render, frames 1-2: failed 3 times in 6 tries, given up; last then on b, a",
        "Render, frame 7: failed 1 time in 2 tries; last then on a",
        "Render, frames 1-2: failed 1 time in 6 tries, given up; last then on a",
        "environment: failed 1 time; last then on a",
    ]
    assert [one.text for one in found] == ["It broke.", "failed", "Otherwise.", "No licence."]
    assert [one.last_at for one in found] == [9, 7, 5, 4]


def test_a_task_without_frames_goes_by_its_number() -> None:
    nothing: dict[str, list[Any]] = {name: [] for name in FRAMES}
    [found] = failures([error(0, 1, "a")], LAYERS, nothing)
    assert found.line("then") == "Render, task 0: failed 1 time; last then on a"
