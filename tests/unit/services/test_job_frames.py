"""What the books know about the frames of a job, beside what the state knows."""

from typing import Any

import pytest

from grange.services.reads.frames import with_books
from grange.services.reads.pages import FrameColumns


def columns() -> FrameColumns:
    return FrameColumns(
        layer_id=["step-1"],
        frame=[7],
        task_index=[0],
        status=["SUCCEEDED"],
        attempts=[1],
        render_ms=[None],
        worker=[None],
        output_bytes=[None],
        has_preview=[False],
    )


def record(**other: Any) -> dict[str, Any]:
    return {
        "layer_id": "step-1",
        "frame": 7,
        "render_ms": 900,
        "worker": "anna",
        "output_path": "/show/x.7.exr",
        "output_bytes": 12,
    } | other


@pytest.mark.parametrize(
    ("known", "pictured", "expected"),
    [
        (record(), True, True),
        (record(), False, False),
        (record(output_bytes=None), True, False),
        (record(output_path=None), True, False),
    ],
    ids=["there", "made up", "not found", "not named"],
)
def test_a_picture_is_promised_only_of_a_file_that_was_found(
    known: dict[str, Any], pictured: bool, expected: bool
) -> None:
    found = with_books(columns(), [known], pictured=pictured)
    assert found.has_preview == [expected]
    assert (found.render_ms, found.worker) == ([900], ["anna"])
