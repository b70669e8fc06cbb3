"""Frames that an attempt has finished, and the records that its worker makes of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from grange.simulation.machines import Machine

Columns = dict[str, Any]

_CPU_PARTS = np.array((55, 96, 100, 98, 92))
_MEMORY_PARTS = np.array((62, 88, 97, 100, 100))
_OTHER_CPU = (12, 9, 9, 10, 11)


class Rendered(NamedTuple):
    """Frames of one attempt that were finished since the last time; times on the own clock."""

    action_id: str
    session_id: str
    job_id: str
    layer_id: str
    task_index: int
    began: int
    """When the attempt began."""
    frames: tuple[tuple[int, int, int], ...]
    """(number, begin and end in ms after the attempt's begin)."""
    log_first_frame: int
    is_first: bool
    """The first of them is the first of the attempt."""
    cpu: float
    """Share of the job thread's part of the machine."""
    memory_bytes: int
    threads: int
    """Job threads that rendered."""
    output_bytes: int
    """Size of each."""


def frame_columns(rendered: Sequence[Rendered], machine: Machine) -> Columns:
    """Return the frame records of one machine as columns."""
    counts = [len(one.frames) for one in rendered]
    number, begin, end = np.array([frame for one in rendered for frame in one.frames]).T
    first = np.zeros(len(number), dtype=bool)
    starts = np.cumsum([0, *counts[:-1]])
    first[starts] = [one.is_first for one in rendered]
    began = np.repeat([one.began for one in rendered], counts)
    cpu = np.repeat([one.cpu for one in rendered], counts)
    share = np.repeat([round(1000 * one.cpu / machine.threads) for one in rendered], counts)
    memory = np.repeat(np.array([one.memory_bytes for one in rendered], dtype=np.int64), counts)
    threads = np.repeat([one.threads for one in rendered], counts)

    def named(values: list[str]) -> Any:
        return np.repeat(np.array(values, dtype=object), counts)

    paths = [
        f"/projects/{one.job_id}/{frame[0]:04d}.exr" for one in rendered for frame in one.frames
    ]
    return {
        "action_id": named([one.action_id for one in rendered]),
        "session_id": named([one.session_id for one in rendered]),
        "job_id": named([one.job_id for one in rendered]),
        "layer_id": named([one.layer_id for one in rendered]),
        "task_index": np.repeat([one.task_index for one in rendered], counts),
        "frame": number,
        "started_at": began + begin,
        "ended_at": began + end,
        "render_ms": end - begin,
        "averaged_over": 1,
        "first_of_chunk": first,
        "first_after_load": first,
        "user_logged_in": False,
        "log_started_at": began,
        "log_first_frame": np.repeat([one.log_first_frame for one in rendered], counts),
        "part_job_cpu": share[:, None] * _CPU_PARTS // 100,
        "part_job_memory_bytes": memory[:, None] * _MEMORY_PARTS // 100,
        "part_other_cpu": list(_OTHER_CPU),
        "part_threads": np.repeat(threads[:, None], 5, axis=1),
        "peak_memory_bytes": memory,
        "cpu_ms": np.rint((end - begin) * cpu * machine.cores / machine.threads).astype(np.int64),
        "output_path": np.array(paths, dtype=object),
        "output_bytes": np.repeat([one.output_bytes for one in rendered], counts),
    }
