"""How fast this machine is, compared with others: a short measurement, kept in the worker's folder.

The work is compression and hashing on every core at once: plain computing, the same everywhere,
without special instructions of one maker. 1.0 is a machine of eight cores of 2020.
"""

import hashlib
import os
import threading
import zlib
from pathlib import Path

import msgspec

from grange.kernel.clock import Clock
from grange.kernel.errors import ConfigurationError
from grange.kernel.units import Instant
from grange.worker.identity import write_atomically

REFERENCE_ROUNDS_PER_SECOND = 1_800.0
"""What a machine of speed 1.0 does."""
FILE = "speed.json"
_BLOCK = 64 * 1024
_LEAST_SECONDS = 0.1


class Speed(msgspec.Struct, kw_only=True, frozen=True):
    """What was measured."""

    relative_speed: float
    """PS: 1.0 is the reference."""
    rounds_per_second: float
    cores: int
    seconds: float
    measured_at: Instant


def block() -> bytes:
    """Return the data every machine works on: 64 KiB that compress to about a half."""
    pieces: list[bytes] = []
    digest = b"grange"
    while sum(map(len, pieces)) < _BLOCK:
        digest = hashlib.blake2b(digest).digest()
        pieces.append(digest[:16] + digest[:8].hex().encode("ascii"))
    return b"".join(pieces)[:_BLOCK]


def measure(clock: Clock, *, seconds: float = 3.0, cores: int | None = None) -> Speed:
    """Keep every core busy for a while and return how fast the machine is.

    Args:
        clock: the machine's.
        seconds: how long; less than a second says little.
        cores: how many threads work; default: as many as this process may use.
    """
    count = cores or _usable_cores()
    data = block()
    began = clock.monotonic_seconds()
    until = began + max(seconds, _LEAST_SECONDS)
    rounds = [0] * count

    def work(place: int) -> None:
        done = 0
        while clock.monotonic_seconds() < until:
            zlib.compress(data, 6)
            hashlib.blake2b(data * 4).digest()
            done += 1
        rounds[place] = done

    workers = [threading.Thread(target=work, args=(place,)) for place in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    took = clock.monotonic_seconds() - began
    rate = sum(rounds) / took
    return Speed(
        relative_speed=max(0.001, round(rate / REFERENCE_ROUNDS_PER_SECOND, 3)),
        rounds_per_second=round(rate, 1),
        cores=count,
        seconds=round(took, 2),
        measured_at=clock.now(),
    )


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def keep(folder: Path, speed: Speed) -> Path:
    """Keep a measurement in a worker's folder; return where."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / FILE
    write_atomically(path, msgspec.json.encode(speed))
    return path


def kept(folder: Path) -> Speed | None:
    """Return what was measured last; None if nothing was.

    Raises:
        ConfigurationError: the file is damaged.
    """
    path = folder / FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return msgspec.json.decode(content, type=Speed)
    except msgspec.DecodeError as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error}). Measure again: grange worker benchmark."
        ) from error
