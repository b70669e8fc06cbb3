"""Log lines for tests of graphs and pages, and what they add up to, reckoned plainly."""

import io
import random
from statistics import fmean
from typing import Any

import pyarrow as pa

from grange.books.catalog.registry import TABLES
from grange.books.catalog.schema import arrow_table
from grange.kernel.units import MILLIS_PER_HOUR, MILLIS_PER_MINUTE
from grange.testing.facts import FARM


def line(at, stream="archive", kind="tx", machine="ada", number=0, **changes):
    """Return one row of log_lines."""
    return {
        "farm_id": FARM,
        "stream": stream,
        "kind": kind,
        "machine": machine,
        "at": at,
        "latency_ms": 2000,
        "bytes": 100,
        "error": False,
        "product": "SA_1",
        "object_name": f"file-{number}",
        "log_file": "tx_archive.log",
        "file_identity": f"{stream}-{machine}",
        "offset": number * 100,
        "metrics": None,
        **changes,
    }


def busy(start, hours, *, seed=1, per_minute=2.0, silent_hours=(), **changes):
    """Return lines of a stream that is heard in every hour but some."""
    chance = random.Random(seed)
    found: list[dict[str, Any]] = []
    for hour in range(hours):
        if hour in silent_hours:
            continue
        first = start + hour * MILLIS_PER_HOUR
        for number in range(round(per_minute * 60)):
            at = first + number * MILLIS_PER_HOUR // round(per_minute * 60) + chance.randrange(900)
            is_error = chance.random() < 0.05
            found.append(
                line(
                    at,
                    number=len(found),
                    latency_ms=None if is_error else round(chance.expovariate(1 / 4000)),
                    bytes=0 if is_error else chance.randrange(1, 5_000_000),
                    error=is_error,
                    product=None if is_error else chance.choice(["SA_1", "FC_2", "UA_3"]),
                    **changes,
                )
            )
    return found


def hand_in(farm, rows):
    """Hand in lines to a running farm, as a collector does."""
    spec = TABLES["log_lines"]
    names = [name for name in spec.column_names if name != "farm_id"]
    table = arrow_table(spec, rows).select(names)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    farm.connect().upload(f"/api/v1/farms/{farm.farm_id}/streams/lines", sink.getvalue())


def figures(rows, *, known_minutes, limit_ms=15_000):
    """Return lowest, mean, highest and total of each measure, from the lines alone."""
    files = [row for row in rows if not row["error"]]
    latencies = [row["latency_ms"] / 1000 for row in files if row["latency_ms"] is not None]
    told: dict[str, tuple[Any, ...]] = {
        "latency": (min(latencies), fmean(latencies), max(latencies), None)
    }
    counted = {
        "bytes": [(row["at"], row["bytes"]) for row in files],
        "files": [(row["at"], 1) for row in files],
        "errors": [(row["at"], 1) for row in rows if row["error"]],
        "late": [(row["at"], 1) for row in files if (row["latency_ms"] or 0) > limit_ms],
    }
    for measure, events in counted.items():
        minutes = dict.fromkeys(known_minutes, 0)
        for at, amount in events:
            minutes[at - at % MILLIS_PER_MINUTE] += amount
        values = list(minutes.values())
        told[measure] = (min(values), fmean(values), max(values), sum(values))
    return told
