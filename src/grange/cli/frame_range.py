"""Frame ranges as people write them, and the chunks OpenJD will cut them into. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from grange.kernel.errors import InvalidRequestError

_PART = re.compile(r"(-?\d+)(?:-(-?\d+)(?:[:x](\d+))?)?")
_FILL = re.compile(r"(-?\d+)-(-?\d+)y([1-9]\d*)")
_SHORTEST_STEPPED = 3
"""Fewer frames with the same step between them are written one by one."""
_MOST_FRAMES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRange:
    """Frames in ascending order, each once."""

    text: str
    """As an OpenJD range expression, e.g. `1-240`, `1-9:2` or `1-3,8`."""
    frames: tuple[int, ...]

    @property
    def contiguous(self) -> bool:
        """True if every chunk of the range can be a run of neighbouring frames without loss."""
        return all(step == 1 for _, _, step in _parts(self.text))

    def chunk_count(self, size: int) -> int:
        """Return how many chunks of at most `size` frames the range is cut into."""
        if not self.contiguous:
            return -(-len(self.frames) // size)
        runs: list[int] = []
        for previous, frame in zip((None, *self.frames), self.frames, strict=False):
            if previous is not None and frame == previous + 1:
                runs[-1] += 1
            else:
                runs.append(1)
        return sum(-(-run // size) for run in runs)


def _parts(text: str) -> list[tuple[int, int, int]]:
    parts: list[tuple[int, int, int]] = []
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise InvalidRequestError(
                f"{text!r} is no range of frames. Write for example 1-240, 1-240x2 or 1,3,7-9."
            )
        first = int(match[1])
        parts.append((first, int(match[2] or first), int(match[3] or 1)))
    return parts


def parse_frames(text: str) -> FrameRange:
    """Return the frames of a range such as `1-240`, `1-240x2`, `1-10y3` or `1,3,7-9`.

    The syntax is fileseq's: `x` means every so manyth frame, `y` all the others. A colon means the
    same as `x`, as in OpenJD.

    Raises:
        InvalidRequestError: the text is no range, is empty, runs backwards or names a frame twice.
    """
    frames: list[int] = []
    written: list[str] = []
    for first, last, step in _parts(_without_fill(text)):
        if last < first or step < 1:
            raise InvalidRequestError(_nothing_of(first, last, step, text))
        run = range(first, last + 1, step)
        if len(frames) + len(run) > _MOST_FRAMES:
            raise InvalidRequestError(f"A job may have at most {_MOST_FRAMES:,} frames.")
        frames += run
        written.append(_expression(run))
    if len(set(frames)) != len(frames):
        raise InvalidRequestError(f"{text!r} names a frame twice.")
    return FrameRange(text=",".join(written), frames=tuple(sorted(frames)))


def _nothing_of(first: int, last: int, step: int, text: str) -> str:
    """Return why a part of a range names no frames, and what was meant if it runs backwards."""
    if step < 1:
        return f"{text!r} names no frames: the step must be 1 or more."
    stepped = "" if step == 1 else f"x{step}"
    return f"{text!r} runs backwards. Write {last}-{first}{stepped}; frames are given out in order."


def _without_fill(text: str) -> str:
    """Return a range with every part such as `1-10y3` written out."""
    return ",".join(
        _filled(part) if _FILL.fullmatch(part.strip()) else part for part in text.split(",")
    )


def _filled(part: str) -> str:
    from fileseq.frameset import FrameSet  # noqa: PLC0415 - few need it, and it loads slowly

    first, last = (int(number) for number in _FILL.sub(r"\1 \2", part.strip()).split())
    if last - first > _MOST_FRAMES:
        raise InvalidRequestError(f"A job may have at most {_MOST_FRAMES:,} frames.")
    return range_of(sorted(int(frame) for frame in FrameSet(part.strip()))).text


def range_of(frames: Sequence[int]) -> FrameRange:
    """Return the range of some frames in ascending order, written as briefly as it goes."""
    runs: list[range] = []
    at = 0
    while at < len(frames):
        step = frames[at + 1] - frames[at] if at + 1 < len(frames) else 1
        end = at + 1
        while end < len(frames) and frames[end] - frames[end - 1] == step:
            end += 1
        if step > 1 and end - at < _SHORTEST_STEPPED:
            step, end = 1, at + 1
        runs.append(range(frames[at], frames[end - 1] + 1, step))
        at = end
    return FrameRange(text=",".join(_expression(run) for run in runs), frames=tuple(frames))


def _expression(run: range) -> str:
    if len(run) == 1:
        return str(run[0])
    return f"{run[0]}-{run[-1]}" + (f":{run.step}" if run.step > 1 else "")
