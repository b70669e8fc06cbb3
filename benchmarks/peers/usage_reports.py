"""The report of a year by Polars or chDB: sessions by queue and user per local day.

Arguments: `polars` or `chdb`, the folder of Parquet files, the zone. For each line on standard
input one round: {"seconds", "peak_mib", "groups", "answer"}.
"""

import hashlib
import json
import sys
import time
from pathlib import Path


def by_polars(folder: Path, zone: str) -> list:
    import polars as pl  # noqa: PLC0415 - one of the two, in a process of its own

    length = pl.col("ended_at") - pl.col("started_at")
    day = (
        pl.from_epoch("started_at", time_unit="ms")
        .dt.replace_time_zone("UTC")
        .dt.convert_time_zone(zone)
        .dt.date()
    )
    found = (
        pl.scan_parquet(sorted(folder.glob("*.parquet")))
        .group_by(day.alias("day"), "queue_id", "user_name")
        .agg(
            pl.len().alias("sessions"),
            length.sum().alias("sum"),
            length.min().alias("min"),
            length.max().alias("max"),
        )
        .collect(engine="streaming")
    )
    return lambda: found.sort("day", "queue_id", "user_name").rows()


def by_chdb(folder: Path, zone: str) -> list:
    import chdb  # noqa: PLC0415

    found = chdb.query(
        f"""SELECT toString(toDate(fromUnixTimestamp64Milli(started_at, '{zone}'))) AS day,
            queue_id, user_name, count(), sum(ended_at - started_at), min(ended_at - started_at),
            max(ended_at - started_at)
            FROM file('{folder}/*.parquet', 'Parquet') GROUP BY day, queue_id, user_name""",
        "TabSeparated",
    ).bytes()
    return lambda: sorted(tuple(line.split("\t")) for line in found.decode().splitlines())


ENGINES = {"polars": by_polars, "chdb": by_chdb}


def main() -> None:
    engine, folder, zone = ENGINES[sys.argv[1]], Path(sys.argv[2]), sys.argv[3]
    for _ in sys.stdin:
        began = time.perf_counter()
        rows = engine(folder, zone)
        took = time.perf_counter() - began
        status = Path("/proc/self/status").read_text()
        peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
        found = hashlib.sha256()
        groups = 0
        for row in rows():
            groups += 1
            found.update("\t".join(map(str, row)).encode() + b"\n")
        told = {
            "seconds": took,
            "peak_mib": peak,
            "groups": groups,
            "answer": found.hexdigest()[:16],
        }
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
