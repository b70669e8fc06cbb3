"""Collecting logs, beside GNU awk and a loop over lines that do the same sums.

150 streams with a day's log of 30 MB each: bytes, files, errors, late files and the latency's
least, most and sum for every minute. All read the same files, one after the other, on one core.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contest import Contestant, Goal, Table, held
from grange.collect.formats.px import PxFormat
from grange.config.streams_collect import CollectSection, LogStream
from grange.kernel.units import Instant
from grange.testing.farm import LocalFarm
from grange.wiring.collect import collecting

STREAMS = 150
LOG_MB = 30
PIECE = 4 * 1024 * 1024
GOAL = 3.0
_DAY = datetime(2026, 11, 20, tzinfo=UTC)

AWK = r"""
$3 == "[INFO]" && index($0, "Bytes") && !index($0, "/sec") && !index($0, " Segment ") \
  && !index($0, "SEND TIMEOUT") {
  if (split($7, name, ":") != 7) next
  minute = substr($2, 1, 5); stamp = name[7]
  at = mktime(substr($1, 1, 4) " " substr($1, 6, 2) " " substr($1, 9, 2) " " substr($2, 1, 2) \
              " " substr($2, 4, 2) " " substr($2, 7, 2), 1)
  got = mktime(substr(stamp, 1, 4) " " substr(stamp, 5, 2) " " substr(stamp, 7, 2) " " \
               substr(stamp, 9, 2) " " substr(stamp, 11, 2) " " substr(stamp, 13, 2), 1)
  late = at > got ? at - got : 0
  bytes[minute] += substr($4, 2); files[minute]++; sum[minute] += late
  if (late > 15) over[minute]++
  if (late > most[minute]) most[minute] = late
  if (!(minute in least) || late < least[minute]) least[minute] = late
  next
}
$3 == "[ERROR]" { errors[substr($2, 1, 5)]++ }
END {
  for (minute in files)
    print minute, bytes[minute], files[minute], errors[minute] + 0, over[minute] + 0, \
      least[minute], most[minute] + 0, sum[minute]
}
"""

Sums = dict[str, tuple[int, ...]]


def write_log(
    path: Path, megabytes: float, seed: int, *, start: datetime = _DAY, seconds: float = 86_399
) -> None:
    """Write a day (or less) of a stream that sends files on."""
    dice = random.Random(seed)
    lines = []
    count = max(10, int(megabytes * 1e6 / 157))
    for number in range(count):
        at = start + timedelta(seconds=seconds * number / count, milliseconds=dice.randrange(900))
        got = at - timedelta(seconds=dice.choice((0, 1, 1, 2, 2, 3, 5, 8, 15, 16, 40)))
        product = f"SA{dice.randrange(10, 99)}{dice.randrange(10, 99)}_CWAO_{at:%d%H%M}"
        name = f"{product}___{number:07d}:feedA:CWAO:SA:3:Direct:{got:%Y%m%d%H%M%S}"
        head = f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03d}"
        if dice.random() < 0.01:
            lines.append(f"{head} [ERROR] Unable to connect to hostb (user:px)")
        else:
            size = dice.randrange(100, 90_000)
            tail = f"delivered (lat={dice.random() * 20:.6f},speed={dice.random() * 9e4:.6f})"
            lines.append(f"{head} [INFO] ({size} Bytes) Bulletin {name}  {tail}")
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def by_grange(path: Path) -> Sums:
    """Grange's own reader, and numpy over its columns."""
    parts = []
    data = path.read_bytes()
    place = 0
    reader = PxFormat()
    while place < len(data):
        end = data.rfind(b"\n", place, place + PIECE) + 1
        parts.append(reader.parse(data[place:end], place, "tx").rows)
        place = end
    found: Sums = {}
    columns = [
        {
            name: part.column(name).combine_chunks()
            for name in ("at", "latency_ms", "bytes", "error")
        }
        for part in parts
    ]
    at = np.concatenate([one["at"].to_numpy() for one in columns])
    error = np.concatenate([one["error"].to_numpy(zero_copy_only=False) for one in columns])
    size = np.concatenate([one["bytes"].to_numpy() for one in columns])
    late = np.concatenate(
        [one["latency_ms"].fill_null(0).to_numpy(zero_copy_only=False) for one in columns]
    )
    minute = (at - int(_DAY.timestamp() * 1000)) // 60_000
    good = ~error
    slots = minute[good]

    def sums(values: Any) -> Any:
        return np.bincount(slots, weights=values, minlength=1440).astype(np.int64)

    files = np.bincount(slots, minlength=1440)
    errors = np.bincount(minute[error], minlength=1440)
    least, most = np.full(1440, np.iinfo(np.int64).max), np.zeros(1440, dtype=np.int64)
    np.minimum.at(least, slots, late[good])
    np.maximum.at(most, slots, late[good])
    total, bytes_, over = sums(late[good]), sums(size[good]), sums(late[good] > 15_000)
    for slot in np.flatnonzero(files):
        found[f"{slot // 60:02d}:{slot % 60:02d}"] = (
            int(bytes_[slot]), int(files[slot]), int(errors[slot]), int(over[slot]),
            int(least[slot]) // 1000, int(most[slot]) // 1000, int(total[slot]) // 1000,
        )  # fmt: skip
    return found


def by_awk(path: Path) -> Sums:
    """GNU awk, bytes instead of characters."""
    done = subprocess.run(
        ["gawk", "-b", AWK, str(path)], capture_output=True, text=True, check=True,
        env={**os.environ, "TZ": "UTC", "LC_ALL": "C"},
    )  # fmt: skip
    return {
        words[0]: tuple(int(word) for word in words[1:])
        for words in map(str.split, done.stdout.splitlines())
    }


def by_loop(path: Path) -> Sums:
    """A loop over lines in Python, as one would write it."""
    found: dict[str, list[int]] = {}
    errors: dict[str, int] = {}
    with path.open(encoding="ascii") as file:
        for line in file:
            parts = line.split(" ")
            if parts[2] == "[ERROR]":
                errors[parts[1][:5]] = errors.get(parts[1][:5], 0) + 1
                continue
            if parts[2] != "[INFO]" or "Bytes" not in line or "/sec" in line:
                continue
            if " Segment " in line or "SEND TIMEOUT" in line:
                continue
            name = parts[6].split(":")
            if len(name) != 7:
                continue
            at = datetime.fromisoformat(f"{parts[0]} {parts[1][:8]}")
            got = datetime.strptime(name[6], "%Y%m%d%H%M%S")  # noqa: DTZ007 - as the log has it
            late = max(0, int((at - got).total_seconds()))
            slot = found.get(parts[1][:5])
            if slot is None:
                found[parts[1][:5]] = slot = [0, 0, 0, late, late, 0]
            slot[0] += int(parts[3][1:])
            slot[1] += 1
            slot[2] += late > 15
            slot[3] = min(slot[3], late)
            slot[4] = max(slot[4], late)
            slot[5] += late
    return {
        minute: (slot[0], slot[1], errors.get(minute, 0), *slot[2:])
        for minute, slot in found.items()
    }


def contests(
    folder: Path, rounds: int, scale: float, *, with_peers: bool
) -> tuple[list[Table], list[Goal]]:
    """Collect all streams once per round; the sums of all contestants must be equal."""
    streams = max(2, round(STREAMS * scale))
    # Few different logs are enough: what differs between streams is their names.
    logs = [folder / f"tx_{number}.log" for number in range(min(streams, 4))]
    for number, path in enumerate(logs):
        write_log(path, LOG_MB * min(1.0, max(scale, 0.1)), number)
    megabytes = sum(logs[n % len(logs)].stat().st_size for n in range(streams)) / 1e6
    table = Table(
        title=f"Collect {streams} streams, {megabytes:,.0f} MB of logs, on one core", unit="MB/s"
    )
    ways: dict[str, Callable[[Path], Sums]] = {"Grange": by_grange}
    if with_peers:
        ways["Python loop over lines"] = by_loop
        if shutil.which("gawk"):
            ways["GNU awk"] = by_awk
        else:
            table.notes.append("GNU awk was not found (Debian: apt-get install gawk).")
    first = {name: way(logs[0]) for name, way in ways.items()}
    if any(sums != first["Grange"] for sums in first.values()):
        sys.exit("The contestants do not agree about the sums.")

    def contestant(name: str) -> Contestant:
        def run() -> float:
            begin = time.perf_counter()
            for number in range(streams):
                ways[name](logs[number % len(logs)])
            return megabytes / (time.perf_counter() - begin)

        return Contestant(name, run)

    held(table, [contestant(name) for name in ways], rounds)
    goals = [
        Goal(
            f"collecting, compared with {name}",
            GOAL,
            table.median("Grange") / table.median(name),
        )
        for name in ways
        if name != "Grange"
    ]
    hourly = _hourly(folder, rounds, scale)
    goals.append(
        Goal("an hourly round of 70 streams, seconds", 15.0, hourly.median("Grange"), at_most=True)
    )
    return [table, hourly], goals


def _hourly(folder: Path, rounds: int, scale: float) -> Table:
    """Collect the last hour of 70 streams into a running server; lines are durable at the end."""
    streams = max(2, round(70 * scale))
    megabytes = LOG_MB / 24
    table = Table(
        title=f"A round of {streams} streams, an hour of {megabytes:.2f} MB each, into the books",
        unit="s", higher_is_better=False,
    )  # fmt: skip
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)

    def run() -> float:
        with tempfile.TemporaryDirectory(dir=folder) as place, LocalFarm(Path(place, "f")) as farm:
            logs = Path(place, "log")
            logs.mkdir()
            for number in range(streams):
                path = logs / f"tx_s{number}.log"
                if number < 4:
                    write_log(path, megabytes, number, start=start, seconds=3590)
                else:
                    shutil.copy(logs / f"tx_s{number % 4}.log", path)
            section = CollectSection(
                machine="m", folder=str(Path(place, "state")),
                streams=(LogStream(path=f"{logs}/*"),),
            )  # fmt: skip
            begin = time.perf_counter()
            with collecting(section, farm.connect(), farm.farm_id) as work:
                work.collector.collect(work.sources, since=Instant(0))
            return time.perf_counter() - begin

    return held(table, [Contestant("Grange", run)], rounds)
