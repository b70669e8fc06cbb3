"""Frame numbers as range expressions, `1-5,8,10-20:2`."""

import re
from collections.abc import Iterator, Sequence

_PART = re.compile(r"(-?\d+)(?:-(-?\d+))?(?::(-?\d+))?\Z")
MOST_FRAMES = 1_000_000


def expand(expression: str) -> Iterator[int]:
    """Yield the frames of an OpenJD range expression.

    Raises:
        ValueError: it is no such expression, or names more than a million frames.
    """
    left = MOST_FRAMES
    for part in expression.split(","):
        match = _PART.match(part.strip())
        if match is None:
            raise ValueError(f"{part!r} is no range of frames")
        start = int(match[1])
        end = start if match[2] is None else int(match[2])
        step = (1 if end >= start else -1) if match[3] is None else int(match[3])
        if step == 0:
            raise ValueError(f"{part!r} has a step of 0")
        frames = range(start, end + (1 if step > 0 else -1), step)
        left -= len(frames)
        if left < 0:
            raise ValueError(f"{expression!r} names more than {MOST_FRAMES} frames")
        yield from frames


def compressed(frames: Sequence[int]) -> str:
    """Return ascending frames as a range expression, as short as steps make it."""
    parts: list[str] = []
    at = 0
    while at < len(frames):
        end = at + 1
        step = frames[end] - frames[at] if end < len(frames) else 1
        while end + 1 < len(frames) and frames[end + 1] - frames[end] == step:
            end += 1
        if end >= len(frames) or (step > 1 and end == at + 1):
            parts.append(str(frames[at]))
            at += 1
            continue
        tail = "" if step == 1 else f":{step}"
        parts.append(f"{frames[at]}-{frames[end]}{tail}")
        at = end + 1
    return ",".join(parts)
