"""Machine time accounts: every millisecond of every job thread lies in exactly one.

Sums are whole milliseconds of thread time. Machine time is thread time divided by the threads the
worker had then, so over any span the accounts of a worker sum to the time it existed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from math import lcm

import numpy as np
import numpy.typing as npt

from grange.books.occupation import Occupied
from grange.books.presence import Piece, Presence, State
from grange.kernel.intervals import Span
from grange.kernel.units import Instant, half_even_divide

Ints = npt.NDArray[np.int64]


class Account(StrEnum):
    """Where the time of a job thread went."""

    RENDERING_USEFUL = "rendering_useful"
    """Attempts that succeeded, or still run."""
    RENDERING_WASTED = "rendering_wasted"
    """Attempts that failed, were aborted or rendered again later."""
    OVERHEAD = "overhead"
    """Environments, input, output copies and gaps inside a session."""
    IDLE_NO_WORK = "idle_no_work"
    """Nothing waited for the fleet."""
    IDLE_BLOCKED = "idle_blocked"
    """Work waited, but this thread could not have it (yet)."""
    DISABLED = "disabled"
    OFF = "off"
    UNKNOWN = "unknown"
    """Nobody heard of the worker."""


ACCOUNTS: tuple[Account, ...] = tuple(Account)
_CODE: Mapping[Account, int] = {account: code for code, account in enumerate(ACCOUNTS)}
_IDLE = len(ACCOUNTS)
"""Before idle time is split by what waited."""

NO_WORK = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A stretch of a job thread that a sample watched, although the server heard nothing then."""

    thread: int
    start: Instant
    end: Instant
    rendering: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTime:
    """Everything known about one worker."""

    presence: Presence
    occupied: Mapping[int, Sequence[Occupied]] = field(default_factory=dict)
    """By thread, ascending, without overlap."""
    witnesses: Sequence[Witness] = ()


Waiting = Mapping[str, Sequence[tuple[Instant, str]]]
"""By fleet: (from when on, "none" | "ready" | "blocked"), ascending."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segments:
    """Stretches of job threads in one account each, as columns."""

    worker_ids: tuple[str, ...]
    fleet_ids: tuple[str, ...]
    """Fleet of each worker."""
    worker: Ints
    """Index into `worker_ids`."""
    thread: Ints
    threads: Ints
    """Job threads of the worker then."""
    start: Ints
    end: Ints
    account: Ints
    """Index into `ACCOUNTS`."""

    def cut(self, points: Ints) -> "Segments":
        """Return the same time with no segment reaching over any of the ascending points."""
        origin, start, end = cut_at(self.start, self.end, points)
        return Segments(
            worker_ids=self.worker_ids,
            fleet_ids=self.fleet_ids,
            worker=self.worker[origin],
            thread=self.thread[origin],
            threads=self.threads[origin],
            start=start,
            end=end,
            account=self.account[origin],
        )

    def totals(self, group: Ints, groups: int) -> list["Totals"]:
        """Sum thread time by group.

        Args:
            group: number of each segment's group.
            groups: how many there are.
        """
        found: list[dict[tuple[Account, int], int]] = [{} for _ in range(groups)]
        if len(self.start):
            place = np.stack([group, self.account, self.threads], axis=1)
            keys, inverse = np.unique(place, axis=0, return_inverse=True)
            sums = np.zeros(len(keys), dtype=np.int64)
            np.add.at(sums, inverse.reshape(-1), self.end - self.start)
            for (number, account, threads), millis in zip(
                keys.tolist(), sums.tolist(), strict=True
            ):
                found[number][ACCOUNTS[account], threads] = millis
        return [Totals(thread_ms=sums_of_group) for sums_of_group in found]

    def total(self) -> "Totals":
        """Sum everything."""
        return self.totals(np.zeros(len(self.start), dtype=np.int64), 1)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Thread time by account and by the number of threads the workers had."""

    thread_ms: Mapping[tuple[Account, int], int]

    def thread_time(self) -> dict[Account, int]:
        """Return thread milliseconds by account."""
        found = dict.fromkeys(ACCOUNTS, 0)
        for (account, _threads), millis in self.thread_ms.items():
            found[account] += millis
        return found

    def machine_time(self) -> dict[Account, Fraction]:
        """Return machine milliseconds by account, exactly."""
        found = dict.fromkeys(ACCOUNTS, Fraction(0))
        for (account, threads), millis in self.thread_ms.items():
            found[account] += Fraction(millis, threads)
        return found

    def machine_ms(self) -> dict[Account, int]:
        """Return whole machine milliseconds by account, allotted so that they keep their sum."""
        unit = lcm(*(threads for _, threads in self.thread_ms))
        shares = dict.fromkeys(ACCOUNTS, 0)
        for (account, threads), millis in self.thread_ms.items():
            shares[account] += millis * (unit // threads)
        return allotted(shares, unit)

    def all_machine_ms(self) -> Fraction:
        """Return the sum of all accounts."""
        return sum(self.machine_time().values(), Fraction(0))


def allotted(shares: Mapping[Account, int], unit: int) -> dict[Account, int]:
    """Divide shares by `unit` by largest remainder: their sum, rounded, is kept."""
    whole = {account: share // unit for account, share in shares.items()}
    missing = half_even_divide(sum(shares.values()), unit) - sum(whole.values())
    if missing:
        by_remainder = sorted(shares, key=lambda account: (-(shares[account] % unit), account))
        for account in by_remainder[:missing]:
            whole[account] += 1
    return whole


def cut_at(start: Ints, end: Ints, points: Ints) -> tuple[Ints, Ints, Ints]:
    """Cut half-open spans at ascending points; return (span's index, start, end) of parts."""
    first = np.searchsorted(points, start, side="right")
    last = np.searchsorted(points, end, side="left")
    parts = np.maximum(last - first, 0) + 1
    origin = np.repeat(np.arange(len(start)), parts)
    place = np.arange(len(origin)) - np.repeat(np.cumsum(parts) - parts, parts)
    edge = first[origin] + place
    padded = np.append(points, np.int64(0))
    starts = np.where(place == 0, start[origin], padded[np.maximum(edge - 1, 0)])
    ends = np.where(place == parts[origin] - 1, end[origin], padded[np.minimum(edge, len(points))])
    return origin, starts, ends


def segments(span: Span, workers: Sequence[WorkerTime], waiting: Waiting) -> Segments:
    """Return the accounts of every job thread over a span.

    Args:
        span: what is asked about; it should not reach beyond now.
        workers: what is known of each worker.
        waiting: the timeline of waiting work of each fleet.
    """
    rows: list[tuple[int, int, int, int, int, int]] = []
    for number, worker in enumerate(workers):
        rows.extend((number, *row) for row in _worker_rows(span, worker))
    columns = np.array(rows, dtype=np.int64).reshape(-1, 6).T
    plain = Segments(
        worker_ids=tuple(worker.presence.worker_id for worker in workers),
        fleet_ids=tuple(worker.presence.fleet_id for worker in workers),
        worker=columns[0],
        thread=columns[1],
        threads=columns[2],
        start=columns[3],
        end=columns[4],
        account=columns[5],
    )
    return _split_idle(plain, waiting)


def _split_idle(found: Segments, waiting: Waiting) -> Segments:
    """Cut idle time where the fleet's waiting work changed, and name it."""
    parts: list[Segments] = [_chosen(found, found.account != _IDLE)]
    fleets = np.array(found.fleet_ids, dtype=object)
    for fleet_id in sorted(set(found.fleet_ids)):
        own = np.isin(found.worker, np.flatnonzero(fleets == fleet_id))
        idle = _chosen(found, own & (found.account == _IDLE))
        if not len(idle.start):
            continue
        timeline = waiting.get(fleet_id, ())
        points = np.array([at for at, _ in timeline], dtype=np.int64)
        states = np.array([False, *(state != NO_WORK for _, state in timeline)], dtype=np.bool_)
        idle = idle.cut(points)
        blocked = states[np.searchsorted(points, idle.start, side="right")]
        codes = np.where(blocked, _CODE[Account.IDLE_BLOCKED], _CODE[Account.IDLE_NO_WORK])
        parts.append(_with_accounts(idle, codes.astype(np.int64)))
    return _ordered(parts)


def _chosen(found: Segments, mask: npt.NDArray[np.bool_]) -> Segments:
    return _columns(
        found,
        *(
            column[mask]
            for column in (
                found.worker, found.thread, found.threads, found.start, found.end, found.account
            )
        ),
    )  # fmt: skip


def _columns(found: Segments, *columns: Ints) -> Segments:
    worker, thread, threads, start, end, account = columns
    return Segments(
        worker_ids=found.worker_ids,
        fleet_ids=found.fleet_ids,
        worker=worker,
        thread=thread,
        threads=threads,
        start=start,
        end=end,
        account=account,
    )


def _with_accounts(found: Segments, codes: Ints) -> Segments:
    return _columns(found, found.worker, found.thread, found.threads, found.start, found.end, codes)


def _ordered(parts: Sequence[Segments]) -> Segments:
    """Join, order by worker, thread and time, and melt neighbours in the same account."""
    columns = [
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("worker", "thread", "threads", "start", "end", "account")
    ]
    order = np.lexsort((columns[3], columns[1], columns[0]))
    worker, thread, threads, start, end, account = (column[order] for column in columns)
    if len(start):
        same = (
            (worker[1:] == worker[:-1])
            & (thread[1:] == thread[:-1])
            & (threads[1:] == threads[:-1])
            & (account[1:] == account[:-1])
            & (start[1:] == end[:-1])
        )
        first = np.flatnonzero(np.concatenate([[True], ~same]))
        last = np.append(first[1:] - 1, len(start) - 1)
        worker, thread, threads, account = (
            column[first] for column in (worker, thread, threads, account)
        )
        start, end = start[first], end[last]
    return _columns(parts[0], worker, thread, threads, start, end, account)


def _worker_rows(span: Span, worker: WorkerTime) -> Iterable[tuple[int, int, int, int, int]]:
    """Yield (thread, threads, start, end, account code) of one worker; idle is not split yet."""
    for piece in _pieces(span, worker):
        for thread in range(piece.threads):
            held = worker.occupied.get(thread, ())
            if piece.state is State.UNKNOWN:
                for start, end, rendering in _watched(piece, thread, worker.witnesses):
                    if rendering is None:
                        yield thread, piece.threads, start, end, _CODE[Account.UNKNOWN]
                    elif rendering:
                        yield thread, piece.threads, start, end, _CODE[Account.RENDERING_WASTED]
                    else:
                        yield thread, piece.threads, start, end, _IDLE
                continue
            background = {
                State.OFF: _CODE[Account.OFF],
                State.DISABLED: _CODE[Account.DISABLED],
                State.UP: _IDLE,
            }[piece.state]
            for start, end, code in _overlaid(piece.start, piece.end, held, background):
                yield thread, piece.threads, start, end, code


def _pieces(span: Span, worker: WorkerTime) -> Iterable[Piece]:
    """Yield the worker's pieces inside the span, with a thread for every open session.

    A session may outlive the thread it began on (somebody configured fewer): that thread still
    counts until the session ends.
    """
    for piece in worker.presence.pieces:
        start, end = max(piece.start, span.start), min(piece.end, span.end)
        if start >= end:
            continue
        surplus = [
            (thread, max(part.start, start), min(part.end, end))
            for thread, parts in worker.occupied.items()
            if thread >= piece.threads and piece.state is not State.UNKNOWN
            for part in parts
            if part.start < end and part.end > start
        ]
        edges = sorted({start, end, *(edge for _, *both in surplus for edge in both)})
        for left, right in pairwise(edges):
            threads = max(
                [piece.threads]
                + [thread + 1 for thread, begun, done in surplus if begun <= left < done]
            )
            yield Piece(Instant(left), Instant(right), piece.state, threads)


def _overlaid(
    start: int, end: int, held: Sequence[Occupied], background: int
) -> Iterable[tuple[int, int, int]]:
    """Yield a piece with what occupies it on top."""
    position = start
    for part in _inside(held, start, end):
        begin, stop = max(part.start, position), min(part.end, end)
        if begin >= stop:
            continue
        if position < begin:
            yield position, begin, background
        if part.useful is None:
            code = _CODE[Account.OVERHEAD]
        else:
            code = _CODE[Account.RENDERING_USEFUL if part.useful else Account.RENDERING_WASTED]
        yield begin, stop, code
        position = stop
    if position < end:
        yield position, end, background


def _inside(held: Sequence[Occupied], start: int, end: int) -> Iterable[Occupied]:
    from_place = _first_ending_after(held, start)
    for place in range(from_place, len(held)):
        if held[place].start >= end:
            return
        yield held[place]


def _first_ending_after(held: Sequence[Occupied], instant: int) -> int:
    low, high = 0, len(held)
    while low < high:
        middle = (low + high) // 2
        if held[middle].end <= instant:
            low = middle + 1
        else:
            high = middle
    return low


def _watched(
    piece: Piece, thread: int, witnesses: Sequence[Witness]
) -> Iterable[tuple[int, int, bool | None]]:
    """Yield an unknown piece, split by what samples saw of the thread (None: nothing)."""
    position: int = piece.start
    own = sorted(
        (witness.start, witness.end, witness.rendering)
        for witness in witnesses
        if witness.thread == thread and witness.start < piece.end and witness.end > piece.start
    )
    for start, end, rendering in own:
        begin, stop = max(start, position), min(end, piece.end)
        if begin >= stop:
            continue
        if position < begin:
            yield position, begin, None
        yield begin, stop, rendering
        position = stop
    if position < piece.end:
        yield position, piece.end, None
