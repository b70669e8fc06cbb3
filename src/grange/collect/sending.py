"""Lines as facts, sent to the server: durable there before a cursor moves."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grange.collect.names import Source
from grange.kernel.errors import ThrottledError
from grange.kernel.units import Instant
from grange.ports.farm_api import FarmApi

MOST_ROWS = 50_000
"""Rows in one request; compressed, they are far below what the server takes."""
_TRIES = 8
_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of lines."""

    accepted: int = 0
    refused: int = 0
    """Older than the server keeps lines, or ahead of its clock."""


class LineSender:
    """Puts lines into the books of a farm."""

    def __init__(self, api: FarmApi, farm_id: str, pause: Callable[[float], None]) -> None:
        """Send to a farm.

        Args:
            api: the server.
            farm_id: the farm.
            pause: waits so many seconds, when the server asks for it.
        """
        self._api = api
        self._path = f"/api/v1/farms/{quote(farm_id)}/streams/lines"
        self._pause = pause

    def put(self, rows: Any) -> Kept:
        """Send lines; they are durable when this returns, and a repeat changes nothing."""
        kept = Kept()
        for start in range(0, rows.num_rows, MOST_ROWS):
            reply = self._upload(self._path, rows.slice(start, MOST_ROWS), {})
            kept = Kept(
                accepted=kept.accepted + int(reply["accepted"]),
                refused=kept.refused + int(reply["refused"]),
            )
        return kept

    def replace(self, source: Source, start: Instant, end: Instant, rows: Any) -> bool:
        """Put lines in the place of all that a stream of a machine has in [start, end).

        A span with very many lines goes in several pieces. False: the server held the same lines.
        """
        if rows.num_rows > MOST_ROWS and end - start > 1:
            middle = Instant((start + end) // 2)
            early = self.replace(source, start, middle, between(rows, start, middle))
            late = self.replace(source, middle, end, between(rows, middle, end))
            return early or late
        query = {
            "stream": source.stream, "kind": source.kind, "machine": source.machine,
            "start": str(start), "end": str(end),
        }  # fmt: skip
        return bool(self._upload(f"{self._path}/replaced", rows, query)["changed"])

    def _upload(self, path: str, rows: Any, query: dict[str, str]) -> dict[str, Any]:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema, options=_OPTIONS) as writer:
            writer.write_table(rows.combine_chunks())
        content = sink.getvalue().to_pybytes()
        for attempt in range(1, _TRIES + 1):
            try:
                return self._api.upload(path, content, query=query, timeout_seconds=300.0)
            except ThrottledError as error:
                if attempt == _TRIES:
                    raise
                _log.info(
                    "The server asks to wait.",
                    extra={"action": "collect_throttled", "seconds": error.retry_after_seconds},
                )
                self._pause(error.retry_after_seconds)
        raise AssertionError("The last attempt either returns or raises.")


def facts(source: Source, rows: Any) -> Any:
    """Return lines with everything that a fact needs, save the farm; only what is collected."""
    metrics = source.metrics
    count = rows.num_rows
    if metrics:
        error = rows.column("error")
        wanted = np.ones(count, dtype=bool)
        failed = error.to_numpy()
        if "errors" not in metrics:
            wanted &= ~failed
        if not {"latency", "bytes", "files"} & set(metrics):
            wanted &= failed
        rows = rows.filter(pa.array(wanted))
        count = rows.num_rows
        for name, value in (("latency", None), ("bytes", 0)):
            if name not in metrics:
                column = "latency_ms" if name == "latency" else name
                place = rows.schema.get_field_index(column)
                blank = pa.repeat(pa.scalar(value, pa.int64()), count)
                rows = rows.set_column(place, column, blank)
    labels: dict[str, str | None] = {
        "stream": source.stream,
        "kind": source.kind,
        "machine": source.machine,
        "metrics": ",".join(sorted(metrics)) or None,
    }
    for name, label in labels.items():
        rows = rows.append_column(name, pa.repeat(pa.scalar(label, pa.string()), count))
    return rows


def between(rows: Any, start: Instant, end: Instant) -> Any:
    """Return the lines of [start, end)."""
    at = rows.column("at")
    return rows.filter(pc.and_(pc.greater_equal(at, start), pc.less(at, end)))
