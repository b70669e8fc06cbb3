"""Frame numbers as range expressions, `1-5,8,10-20:2`."""

import re
from collections.abc import Iterator

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
