"""Readings folded into facts: 20-second samples and the five parts of a frame. Pure.

A reading of counters means nothing alone: two of them make a `Stretch`, which says what happened
between them. Stretches are cut at the ends of aligned 20-second slots; a slot's sample says how
much of it was covered. What was not read is None, never 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from grange.kernel.intervals import Span, slots
from grange.kernel.units import Instant
from grange.ports.host import MachineReading, TreeReading

SLOT_MS = 20_000
PARTS = 5
_MOST_STRETCHES = 4_096
_GRACE_MS = 300
"""How far before the first and after the last stretch a frame's parts may reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What the machine did between two readings."""

    span: Span
    cpu_milli: int | None
    """Thousandths of the whole machine, as a mean."""
    cpu_total_ms: int
    """CPU time all cores had, idle included."""
    memory_used_bytes: int
    memory_total_bytes: int
    net_in_bytes: int
    net_out_bytes: int
    disk_free_bytes: int | None
    load1_milli: int | None
    temperature_milli_c: int | None
    user_logged_in: bool | None
    gpu_milli: int | None
    watts_milli: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadStretch:
    """What one job thread did between two readings."""

    span: Span
    cpu_milli: int | None
    """Thousandths of the whole machine."""
    cpu_ms: int | None
    memory_bytes: int | None
    processes: int | None


def stretch_between(
    before: MachineReading, before_at: Instant, after: MachineReading, after_at: Instant
) -> Stretch:
    """Return what happened between two readings of the machine; `after_at` must be later."""
    total = after.cpu_total_ms - before.cpu_total_ms
    busy = after.cpu_busy_ms - before.cpu_busy_ms
    return Stretch(
        span=Span(before_at, after_at),
        cpu_milli=min(1000, max(0, busy * 1000 // total)) if total > 0 else None,
        cpu_total_ms=max(0, total),
        memory_used_bytes=after.memory_used_bytes,
        memory_total_bytes=after.memory_total_bytes,
        # A counter that went back was reset (an interface went away): nothing is known to be more.
        net_in_bytes=max(0, after.net_in_bytes - before.net_in_bytes),
        net_out_bytes=max(0, after.net_out_bytes - before.net_out_bytes),
        disk_free_bytes=after.disk_free_bytes,
        load1_milli=after.load1_milli,
        temperature_milli_c=after.temperature_milli_c,
        user_logged_in=after.user_logged_in,
        gpu_milli=after.gpu_milli,
        watts_milli=_watts_milli(before, after, after_at - before_at),
    )


def _watts_milli(before: MachineReading, after: MachineReading, millis: int) -> int | None:
    if before.energy_mj is None or after.energy_mj is None or millis <= 0:
        return None
    return max(0, after.energy_mj - before.energy_mj) * 1000 // millis


def thread_stretch(
    before: TreeReading | None, after: TreeReading | None, machine: Stretch
) -> ThreadStretch:
    """Return what a job thread's processes did during the machine's stretch."""
    cpu_milli = spent = None
    if before is not None and after is not None and machine.cpu_total_ms > 0:
        spent = max(0, after.cpu_ms - before.cpu_ms)
        cpu_milli = min(1000, spent * 1000 // machine.cpu_total_ms)
    return ThreadStretch(
        span=machine.span,
        cpu_milli=cpu_milli,
        cpu_ms=spent,
        memory_bytes=None if after is None else after.memory_bytes,
        processes=None if after is None else after.processes,
    )


@dataclass(slots=True)
class _Mean:
    """A mean weighted by time; None without any."""

    weighted: int = 0
    weight_ms: int = 0

    def add(self, value: int | None, millis: int) -> None:
        if value is not None:
            self.weighted += value * millis
            self.weight_ms += millis

    def value(self) -> int | None:
        return (self.weighted + self.weight_ms // 2) // self.weight_ms if self.weight_ms else None


def _most(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSample:
    """The machine during one slot; the columns of the books' table of worker samples."""

    at: Instant
    """End of the slot."""
    coverage_ms: int
    cpu_milli: int | None
    gpu_milli: int | None
    memory_used_bytes: int
    memory_total_bytes: int
    net_in_bytes: int
    net_out_bytes: int
    net_in_max_bytes_per_s: int
    user_logged_in: bool | None
    load1_milli: int | None
    disk_free_bytes: int | None
    temperature_milli_c: int | None
    watts_milli: int | None = None


@dataclass(slots=True)
class _WorkerSlot:
    end: Instant
    coverage_ms: int = 0
    cpu: _Mean = field(default_factory=_Mean)
    gpu: _Mean = field(default_factory=_Mean)
    memory: _Mean = field(default_factory=_Mean)
    memory_total_bytes: int = 0
    net_in_bytes: int = 0
    net_out_bytes: int = 0
    net_in_max: int = 0
    user_logged_in: bool | None = None
    load1_milli: int | None = None
    disk_free_bytes: int | None = None
    temperature_milli_c: int | None = None
    watts: _Mean = field(default_factory=_Mean)

    def sample(self) -> WorkerSample:
        return WorkerSample(
            at=self.end,
            coverage_ms=self.coverage_ms,
            cpu_milli=self.cpu.value(),
            gpu_milli=self.gpu.value(),
            memory_used_bytes=self.memory.value() or 0,
            memory_total_bytes=self.memory_total_bytes,
            net_in_bytes=self.net_in_bytes,
            net_out_bytes=self.net_out_bytes,
            net_in_max_bytes_per_s=self.net_in_max,
            user_logged_in=self.user_logged_in,
            load1_milli=self.load1_milli,
            disk_free_bytes=self.disk_free_bytes,
            temperature_milli_c=self.temperature_milli_c,
            watts_milli=self.watts.value(),
        )


class WorkerFold:
    """Folds the machine's stretches into samples; a slot is given out once it is over."""

    def __init__(self) -> None:
        self._slot: _WorkerSlot | None = None

    def add(self, stretch: Stretch) -> list[WorkerSample]:
        """Take a stretch, later than all before, and return the samples it completes."""
        finished: list[WorkerSample] = []
        span = stretch.span
        rate = stretch.net_in_bytes * 1000 // span.millis if span.millis else 0
        for piece, end in _cut(span):
            slot = self._slot
            if slot is None or slot.end != end:
                if slot is not None and slot.coverage_ms:
                    finished.append(slot.sample())
                slot = self._slot = _WorkerSlot(end)
            slot.coverage_ms += piece.millis
            slot.cpu.add(stretch.cpu_milli, piece.millis)
            slot.gpu.add(stretch.gpu_milli, piece.millis)
            slot.watts.add(stretch.watts_milli, piece.millis)
            slot.memory.add(stretch.memory_used_bytes, piece.millis)
            slot.memory_total_bytes = stretch.memory_total_bytes
            slot.net_in_bytes += _share(stretch.net_in_bytes, piece, span)
            slot.net_out_bytes += _share(stretch.net_out_bytes, piece, span)
            slot.net_in_max = max(slot.net_in_max, rate)
            if stretch.user_logged_in is not None:
                slot.user_logged_in = bool(slot.user_logged_in) or stretch.user_logged_in
            slot.load1_milli = stretch.load1_milli
            slot.disk_free_bytes = stretch.disk_free_bytes
            slot.temperature_milli_c = _most(slot.temperature_milli_c, stretch.temperature_milli_c)
        if self._slot is not None and span.end >= self._slot.end:
            if self._slot.coverage_ms:
                finished.append(self._slot.sample())
            self._slot = None
        return finished


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupation:
    """What a job thread is doing."""

    state: str = "idle"
    """rendering, idle or disabled."""
    session_id: str | None = None
    job_id: str | None = None
    layer_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadSample:
    """One job thread during one slot; the columns of the books' table of thread samples."""

    at: Instant
    thread: int
    session_id: str | None
    job_id: str | None
    layer_id: str | None
    coverage_ms: int
    state: str
    cpu_milli: int | None
    memory_bytes: int | None
    processes: int | None


@dataclass(slots=True)
class _ThreadSlot:
    end: Instant
    coverage_ms: int = 0
    cpu: _Mean = field(default_factory=_Mean)
    memory_bytes: int | None = None
    processes: int | None = None
    occupied_ms: dict[Occupation, int] = field(default_factory=dict)


class ThreadFold:
    """Folds one job thread's stretches into samples, named by what it did most of the slot."""

    def __init__(self, thread: int) -> None:
        self._thread = thread
        self._slot: _ThreadSlot | None = None

    def add(self, stretch: ThreadStretch, occupation: Occupation) -> list[ThreadSample]:
        """Take a stretch, later than all before, and return the samples it completes."""
        finished: list[ThreadSample] = []
        for piece, end in _cut(stretch.span):
            slot = self._slot
            if slot is None or slot.end != end:
                if slot is not None and slot.coverage_ms:
                    finished.append(self._sample(slot))
                slot = self._slot = _ThreadSlot(end)
            slot.coverage_ms += piece.millis
            slot.cpu.add(stretch.cpu_milli, piece.millis)
            slot.memory_bytes = _most(slot.memory_bytes, stretch.memory_bytes)
            slot.processes = _most(slot.processes, stretch.processes)
            slot.occupied_ms[occupation] = slot.occupied_ms.get(occupation, 0) + piece.millis
        if self._slot is not None and stretch.span.end >= self._slot.end:
            if self._slot.coverage_ms:
                finished.append(self._sample(self._slot))
            self._slot = None
        return finished

    def _sample(self, slot: _ThreadSlot) -> ThreadSample:
        main = max(slot.occupied_ms, key=lambda one: slot.occupied_ms[one])
        return ThreadSample(
            at=slot.end,
            thread=self._thread,
            session_id=main.session_id,
            job_id=main.job_id,
            layer_id=main.layer_id,
            coverage_ms=slot.coverage_ms,
            state=main.state,
            cpu_milli=slot.cpu.value(),
            memory_bytes=slot.memory_bytes,
            processes=slot.processes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameParts:
    """A frame's time in five equal parts; a list is None if a part of it was not read."""

    job_cpu: tuple[int, ...] | None
    """Thousandths of the whole machine."""
    job_memory_bytes: tuple[int, ...] | None
    """The most of each part."""
    other_cpu: tuple[int, ...] | None
    threads: tuple[int, ...] | None
    """Job threads of the worker rendering, rounded."""
    peak_memory_bytes: int | None
    cpu_ms: int | None
    """CPU time of the job's processes meanwhile."""


@dataclass(slots=True)
class _Piece:
    start: int
    end: int
    job_cpu: int | None
    memory_bytes: int | None
    other_cpu: int | None
    threads_milli: int
    cpu_ms: int | None


class ActionSeries:
    """The one-second readings of one action, from which its frames' parts are cut.

    A very long action is kept coarser: neighbours are joined once there are over 4,096 of them.
    """

    def __init__(self) -> None:
        self._pieces: list[_Piece] = []

    def add(self, thread: ThreadStretch, machine: Stretch, threads_rendering: int) -> None:
        """Take the readings of one stretch, later than all before."""
        other = None
        if machine.cpu_milli is not None and thread.cpu_milli is not None:
            other = max(0, machine.cpu_milli - thread.cpu_milli)
        self._pieces.append(
            _Piece(
                thread.span.start,
                thread.span.end,
                thread.cpu_milli,
                thread.memory_bytes,
                other,
                threads_rendering * 1000,
                thread.cpu_ms,
            )
        )
        if len(self._pieces) > _MOST_STRETCHES:
            self._pieces = [
                _joined(*self._pieces[at : at + 2]) if at + 1 < len(self._pieces) else one
                for at, one in enumerate(self._pieces)
                if at % 2 == 0
            ]

    def copy(self) -> "ActionSeries":
        """Return a series of its own with the same readings."""
        other = ActionSeries()
        other._pieces = list(self._pieces)
        return other

    def peak_memory_bytes(self) -> int | None:
        """Return the most memory any reading saw."""
        known = (x.memory_bytes for x in self._pieces if x.memory_bytes is not None)
        return max(known, default=None)

    def parts(self, span: Span) -> FrameParts:
        """Return the five parts of a frame that rendered during `span`."""
        length = span.millis
        edges = [span.start + length * number // PARTS for number in range(PARTS + 1)]
        cpu: list[int | None] = []
        other: list[int | None] = []
        threads: list[int | None] = []
        memory: list[int | None] = []
        for start, end in pairwise(edges):
            means = (_Mean(), _Mean(), _Mean())
            peak: int | None = None
            for piece, overlap in self._overlapping(start, max(end, start + 1)):
                means[0].add(piece.job_cpu, overlap)
                means[1].add(piece.other_cpu, overlap)
                means[2].add(piece.threads_milli, overlap)
                peak = _most(peak, piece.memory_bytes)
            cpu.append(means[0].value())
            other.append(means[1].value())
            milli = means[2].value()
            threads.append(None if milli is None else (milli + 500) // 1000)
            memory.append(peak)
        return FrameParts(
            job_cpu=_whole(cpu),
            job_memory_bytes=_whole(memory),
            other_cpu=_whole(other),
            threads=_whole(threads),
            peak_memory_bytes=max((one for one in memory if one is not None), default=None),
            cpu_ms=self._cpu_ms(span),
        )

    def _cpu_ms(self, span: Span) -> int | None:
        found = [
            (piece.cpu_ms, overlap, piece.end - piece.start)
            for piece, overlap in self._overlapping(span.start, max(span.end, span.start + 1))
        ]
        if not found or any(spent is None for spent, _, _ in found):
            return None
        return sum(
            (spent or 0) * min(overlap, length) // length
            for spent, overlap, length in found
            if length
        )

    def _overlapping(self, start: int, end: int) -> Iterator[tuple[_Piece, int]]:
        last = len(self._pieces) - 1
        for at, piece in enumerate(self._pieces):
            first_at = piece.start - (_GRACE_MS if at == 0 else 0)
            last_at = piece.end + (_GRACE_MS if at == last else 0)
            overlap = min(end, last_at) - max(start, first_at)
            if overlap > 0:
                yield piece, overlap


def _joined(one: _Piece, other: _Piece) -> _Piece:
    def mean(name: str) -> int | None:
        weighted = _Mean()
        for piece in (one, other):
            weighted.add(getattr(piece, name), piece.end - piece.start)
        return weighted.value()

    return _Piece(
        one.start,
        other.end,
        mean("job_cpu"),
        _most(one.memory_bytes, other.memory_bytes),
        mean("other_cpu"),
        mean("threads_milli") or 0,
        None if one.cpu_ms is None or other.cpu_ms is None else one.cpu_ms + other.cpu_ms,
    )


def _whole(values: list[int | None]) -> tuple[int, ...] | None:
    known = tuple(value for value in values if value is not None)
    return known if len(known) == len(values) else None


def _cut(span: Span) -> Iterator[tuple[Span, Instant]]:
    """Yield the pieces of a span that lie in one slot each, with the slot's end."""
    for slot in slots(span, SLOT_MS):
        yield span.clip(slot), slot.end


def _share(amount: int, piece: Span, whole: Span) -> int:
    """Return a piece's share of an amount; the shares of all pieces add up to it exactly."""
    if whole.millis == 0:
        return amount
    upto = amount * (piece.end - whole.start) // whole.millis
    return upto - amount * (piece.start - whole.start) // whole.millis
