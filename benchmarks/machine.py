"""What the figures were made on; without names of machines or people."""

import os
import platform
import sqlite3
import statistics
import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil


def describe(folder: Path) -> dict[str, Any]:
    """Return the machine, and how busy it is right now."""
    return {
        "processor": _processor(),
        "cores": psutil.cpu_count(logical=False),
        "threads": psutil.cpu_count(),
        "memory_mib": psutil.virtual_memory().total // 2**20,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "sqlalchemy": version("sqlalchemy"),
        "fdatasync_ms": round(fdatasync_ms(folder), 3),
        "load_average": [round(value, 2) for value in os.getloadavg()],
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def fdatasync_ms(folder: Path, times: int = 50) -> float:
    """Return the median time to make 4 KiB durable where the databases of this run lie."""
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(times):
            file.write(b"x" * 4096)
            file.flush()
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - start)
    return statistics.median(took) * 1000


def commit() -> str:
    """Return the version of Grange that was measured."""
    try:
        words = ["git", "describe", "--always", "--dirty"]
        found = subprocess.run(
            words, capture_output=True, text=True, check=True, cwd=Path(__file__).parent
        )
    except (OSError, subprocess.CalledProcessError):
        return version("grange")
    return found.stdout.strip()


def stolen() -> tuple[float, float]:
    """Return (seconds another guest had instead of this machine, all seconds), of all cores.

    What a virtual machine measures while others get its cores says more of them than of Grange.
    """
    times = psutil.cpu_times()
    return getattr(times, "steal", 0.0), sum(times) - getattr(times, "guest", 0.0)


def stolen_percent(since: tuple[float, float]) -> float:
    """Return how much of this machine's time was taken from it since `stolen` said `since`."""
    taken, total = stolen()
    return round(100 * (taken - since[0]) / max(total - since[1], 0.01), 1)
