"""What the books know about frames, joined to what the state knows."""

from collections.abc import Iterable, Mapping
from typing import Any

from grange.services.reads.pages import FrameColumns


def with_books(
    columns: FrameColumns, known: Iterable[Mapping[str, Any]], *, pictured: bool
) -> FrameColumns:
    """Fill in times, workers and outputs of frames.

    Args:
        columns: the frames of a job; changed and returned.
        known: the best frame record of each frame: layer_id, frame, render_ms, worker,
            output_path, output_bytes.
        pictured: False: of a past that was made up, there are no files.
    """
    place = {
        pair: index for index, pair in enumerate(zip(columns.layer_id, columns.frame, strict=True))
    }
    for row in known:
        index = place.get((row["layer_id"], row["frame"]))
        if index is None:
            continue
        columns.render_ms[index] = row["render_ms"]
        columns.worker[index] = row["worker"]
        columns.output_bytes[index] = row["output_bytes"]
        # A renderer may name a file that its worker does not find.
        is_there = bool(row["output_path"]) and row["output_bytes"] is not None
        columns.has_preview[index] = pictured and is_there
    return columns
