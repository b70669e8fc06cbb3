"""Whisper's part in the contest of rings; run by the peers' Python.

    python rings_whisper.py update FOLDER SERIES MINUTES BATCH
    python rings_whisper.py read FOLDER SERIES ROUNDS

prints seconds (and for `update` the bytes of a series).
"""

import random
import sys
import time
from pathlib import Path

import whisper

ARCHIVES = [(60, 7200), (3600, 336), (14400, 1460), (86400, 3650)]


def files(folder: Path, series: int) -> list[list[Path]]:
    """Return a file for each function of each series: whisper has one in a file."""
    return [
        [folder / f"{number}-{kind}.wsp" for kind in ("average", "min", "max")]
        for number in range(series)
    ]


def main() -> None:
    """Update or read."""
    what, folder, series = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if what == "read":
        now = int(time.time())
        began = time.perf_counter()
        for _ in range(int(sys.argv[4])):
            for triple in files(folder, series):
                whisper.fetch(str(triple[0]), now - 3649 * 86_400, now=now)
        print(time.perf_counter() - began)
        return
    minutes, batch = int(sys.argv[4]), int(sys.argv[5])
    now = int(time.time())
    begin = now - now % 60 - minutes * 60
    dice = random.Random(1)
    for triple in files(folder, series):
        for kind, path in zip(("average", "min", "max"), triple, strict=True):
            path.unlink(missing_ok=True)
            whisper.create(str(path), ARCHIVES, xFilesFactor=0.5, aggregationMethod=kind)
    values = [dice.random() for _ in range(minutes)]
    began = time.perf_counter()
    for first in range(0, minutes, batch):
        points = [
            (begin + 60 * number, values[number])
            for number in range(first, min(minutes, first + batch))
        ]
        for triple in files(folder, series):
            for path in triple:
                whisper.update_many(str(path), points)
    spent = time.perf_counter() - began
    size = sum(path.stat().st_size for path in files(folder, series)[0])
    print(spent, size)


if __name__ == "__main__":
    main()
