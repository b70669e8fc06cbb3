"""Frames of a job by index, and layer times, as a script sees them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, overload

from grange.kernel.units import Instant, datetime_of
from grange.sdk.history import Asks, moment_in


@dataclass(frozen=True, slots=True, kw_only=True)
class FramePart:
    """A fifth of a frame's time (ledger S0-32). None was not sampled."""

    job_cpu: float | None
    """Of the machine, 0 to 1."""
    job_memory_bytes: int | None
    other_cpu: float | None
    threads: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRecord:
    """One frame of a layer (ledger S0-30, S0-31)."""

    index: int | None
    """Place among the frames of the layer, from 0."""
    frame: int
    """Number in the scene."""
    layer_id: str
    worker: str
    render_seconds: float
    averaged_over: int
    """1: measured itself; n: the mean of n frames."""
    first_of_chunk: bool
    first_after_load: bool
    user_logged_in: bool | None
    log_started_at: datetime | None
    log_first_frame: int | None
    started_at: datetime
    ended_at: datetime
    peak_memory_bytes: int | None
    status: str
    """Of the attempt."""
    parts: tuple[FramePart, ...]


class Frames(Sequence[FrameRecord]):
    """The frames a job's workers told of."""

    def __init__(self, asks: Asks, answer: Mapping[str, Any]) -> None:
        self._zone = asks.zone
        self._rows = answer["frames"]
        self.total = sum(layer["count"] for layer in answer["layers"])
        """How many frames there are to render."""

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> FrameRecord: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[FrameRecord]: ...
    def __getitem__(self, index: int | slice) -> FrameRecord | Sequence[FrameRecord]:
        if isinstance(index, slice):
            return [self._frame(row) for row in self._rows[index]]
        return self._frame(self._rows[index])

    def _frame(self, row: Mapping[str, Any]) -> FrameRecord:
        zone = self._zone
        same = (
            "index", "frame", "layer_id", "worker", "averaged_over", "first_of_chunk",
            "first_after_load", "user_logged_in", "log_first_frame", "peak_memory_bytes", "status",
        )  # fmt: skip
        return FrameRecord(
            **{name: row[name] for name in same},
            render_seconds=row["render_ms"] / 1000,
            log_started_at=moment_in(zone, row["log_started_at"]),
            started_at=datetime_of(Instant(row["started_at"])).astimezone(zone),
            ended_at=datetime_of(Instant(row["ended_at"])).astimezone(zone),
            parts=tuple(_part(part) for part in row["parts"]),
        )


def _part(row: Mapping[str, Any]) -> FramePart:
    job, other = row["job_cpu_milli"], row["other_cpu_milli"]
    return FramePart(
        job_cpu=None if job is None else job / 1000,
        job_memory_bytes=row["job_memory_bytes"],
        other_cpu=None if other is None else other / 1000,
        threads=row["threads"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerTime:
    """A finished layer, up to the first time all its frames were done (ledger S0-34)."""

    job: str
    job_id: str
    layer_id: str
    finished_at: datetime
    mean_ps: float | None
    max_cores: float | None
    frame_seconds: float | None
    frame_kps_seconds: float | None
    max_memory_bytes: int | None
    minutes_to_frames_done: int
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerTimeList(Sequence[LayerTime]):
    """The last hundred finished layers of a name, newest first (ledger S0-33)."""

    project: str
    render_type: str
    layer: str
    added: int
    """How many were ever added; not the length."""
    last_used_at: datetime
    entries: tuple[LayerTime, ...]

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def __getitem__(self, index: int) -> LayerTime: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[LayerTime]: ...
    def __getitem__(self, index: int | slice) -> LayerTime | Sequence[LayerTime]:
        return self.entries[index]


class LayerTimes(Mapping[tuple[str, str, str], LayerTimeList]):
    """Layer times by project, render type and layer name."""

    def __init__(self, asks: Asks) -> None:
        self._asks = asks

    def __getitem__(self, key: tuple[str, str, str]) -> LayerTimeList:
        found = self._lists(*key)
        if not found:
            raise KeyError(key)
        return found[0]

    def __iter__(self) -> Iterator[tuple[str, str, str]]:
        return ((one.project, one.render_type, one.layer) for one in self._lists())

    def __len__(self) -> int:
        return len(self._lists())

    def render_types(self, project: str) -> frozenset[str]:
        """Return the render types a project has layer times of."""
        return frozenset(one.render_type for one in self._lists(project))

    def layers(self, project: str, render_type: str) -> Sequence[str]:
        """Return the layer names of a project and render type."""
        return [one.layer for one in self._lists(project, render_type)]

    def _lists(
        self,
        project: str | None = None,
        render_type: str | None = None,
        layer: str | None = None,
    ) -> list[LayerTimeList]:
        answer = self._asks.ask(
            "layer_time_lists",
            "/layer-times",
            project=project,
            render_type=render_type,
            layer=layer,
        )
        return [self._list(row) for row in answer["lists"]]

    def _list(self, row: Mapping[str, Any]) -> LayerTimeList:
        zone = self._asks.zone
        entries = tuple(
            LayerTime(
                **{name: value for name, value in entry.items() if name != "finished_at"},
                finished_at=datetime_of(Instant(entry["finished_at"])).astimezone(zone),
            )
            for entry in row["entries"]
        )
        return LayerTimeList(
            project=row["project"],
            render_type=row["render_type"],
            layer=row["layer"],
            added=row["added"],
            last_used_at=datetime_of(Instant(row["last_used_at"])).astimezone(zone),
            entries=entries,
        )
