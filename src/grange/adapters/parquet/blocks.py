"""Immutable Parquet files below the data folder."""

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from grange.adapters.durable import sync
from grange.adapters.parquet.parts import FileParts
from grange.books.rows import row_group_rows
from grange.kernel.errors import CorruptDataError, StorageFullError
from grange.kernel.intervals import Span
from grange.ports.blocks import WrittenFile

_ENDS_KEPT_BYTES = 32 * 1024 * 1024
"""The ends of files are remembered, up to so much of the files in all."""
TEMPORARY = ".unfinished"
_UNREADABLE = (OSError, pa.ArrowException, UnicodeDecodeError)
"""What reading a damaged file raises; the last where the names of its columns are damaged."""
_FOLDERS = ("blocks", "rollups")


class ParquetBlocks:
    """Files under `blocks/` and `rollups/`; see `ports.blocks.Blocks`."""

    def __init__(self, root: Path, *, reading: bool = False) -> None:
        """Keep files below a data folder; what a crash left unfinished is deleted.

        Args:
            root: the data folder.
            reading: True for a reader beside a server, which touches nothing.
        """
        self._root = root.resolve()
        self._guard = threading.Lock()
        self._parts: dict[Path, FileParts] = {}
        self._ends_bytes = 0
        if reading:
            return
        for name in _FOLDERS:
            folder = self._root / name
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.rglob(f"*{TEMPORARY}"):
                path.unlink()

    def write(self, path: str, rows: pa.Table, provenance: Mapping[str, str]) -> WrittenFile:
        """Write a table; see `ports.blocks`."""
        temporary = self.temporary(path)
        metadata = {f"grange.{name}": value for name, value in provenance.items()}
        schema = rows.schema.with_metadata(metadata)
        instants = _instants(schema)
        try:
            pq.write_table(
                rows.cast(schema),
                temporary,
                compression="zstd",
                row_group_size=row_group_rows(rows.schema.names, rows.num_rows),
                write_statistics=True,
                use_dictionary=[name for name in schema.names if name not in instants],
                column_encoding=dict.fromkeys(instants, "DELTA_BINARY_PACKED"),
            )
            return self.adopt(temporary, path)
        except OSError as error:
            Path(temporary).unlink(missing_ok=True)
            raise StorageFullError(
                f"{path} cannot be written: {error}. Free some space; the facts stay in the "
                "journal.",
                retry_after_seconds=60,
            ) from error

    def read_workers(
        self,
        path: str,
        columns: Sequence[str],
        worker_ids: Sequence[str],
        time_column: str,
        span: Span,
    ) -> pa.Table:
        """Return some workers' rows of a span; see `ports.blocks`."""
        place = self._place(path)
        try:
            known = self._known(place)
            names = known.known(columns)
            with (
                pa.OSFile(str(place)) as source,
                pq.ParquetFile(
                    source,
                    metadata=known.metadata,
                    read_dictionary=known.coded(["worker_id"]),
                    pre_buffer=False,
                ) as file,
            ):
                found = [
                    known.rows(
                        file,
                        group,
                        names,
                        worker_ids=worker_ids,
                        time_column=time_column,
                        span=span,
                    )
                    for group in known.groups_of(worker_ids, time_column, span)
                ]
        except _UNREADABLE as error:
            raise CorruptDataError(path, f"cannot be read: {error}") from error
        some = [rows for rows in found if rows is not None]
        return pa.concat_tables(some) if some else known.empty(names)

    def _known(self, place: Path) -> FileParts:
        """Return what the end of a file says; files never change, so it is read once."""
        with self._guard:
            found = self._parts.get(place)
        if found is None:
            found = FileParts(pq.read_metadata(place))
        with self._guard:
            known = self._parts.pop(place, None)
            self._ends_bytes += 0 if known is not None else found.metadata.serialized_size
            self._parts[place] = found
            while self._ends_bytes > _ENDS_KEPT_BYTES and len(self._parts) > 1:
                oldest = self._parts.pop(next(iter(self._parts)))
                self._ends_bytes -= oldest.metadata.serialized_size
        return found

    def adopt(self, temporary: str, path: str) -> WrittenFile:
        """Make a finished file durable and give it its name."""
        target = self._place(path)
        with Path(temporary).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
            size = file.tell()
        rows = pq.read_metadata(temporary).num_rows
        Path(temporary).rename(target)
        sync(target.parent)
        return WrittenFile(path=path, row_count=rows, byte_count=size, sha256=digest)

    def temporary(self, path: str) -> str:
        """Return the name a file has until it is whole."""
        target = self._place(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        return f"{target}{TEMPORARY}"

    def read(self, path: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Return a file's rows."""
        try:
            with pq.ParquetFile(self._place(path)) as file:
                return file.read(None if columns is None else list(columns))
        except _UNREADABLE as error:
            raise CorruptDataError(path, f"cannot be read: {error}") from error

    def read_parts(self, path: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield a file's rows part by part; see `ports.blocks`."""
        place = self._place(path)
        try:
            known = self._known(place)
            names = known.known(columns)
            with pq.ParquetFile(
                place,
                metadata=known.metadata,
                read_dictionary=known.coded(names),
                pre_buffer=False,
            ) as file:
                for group in range(known.metadata.num_row_groups):
                    rows = file.read_row_group(group, names)
                    for name in columns:
                        if name not in names:
                            rows = rows.append_column(name, pa.nulls(rows.num_rows))
                    yield rows.select(list(columns))
        except _UNREADABLE as error:
            raise CorruptDataError(path, f"cannot be read: {error}") from error

    def location(self, path: str) -> str:
        """Return the absolute name of a file."""
        return str(self._place(path))

    def describe(self, path: str) -> WrittenFile:
        """Return what a file is now."""
        try:
            with self._place(path).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                size = file.tell()
            rows = pq.read_metadata(self._place(path)).num_rows
        except _UNREADABLE as error:
            raise CorruptDataError(path, f"cannot be read: {error}") from error
        return WrittenFile(path=path, row_count=rows, byte_count=size, sha256=digest)

    def remove(self, path: str) -> None:
        """Delete a file."""
        self._place(path).unlink(missing_ok=True)

    def paths(self) -> Sequence[str]:
        """Return every file, live or not."""
        return sorted(
            path.relative_to(self._root).as_posix()
            for name in _FOLDERS
            for path in (self._root / name).rglob("*.parquet")
        )

    def room(self) -> int:
        """Return how many bytes are free."""
        found = os.statvfs(self._root)
        return found.f_bavail * found.f_frsize

    def _place(self, path: str) -> Path:
        parts = PurePosixPath(path).parts
        if not parts or parts[0] not in _FOLDERS or ".." in parts:
            raise CorruptDataError(path, "lies outside the folders of the books")
        return self._root.joinpath(*parts)


def _instants(schema: pa.Schema) -> list[str]:
    """Return the columns that hold instants: steps from row to row are small, values are not."""
    return [
        field.name
        for field in schema
        if field.type == pa.int64() and (field.name == "at" or field.name.endswith("_at"))
    ]
