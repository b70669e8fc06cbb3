"""Why a frame was slow, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

_SHARED_MILLI = 150
"""Thousandths of the machine that others must use to be named: its other threads, programs."""
_UNUSUAL = 1.25


def why_slow(frame: Mapping[str, Any], median_ms: int) -> str:
    """Return the reasons a frame took long, most telling first.

    Args:
        frame: columns of its frame record.
        median_ms: median time of the layer's frames.
    """
    reasons = [
        reason
        for reason in (
            _averaged(frame["averaged_over"]),
            "first frame after the scene was loaded" if frame["first_after_load"] else None,
            "first frame of its chunk"
            if frame["first_of_chunk"] and not frame["first_after_load"]
            else None,
            _others(frame["part_other_cpu"]),
            _shared(frame["part_threads"]),
            "somebody was logged in" if frame["user_logged_in"] else None,
        )
        if reason is not None
    ]
    if median_ms > 0 and frame["render_ms"] > _UNUSUAL * median_ms:
        reasons.insert(0, f"{frame['render_ms'] / median_ms:.1f} × the layer's median")
    return "; ".join(reasons) or "close to the layer's median"


def _averaged(over: int) -> str | None:
    return f"mean of a chunk of {over} frames" if over > 1 else None


def _others(parts: Sequence[int | None] | None) -> str | None:
    known = [part for part in parts or () if part is not None]
    if not known or sum(known) < _SHARED_MILLI * len(known):
        return None
    return f"other work used {sum(known) / len(known) / 10:.0f} % of the machine"


def _shared(parts: Sequence[int | None] | None) -> str | None:
    most = max((part for part in parts or () if part is not None), default=1)
    return f"{most} job threads rendered at once" if most > 1 else None
