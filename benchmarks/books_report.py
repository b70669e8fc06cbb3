"""The report of a year, asked of the books' files: a process of its own, so that memory is known.

Reads {"what": …} lines, writes {"seconds", "peak_mib", "groups", "answer"} lines.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from benchmarks.books_data import FARM, ZONE, queue_ids, year
from grange.adapters.arrow import settle_arrow
from grange.adapters.duckdb.engine import DuckEngine
from grange.adapters.parquet.blocks import ParquetBlocks
from grange.books.aggregation import Aggregation, GroupBy, Statistic
from grange.books.periods import Period, buckets
from grange.books.questions.model import Need, Question
from grange.kernel.ids import FarmId
from grange.ports.state import ManifestRow
from grange.services.books.session_sums import sessions_begun, statistics_of
from grange.services.books.shelf import Fresh, View
from grange.services.books.tail import Memory

MANIFEST = "manifest.json"


def view_of(folder: Path, threads: int = 2) -> View:
    """Return a view of the files in a folder."""
    rows = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=list[ManifestRow])
    files: dict[str, list[ManifestRow]] = {}
    for row in rows:
        files.setdefault(row.table_name, []).append(row)
    return View(
        farm_id=FARM,
        now=year().end,
        files=files,
        fresh=Fresh({}, Memory(), {}),
        going={},
        engine=DuckEngine(folder, threads=threads),
        blocks=ParquetBlocks(folder),
    )


def split(view: View) -> pa.Table:
    """Ask as Deadline Cloud's statistics do: sessions cut at local midnights."""
    span = year()
    request = Aggregation(
        farm_id=FarmId(FARM),
        resource_column="queue_id",
        resource_ids=tuple(queue_ids()),
        span=span,
        group_by=(GroupBy.QUEUE_ID, GroupBy.USER_ID),
        statistics=frozenset(Statistic),
        period=Period.DAILY,
        timezone=None,
    )
    days = list(buckets(span, Period.DAILY, ZONE))
    found = statistics_of(view, request, days, span.end, 10_000_000)
    if found is None:
        raise RuntimeError("The sums of sessions were left to the query engine.")
    return found


def whole(view: View) -> pa.Table:
    """Ask for each session in the local day it began in."""
    span = year()
    days = list(buckets(span, Period.DAILY, ZONE))
    found = sessions_begun(view, span, days, ["queue_id", "user_name"])
    if found is None:
        raise RuntimeError("The sums of sessions were left to the query engine.")
    return found


def decode(view: View) -> pa.Table:
    """Let the query engine read the same columns and do next to nothing with them."""
    question = Question(
        sql="""SELECT sum(started_at) AS a, sum(ended_at) AS b, sum(strlen(queue_id)) AS c,
                      sum(strlen(user_name)) AS d FROM sessions""",
        needs=(Need(table="sessions"),),
    )
    return view.ask(question)


ASKED: dict[str, Callable[[View], pa.Table]] = {"split": split, "whole": whole, "decode": decode}


def answer_of(found: pa.Table) -> str:
    """Return a hash of (day, queue, user, sessions, sum, min, max), in order."""
    names = ["start_at", "queue_id", "user_name", "sessions", "runtime_sum", "runtime_min",
             "runtime_max"]  # fmt: skip
    rows = found.select(names).sort_by([(name, "ascending") for name in names[:3]])
    columns = [rows.column(name).to_pylist() for name in names]
    days = {at: f"{datetime.fromtimestamp(at / 1000, ZONE):%Y-%m-%d}" for at in set(columns[0])}
    lines = zip([days[at] for at in columns[0]], *columns[1:], strict=True)
    return digest(lines)


def digest(lines: Any) -> str:
    """Return a hash of rows of (day, queue, user, sessions, sum, min, max) in this order."""
    found = hashlib.sha256()
    for line in lines:
        found.update("\t".join(map(str, line)).encode() + b"\n")
    return found.hexdigest()[:16]


def peak_mib() -> float:
    """Return the most memory this process ever held."""
    # Not getrusage: what the parent held when it forked would count.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("The kernel does not say how much memory was held.")


def main() -> None:
    """Answer questions until standard input ends."""
    settle_arrow()  # as the process of the books does
    view = view_of(Path(sys.argv[1]))
    for line in sys.stdin:
        what = json.loads(line)["what"]
        began = time.perf_counter()
        found = ASKED[what](view)
        took = time.perf_counter() - began
        peak = peak_mib()
        answer = "" if what == "decode" else answer_of(found)
        told = {"seconds": took, "peak_mib": peak, "groups": found.num_rows, "answer": answer}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
