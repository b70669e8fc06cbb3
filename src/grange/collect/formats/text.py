"""Pieces of text in a buffer as Arrow columns, cut without copying what lies between."""

from typing import Any

import numpy as np
import pyarrow as pa

Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]


def bytes_of(data: bytes) -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    """Return the bytes as an array, not copied."""
    return np.frombuffer(data, dtype=np.uint8)


def line_spans(data: bytes) -> tuple[Numbers, Numbers]:
    """Return where lines begin and end (their line end not counted)."""
    found = bytes_of(data)
    ends = np.flatnonzero(found == 10)
    starts = np.empty_like(ends)
    if len(ends):
        starts[0] = 0
        starts[1:] = ends[:-1] + 1
        returned = (ends > starts) & (found[np.maximum(ends - 1, 0)] == 13)
        ends = ends - returned
    return starts, ends


def cut(data: bytes, starts: Numbers, ends: Numbers) -> Any:
    """Return the texts [start, end) as a string array; the spans ascend and do not overlap.

    Bytes that are no UTF-8 become the replacement character.
    """
    if not len(starts):
        return pa.array([], type=pa.string())
    edges = np.empty(len(starts) * 2, dtype=np.int32)
    edges[0::2] = starts
    edges[1::2] = ends
    # Every second piece is what lies between; only the others are taken.
    pieces = pa.Array.from_buffers(
        pa.binary(), len(edges) - 1, [None, pa.py_buffer(edges), pa.py_buffer(data)]
    )
    wanted = pieces.take(pa.array(np.arange(0, len(edges) - 1, 2)))
    return as_text(wanted)


def as_text(raw: Any) -> Any:
    """Return a binary array as strings; what is no UTF-8 becomes the replacement character."""
    try:
        return raw.cast(pa.string())
    except pa.ArrowInvalid:
        packed = raw.dictionary_encode()
        words = [None if one is None else one.decode("utf-8", "replace")
                 for one in packed.dictionary.to_pylist()]  # fmt: skip
        return pa.array(words, type=pa.string()).take(packed.indices)
