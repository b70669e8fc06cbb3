"""The report of a year: sessions by queue and user per local day, in a zone with summer time."""

import asyncio
import csv
import io
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import numpy as np

from benchmarks.books_data import FARM, ZONE, Sessions, queue_ids, user_names, write_sessions, year
from benchmarks.books_report import MANIFEST, digest
from benchmarks.contest import Contestant, Goal, Table, held
from benchmarks.environments import peer
from grange.books.periods import Period, buckets
from grange.books.questions.usage import places_of
from grange.kernel.units import Instant

MILLION = 1_000_000
ROOT = Path(__file__).resolve().parents[1]
OURS, SPLIT, DECODE = "Grange", "Grange, sessions split at midnight", "bare decoding"
PG, PG_LOOKUP, LITE = "PostgreSQL", "PostgreSQL, given our lookup", "SQLite, given our lookup"
POLARS, CHDB = "Polars", "chDB on Parquet"


class Asked:
    """A process that answers the report, once for each line."""

    def __init__(self, stack: ExitStack, words: Sequence[str], line: dict[str, str]) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(list(words), stdin=pipe, stdout=pipe, text=True, cwd=ROOT)
        stack.callback(self._end)
        self._line = json.dumps(line) + "\n"
        self.answers: set[tuple[int, str]] = set()
        self.peak_mib = 0.0

    def __call__(self) -> float:
        """Run a round and return its seconds."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("The process has no pipes.")
        stdin.write(self._line)
        stdin.flush()
        told = json.loads(stdout.readline())
        # Of the first round: afterwards this process has also held the answer as Python values.
        self.peak_mib = self.peak_mib or told["peak_mib"]
        if told["answer"]:
            self.answers.add((told["groups"], told["answer"]))
        return float(told["seconds"])

    def _end(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


class InSql:
    """A database in which the report is a statement."""

    def __init__(self, ask: Callable[[], list[Any]]) -> None:
        self._ask = ask
        self.answers: set[tuple[int, str]] = set()

    def __call__(self) -> float:
        """Run a round and return its seconds."""
        began = time.perf_counter()
        rows = self._ask()
        took = time.perf_counter() - began
        self.answers.add((len(rows), digest(sorted(tuple(map(str, row)) for row in rows))))
        return took


_GROUPED = """count(*), sum(ended_at - started_at)::bigint, min(ended_at - started_at),
              max(ended_at - started_at)"""


def _postgres(url: str, sessions: Sessions) -> dict[str, Callable[[], list[Any]]]:
    """Load the table and return the two statements."""
    loop = asyncio.new_event_loop()

    async def load() -> asyncpg.Connection:
        connection = await asyncpg.connect(url)
        for line in ("work_mem = '256MB'", "max_parallel_workers_per_gather = 2"):
            await connection.execute(f"SET {line}")
        await connection.execute("DROP TABLE IF EXISTS s, places")
        await connection.execute(
            "CREATE UNLOGGED TABLE s (started_at bigint, ended_at bigint, queue_id text, "
            "user_name text)"
        )
        for part in _csv(sessions):
            await connection.copy_to_table("s", source=part, format="csv")
        await connection.execute(
            "CREATE TABLE places (place bigint PRIMARY KEY, day text NOT NULL)"
        )
        await connection.copy_records_to_table("places", records=_places())
        await connection.execute("VACUUM ANALYZE s")
        await connection.execute("ANALYZE places")
        return connection

    connection = loop.run_until_complete(load())
    own = (
        f"SELECT timezone($1, to_timestamp(started_at / 1000.0))::date AS day, queue_id, "
        f"user_name, {_GROUPED} FROM s GROUP BY 1, 2, 3"
    )
    looked = (
        f"SELECT day, queue_id, user_name, {_GROUPED} FROM s JOIN places "
        "ON place = started_at / 3600000 GROUP BY 1, 2, 3"
    )

    def ask(text: str, *arguments: Any) -> Callable[[], list[Any]]:
        return lambda: loop.run_until_complete(connection.fetch(text, *arguments))

    return {PG: ask(own, ZONE.key), PG_LOOKUP: ask(looked)}


def _sqlite(path: Path, sessions: Sessions) -> Callable[[], list[Any]]:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -262144")
    connection.execute(
        "CREATE TABLE s (started_at INTEGER, ended_at INTEGER, queue INTEGER, user INTEGER)"
    )
    connection.execute("CREATE TABLE places (place INTEGER PRIMARY KEY, day TEXT)")
    connection.execute("CREATE TABLE queues (id INTEGER PRIMARY KEY, queue_id TEXT)")
    connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, user_name TEXT)")
    connection.executemany("INSERT INTO queues VALUES (?, ?)", enumerate(queue_ids()))
    connection.executemany("INSERT INTO users VALUES (?, ?)", enumerate(user_names()))
    connection.executemany("INSERT INTO places VALUES (?, ?)", _places())
    for first in range(0, len(sessions), MILLION):
        part = slice(first, first + MILLION)
        connection.executemany(
            "INSERT INTO s VALUES (?, ?, ?, ?)",
            zip(
                sessions.start[part].tolist(), sessions.end[part].tolist(),
                sessions.queue[part].tolist(), sessions.user[part].tolist(), strict=True,
            ),
        )  # fmt: skip
    connection.commit()
    text = """
        SELECT day, queue_id, user_name, n, total, least, most FROM (
          SELECT day, queue, user, count(*) AS n, sum(ended_at - started_at) AS total,
                 min(ended_at - started_at) AS least, max(ended_at - started_at) AS most
          FROM s JOIN places ON place = started_at / 3600000 GROUP BY day, queue, user
        ) JOIN queues ON queues.id = queue JOIN users ON users.id = user"""
    return lambda: connection.execute(text).fetchall()


def _places() -> list[tuple[int, str]]:
    """Return which local day each hour lies in, for databases that look it up as Grange does."""
    span = year()
    days = list(buckets(span, Period.DAILY, ZONE))
    places = places_of(days)
    names = {
        day.start: f"{datetime.fromtimestamp(day.start / 1000, ZONE):%Y-%m-%d}" for day in days
    }
    return [
        (places.first + number, names[Instant(start)]) for number, start in enumerate(places.starts)
    ]


def _csv(sessions: Sessions) -> Iterator[io.BytesIO]:
    queues, users = np.array(queue_ids()), np.array(user_names())
    for first in range(0, len(sessions), MILLION):
        part = slice(first, first + MILLION)
        text = io.StringIO()
        csv.writer(text).writerows(
            zip(
                sessions.start[part].tolist(), sessions.end[part].tolist(),
                queues[sessions.queue[part]].tolist(), users[sessions.user[part]].tolist(),
                strict=True,
            )
        )  # fmt: skip
        yield io.BytesIO(text.getvalue().encode())


def contests(
    folder: Path, postgres: str | None, rounds: int, scale: float, *, with_peers: bool
) -> tuple[list[Table], list[Goal]]:
    """Ask for the report of 10 million and of 100 million sessions."""
    tables, goals = [], []
    for millions in (10, 100):
        count = max(10_000, round(millions * MILLION * scale))
        with tempfile.TemporaryDirectory(dir=folder) as place, ExitStack() as stack:
            found = _contest(
                stack,
                Path(place),
                postgres=postgres,
                rounds=rounds,
                count=count,
                large=millions > 10,
                with_peers=with_peers,
            )
        tables += found[0]
        goals += found[1]
    return tables, goals


def _contest(
    stack: ExitStack,
    place: Path,
    *,
    postgres: str | None,
    rounds: int,
    count: int,
    large: bool,
    with_peers: bool,
) -> tuple[list[Table], list[Goal]]:
    sessions = Sessions(count)
    files = write_sessions(place, sessions)
    (place / MANIFEST).write_bytes(msgspec.json.encode(files))
    blocks = place / "blocks" / FARM / "sessions"
    ours = [sys.executable, "-m", "benchmarks.books_report", str(place)]
    asked: dict[str, Asked | InSql] = {
        OURS: Asked(stack, ours, {"what": "whole"}),
        SPLIT: Asked(stack, ours, {"what": "split"}),
        DECODE: Asked(stack, ours, {"what": "decode"}),
    }
    if with_peers:
        python = peer("Polars")
        script = str(Path(__file__).parent / "peers" / "usage_reports.py")
        for name, engine in ((POLARS, "polars"), (CHDB, "chdb")):
            words = [python, script, engine, str(blocks), ZONE.key]
            asked[name] = Asked(stack, words, {})
        if not large:
            if postgres is not None:
                for name, ask in _postgres(postgres, sessions).items():
                    asked[name] = InSql(ask)
            asked[LITE] = InSql(_sqlite(place / "s.db", sessions))
    del sessions
    table = Table(
        f"Report: {count / MILLION:g} M sessions by queue and user per day, {ZONE.key}",
        "s",
        higher_is_better=False,
    )
    held(table, [Contestant(name, run) for name, run in asked.items()], rounds)
    return _judged(table, asked, sum(row.byte_count for row in files), count, large=large)


def _judged(
    table: Table, asked: dict[str, Asked | InSql], size: int, count: int, *, large: bool
) -> tuple[list[Table], list[Goal]]:
    answers = set().union(*(run.answers for name, run in asked.items() if name != SPLIT))
    if len(answers) != 1 or len(asked[SPLIT].answers) != 1:
        told = {name: run.answers for name, run in asked.items()}
        raise RuntimeError(f"The answers differ: {told}")
    ((groups, answer),) = answers
    table.notes.append(f"{groups} groups, the same everywhere ({answer}); {size / count:.1f} B/row")
    peak = Table(f"{table.title}: most memory", "MiB", higher_is_better=False)
    for name, run in asked.items():
        if isinstance(run, Asked):
            peak.figures[name] = [run.peak_mib]
    what = table.title.split(":")[1].strip().split(" sessions")[0]
    own, cut, bare = table.median(OURS), table.median(SPLIT), table.median(DECODE)
    goals = []
    if large:
        goals += [
            Goal(f"Report, {what}: time ÷ bare decoding", 4.0, own / bare, at_most=True),
            Goal(f"Report, {what}, split: time ÷ bare decoding", 5.5, cut / bare, at_most=True),
        ]
    else:
        goals.append(Goal(f"Report, {what}: MiB", 300.0, peak.median(OURS), at_most=True))
        for name, wanted in ((PG, 3.0), (LITE, 15.0), (CHDB, 1.0)):
            if name in table.figures:
                goals.append(Goal(f"Report, {what}: vs {name}", wanted, table.median(name) / own))
    return [table, peak], goals
