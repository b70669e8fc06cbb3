"""Chunks fitted to the measured time of frames (OpenJD's adaptive chunking).

A layer whose chunks name `targetRuntimeSeconds` begins with the size its template says. Once frames
are measured, what nobody has touched of it is cut anew, so that a chunk takes about that long. What
was given out keeps its frames for ever.
"""

from msgspec.structs import replace

from grange.domain.work import ChunkCut, Job, Layer
from grange.kernel.ids import StepId
from grange.services.draft import Draft
from grange.services.templates import cuts_of, frame_count_of, frames_of

LEAST_CHANGE = 0.25
"""A size is changed only by more than this part of it."""
MOST_GROWTH = 4
"""A size grows to so many times itself at once: the first frames may have been the easy ones."""
MOST_CUTS = 64
MOST_FRAMES = 200_000
"""Layers with more frames keep their chunks: cutting them anew would hold up everybody else."""


def fit_chunks(draft: Draft, layer_id: StepId, index: int, millis: int) -> None:
    """Learn from a task that succeeded; cut the rest of its layer anew if that is worth it.

    Args:
        draft: the command's changes.
        layer_id: the task's layer.
        index: the task.
        millis: how long it took.
    """
    layer = draft.get(Layer, layer_id)
    if layer.frame_parameter is None or not layer.rest_count or layer.touched_ahead:
        return
    if (layer.frame_count or 0) > MOST_FRAMES:
        return
    job = draft.get(Job, layer.job_id)
    spaces = draft.context.spaces
    target = spaces.chunk_target(job, layer.index)
    if target is None:
        return
    frames = frame_count_of(
        frames_of(spaces.parameters(job, layer.index, index), layer.frame_parameter)
    )
    if not frames:
        return
    mean = _learn(draft, layer_id, millis / frames)
    own = [cut for cut in job.cuts or () if cut.layer == layer.index]
    if len(own) >= MOST_CUTS or any(cut.first_index > layer.next_index for cut in own):
        return  # tasks that were given out before a reset keep their frames
    now = _size_at(draft, job, layer)
    size = round(target * 1000 / max(mean, 1.0))
    threads = sum(
        draft.memory.threads_of.get(fleet_id, 0)
        for fleet_id, queues in draft.memory.queues_of.items()
        if layer.queue_id in queues
    )
    # Nobody sits idle while one worker has all that is left: that is about so many frames.
    fair = max(1, layer.rest_count * now // max(1, threads))
    size = max(1, min(size, now * MOST_GROWTH, fair))
    if abs(size - now) <= now * LEAST_CHANGE:
        return
    cut = ChunkCut(layer=layer.index, first_index=layer.next_index, size=size)
    _recut(draft, job, layer, cut, spaces.count_after(job, cut))


def _learn(draft: Draft, layer_id: StepId, millis: float) -> float:
    known = draft.memory.frame_ms.get(layer_id)
    mean = millis if known is None else known + (millis - known) / 2
    draft.memory.frame_ms[layer_id] = mean
    return mean


def _size_at(draft: Draft, job: Job, layer: Layer) -> int:
    """Return the size of the chunks that nobody has touched yet."""
    cuts = cuts_of(job, layer.index, up_to=layer.next_index)
    if cuts:
        return cuts[-1].size
    first = draft.context.spaces.parameters(job, layer.index, 0)
    return frame_count_of(frames_of(first, layer.frame_parameter)) or 1


def _recut(draft: Draft, job: Job, layer: Layer, cut: ChunkCut, count: int) -> None:
    more = count - layer.rest_count
    kept = [one for one in job.cuts or () if one.layer != cut.layer]
    own = [
        one
        for one in job.cuts or ()
        if one.layer == cut.layer and one.first_index < cut.first_index
    ]
    counts = dict(job.counts)
    rest = layer.rest_status
    counts[rest] = counts.get(rest, 0) + more
    own_counts = dict(layer.counts)
    own_counts[rest] = own_counts.get(rest, 0) + more
    draft.put(
        replace(
            job,
            cuts=(*kept, *own, cut),
            counts={status: number for status, number in counts.items() if number},
        )
    )
    draft.put(replace(layer, task_count=layer.task_count + more, counts=own_counts))
    draft.event(
        "layer",
        layer.layer_id,
        "layer_chunks",
        layer.farm_id,
        new=str(cut.size),
        job_id=layer.job_id,
        layer_id=layer.layer_id,
        number=layer.task_count + more,
    )
