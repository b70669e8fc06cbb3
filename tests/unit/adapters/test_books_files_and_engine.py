"""Parquet files and DuckDB, for real."""

import errno
import os
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from grange.adapters.duckdb.engine import DuckEngine
from grange.adapters.parquet.blocks import TEMPORARY, ParquetBlocks
from grange.kernel.errors import CorruptDataError, StorageFullError, TooLargeError
from grange.ports.query import Files, Plan

ROWS = pa.table({"a": pa.array([1, 2], pa.int64()), "n": ["x", "it's"]})
PATH = "blocks/farm-1/events/2026-01-01T10.server.s1.parquet"


@pytest.fixture
def blocks(tmp_path):
    return ParquetBlocks(tmp_path)


@pytest.fixture
def engine(tmp_path):
    engine = DuckEngine(tmp_path, threads=1, memory_mib=64)
    yield engine
    engine.close()


# ── files ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_comes_back_as_it_was_written(blocks, tmp_path):
    written = blocks.write(PATH, ROWS, {"sequences": "1-2"})
    assert (written.path, written.row_count) == (PATH, 2)
    assert written.byte_count == (tmp_path / PATH).stat().st_size
    assert blocks.read(PATH).equals(ROWS)
    assert blocks.read(PATH, ["a"]).column_names == ["a"]
    assert blocks.describe(PATH) == written
    assert blocks.paths() == [PATH]
    metadata = pq.read_metadata(tmp_path / PATH)
    assert metadata.metadata[b"grange.sequences"] == b"1-2"
    assert metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_crash_leaves_nothing_behind_that_looks_whole(blocks, tmp_path):
    temporary = Path(blocks.temporary(PATH))
    temporary.write_bytes(b"half")
    assert temporary.name.endswith(TEMPORARY)
    assert blocks.paths() == []
    ParquetBlocks(tmp_path)
    assert not temporary.exists()


def test_a_file_written_elsewhere_can_be_adopted(blocks):
    temporary = blocks.temporary(PATH)
    pq.write_table(ROWS, temporary)
    assert blocks.adopt(temporary, PATH).row_count == 2
    assert blocks.read(PATH).equals(ROWS)


@pytest.mark.parametrize("harm", ["gone", "cut", "other"])
def test_a_damaged_file_is_named(blocks, tmp_path, harm):
    blocks.write(PATH, ROWS, {})
    path = tmp_path / PATH
    if harm == "gone":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[:-5])
    else:
        path.write_bytes(b"hello")
    for read in (blocks.read, blocks.describe):
        with pytest.raises(CorruptDataError, match="2026-01-01T10"):
            read(PATH)


@pytest.mark.parametrize("path", ["../x.parquet", "/etc/passwd", "state.db", "blocks/../state.db"])
def test_paths_that_climb_out_of_the_books_are_refused(blocks, path):
    with pytest.raises(CorruptDataError, match="outside"):
        blocks.read(path)


def test_a_full_disk_leaves_no_file(blocks, tmp_path, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFullError, match="stay in the journal"):
        blocks.write(PATH, ROWS, {})
    assert list(tmp_path.rglob("*.parquet*")) == []


def test_removing_a_file_that_is_gone_is_no_error(blocks):
    blocks.write(PATH, ROWS, {})
    blocks.remove(PATH)
    blocks.remove(PATH)
    assert blocks.paths() == []


# ── queries ───────────────────────────────────────────────────────────────────────────────────────


def files(tmp_path, *tables, schema=ROWS.schema, alike=True, row_count=None):
    paths = []
    for number, rows in enumerate(tables):
        path = tmp_path / f"it's {number}.parquet"
        pq.write_table(rows, path)
        paths.append(str(path))
    return Files(paths=paths, schema=schema, alike=alike, row_count=row_count)


def test_files_and_rows_are_relations(engine, tmp_path):
    plan = Plan(
        sql="SELECT n FROM f WHERE a >= $least UNION ALL SELECT n FROM r ORDER BY n",
        parameters={"least": 2},
        files={"f": files(tmp_path, ROWS)},
        rows={"r": pa.table({"n": ["z"]})},
    )
    assert engine.run(plan).column("n").to_pylist() == ["it's", "z"]


@pytest.mark.parametrize("alike", [True, False])
def test_few_rows_are_answered_as_many_are(engine, tmp_path, alike):
    """The shorter way gives the same rows, of the same types."""
    sql = """
        SELECT f.*, count(*) OVER (PARTITION BY n) AS c, a / 2 AS half, sum(a) OVER () AS hugeint,
               CASE WHEN a > $least THEN [a] END AS list, $least AS least, NULL AS nothing
        FROM f ORDER BY ALL"""
    answers = [
        engine.run(
            Plan(
                sql=sql,
                parameters={"least": 1},
                files={"f": files(tmp_path, ROWS, alike=alike, row_count=count)},
            )
        )
        for count in (None, ROWS.num_rows)
    ]
    assert answers[0].num_rows == ROWS.num_rows
    assert answers[0].schema == answers[1].schema
    assert answers[0].equals(answers[1])


def test_a_query_may_define_its_own_relations(engine, tmp_path):
    plan = Plan(
        sql="WITH big AS (SELECT * FROM f WHERE a > 1) SELECT count(*) AS c FROM big",
        files={"f": files(tmp_path, ROWS)},
    )
    assert engine.run(plan).to_pylist() == [{"c": 1}]


def test_files_of_an_older_catalog_have_empty_columns(engine, tmp_path):
    schema = ROWS.schema.append(pa.field("later", pa.int64()))
    newer = ROWS.append_column("later", pa.array([7, 8], pa.int64()))
    listed = files(tmp_path, ROWS, newer, schema=schema, alike=False)
    plan = Plan(sql="SELECT later FROM f ORDER BY later", files={"f": listed})
    assert engine.run(plan).column("later").to_pylist() == [7, 8, None, None]


def test_values_are_never_part_of_the_sql(engine):
    plan = Plan(
        sql="SELECT n FROM r WHERE n = $name",
        parameters={"name": "' OR 1=1 --"},
        rows={"r": pa.table({"n": ["secret"]})},
    )
    assert engine.run(plan).num_rows == 0


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_parquet('/proc/self/environ')",
        "SELECT * FROM 'http://127.0.0.1:1/x.parquet'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET threads = 8",
    ],
)
def test_a_query_reaches_nothing_outside_the_data_folder(engine, sql):
    """Invariant 8: nothing leaves the host; and no setting can be changed."""
    with pytest.raises(Exception, match=r"(?i)permission|configuration|disabled|extension"):
        engine.run(Plan(sql=sql))


def test_a_long_query_is_stopped_with_advice(engine):
    plan = Plan(
        sql="SELECT count(*) FROM range(100000) a, range(1000000) b WHERE a.range * b.range % 7 = 1"
    )
    with pytest.raises(TooLargeError, match=r"longer than 0.1 s. Ask for a shorter range"):
        engine.run(plan, timeout_seconds=0.1)
    assert engine.run(Plan(sql="SELECT 1 AS one"), timeout_seconds=100).num_rows == 1


def test_a_query_that_needs_too_much_memory_is_refused_with_advice(engine):
    plan = Plan(
        sql="SELECT list(range) AS everything FROM range(60000000)",
    )
    with pytest.raises(TooLargeError, match="more memory"):
        engine.run(plan)


def test_a_damaged_file_is_said(engine, tmp_path):
    listed = files(tmp_path, ROWS)
    Path(listed.paths[0]).write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(CorruptDataError):
        engine.run(Plan(sql="SELECT * FROM f", files={"f": listed}))


def test_results_can_be_written_in_order(engine, tmp_path):
    target = str(tmp_path / "sorted.parquet")
    engine.copy(
        Plan(sql="SELECT * FROM f ORDER BY a DESC", files={"f": files(tmp_path, ROWS)}),
        target,
        row_group_rows=1,
    )
    assert pq.read_table(target).column("a").to_pylist() == [2, 1]


def test_many_threads_may_ask_at_once(engine, tmp_path):
    listed = files(tmp_path, ROWS)
    found: list[int] = []

    def ask(number: int) -> None:
        plan = Plan(
            sql="SELECT sum(a) + sum(x) AS total FROM f, r",
            files={"f": listed},
            rows={"r": pa.table({"x": [number]})},
        )
        found.append(int(engine.run(plan).column("total")[0].as_py()))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [3 + 2 * number for number in range(8)]
