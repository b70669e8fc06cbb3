"""Frame numbers of a task: OpenJD's integer range expressions."""

import re
from collections.abc import Iterable, Mapping

_PART = re.compile(r"(-?\d+)(?:-(-?\d+)(?::(-?\d+))?)?")
_MOST = 1_000_000


def frames_of(expression: str) -> tuple[int, ...] | None:
    """Return the numbers of a range expression such as `1-9:2,12`, in order; None if it is none."""
    numbers: list[int] = []
    for part in expression.replace(" ", "").split(","):
        match = _PART.fullmatch(part)
        if match is None:
            return None
        start = int(match[1])
        end = int(match[2]) if match[2] is not None else start
        step = int(match[3]) if match[3] is not None else 1
        if step == 0 or abs(end - start) // abs(step) > _MOST:
            return None
        numbers.extend(range(start, end + (1 if step > 0 else -1), step))
    return tuple(numbers)


def task_frames(parameters: Mapping[str, Mapping[str, object]]) -> tuple[int, ...]:
    """Return the frames of a task: its chunk parameter's, else those of the one called Frame.

    Args:
        parameters: the task's parameters as the wire's typed unions,
            e.g. `{"Frame": {"chunkInt": "1-4"}}`.
    """
    for value in parameters.values():
        if "chunkInt" in value:
            return frames_of(str(value["chunkInt"])) or ()
    for name, value in parameters.items():
        if name.lower() == "frame" and "int" in value:
            return frames_of(str(value["int"])) or ()
    return ()


def range_expression(frames: Iterable[int]) -> str:
    """Return ascending frames as a short range expression, e.g. `1-4,9`."""
    parts: list[str] = []
    start = end = None
    for frame in sorted(set(frames)):
        if start is None or end is None:
            start = end = frame
        elif frame == end + 1:
            end = frame
        else:
            parts.append(f"{start}-{end}" if end > start else f"{start}")
            start = end = frame
    if start is not None and end is not None:
        parts.append(f"{start}-{end}" if end > start else f"{start}")
    return ",".join(parts)
