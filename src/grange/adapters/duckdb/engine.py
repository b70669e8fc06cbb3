"""Questions run by DuckDB: in this process, limited in threads and memory, without extensions."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from grange.kernel.errors import CorruptDataError, StorageFullError, TooLargeError
from grange.ports.query import Files, Plan, too_late

_INTERRUPT_SECONDS = 0.02
_FEW_ROWS = 200_000
"""Of all that is read. An answer from so few is found by planning once and copied once more; a
large one is planned twice and never copied. Planning is most of the work of a short question."""

warnings.filterwarnings("ignore", "Arrow output on a DB-API result", UserWarning)  # that copy


class DuckEngine:
    """Runs SQL over Parquet files and Arrow tables; see `ports.query.QueryEngine`.

    DuckDB may read and write below the data folder only, and loads nothing from elsewhere.
    """

    def __init__(self, root: Path, *, threads: int = 2, memory_mib: int = 1024) -> None:
        """Open an empty database in memory.

        Args:
            root: the data folder; work that does not fit in memory spills there.
            threads: processor threads to use.
            memory_mib: memory to use.
        """
        self._changed = threading.Condition()
        self._asking: list[duckdb.DuckDBPyConnection] = []
        root = root.resolve()
        spill = root / "spill"
        spill.mkdir(parents=True, exist_ok=True)
        self._database = duckdb.connect(
            ":memory:",
            config={
                "threads": threads,
                "memory_limit": f"{memory_mib}MiB",
                "temp_directory": str(spill),
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "preserve_insertion_order": "true",
            },
        )
        self._database.execute("SET GLOBAL parquet_metadata_cache = true")
        # It spreads the many sums of a cost question over its joins: planning takes three times as
        # long as all the rest, and nothing is won by it.
        self._database.execute("SET disabled_optimizers = 'partial_aggregate_pushdown'")
        self._database.execute(f"SET allowed_directories = [{_quoted(str(root))}]")
        self._database.execute("SET enable_external_access = false")
        self._database.execute("SET lock_configuration = true")

    def run(self, plan: Plan, *, timeout_seconds: float | None = None) -> pa.Table:
        """Return the result as an Arrow table."""
        with self._prepared(plan) as cursor, _deadline(cursor, timeout_seconds):
            sql, parameters = _complete(plan), dict(plan.parameters)
            if _reads_few(plan):
                return cursor.execute(sql, parameters).to_arrow_table()
            return cursor.sql(sql, params=parameters).to_arrow_table()

    def copy(self, plan: Plan, path: str, *, row_group_rows: int) -> None:
        """Write the result to a Parquet file."""
        with self._prepared(plan) as cursor:
            cursor.execute(
                f"COPY ({_complete(plan)}) TO {_quoted(path)} "
                f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {row_group_rows}, "
                "PARQUET_VERSION V2)",  # its encodings halve numbers, and are read faster
                dict(plan.parameters),
            )

    def close(self) -> None:
        """Close the database; questions that are being asked are broken off first."""
        with self._changed:
            while self._asking:
                for cursor in self._asking:
                    cursor.interrupt()  # again and again: one before it has begun is forgotten
                self._changed.wait(_INTERRUPT_SECONDS)
            self._database.close()

    @contextmanager
    def _prepared(self, plan: Plan) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._changed:
            cursor = self._database.cursor()
            self._asking.append(cursor)
        try:
            for name, rows in plan.rows.items():
                cursor.register(name, rows)
            for name, files in plan.files.items():
                if not files.alike:
                    cursor.register(f"{name}__schema", files.schema.empty_table())
            yield cursor
        except duckdb.OutOfMemoryException as error:
            raise TooLargeError(
                "The question needs more memory than the books may use. Ask for a shorter range, "
                "fewer resources or longer periods."
            ) from error
        except duckdb.IOException as error:
            if "space" in str(error):
                raise StorageFullError(
                    f"The disk is full: {error}", retry_after_seconds=60
                ) from error
            raise CorruptDataError("blocks", str(error)) from error
        except duckdb.InvalidInputException as error:
            raise CorruptDataError("blocks", str(error)) from error
        finally:
            cursor.close()
            with self._changed:
                self._asking = [one for one in self._asking if one is not cursor]
                self._changed.notify_all()


@contextmanager
def _deadline(cursor: duckdb.DuckDBPyConnection, timeout_seconds: float | None) -> Iterator[None]:
    if timeout_seconds is None:
        yield
        return
    done, late = threading.Event(), threading.Event()

    def watch() -> None:
        # Again and again: an interrupt before the query has begun is forgotten.
        if not done.wait(timeout_seconds):
            late.set()
            while not done.wait(_INTERRUPT_SECONDS):
                cursor.interrupt()

    watcher = threading.Thread(target=watch, name="books-deadline", daemon=True)
    watcher.start()
    try:
        yield
    except duckdb.InterruptException as error:
        if not late.is_set():
            raise
        raise too_late(timeout_seconds) from error
    finally:
        done.set()
        watcher.join()


def _reads_few(plan: Plan) -> bool:
    counts: list[int] = [rows.num_rows for rows in plan.rows.values()]
    for files in plan.files.values():
        if files.row_count is None:
            return False
        counts.append(files.row_count)
    return sum(counts) <= _FEW_ROWS


def _complete(plan: Plan) -> str:
    """Return the SQL with the relations of files defined in front."""
    if not plan.files:
        return plan.sql
    parts = ", ".join(
        f"{name} AS NOT MATERIALIZED ({_reading(name, files)})"
        for name, files in plan.files.items()
    )
    sql = plan.sql.strip()
    return f"WITH {parts}, {sql[5:]}" if sql.startswith("WITH ") else f"WITH {parts} {sql}"


def _reading(name: str, files: Files) -> str:
    listed = ", ".join(_quoted(path) for path in files.paths)
    if files.alike:
        return f"SELECT * FROM read_parquet([{listed}])"  # noqa: S608 - paths of the manifest
    return (
        f"SELECT * FROM {name}__schema UNION ALL BY NAME "  # noqa: S608 - names of the catalog
        f"SELECT * FROM read_parquet([{listed}], union_by_name = true)"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
