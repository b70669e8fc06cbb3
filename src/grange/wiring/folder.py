"""The books of a data folder for a reader in this process: nothing is decided, sealed or moved."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grange.adapters.duckdb.engine import DuckEngine
from grange.adapters.host.clock import SystemClock
from grange.adapters.journal.reader import JournalFolder
from grange.adapters.parquet.blocks import ParquetBlocks
from grange.adapters.sqlite.store import SqliteStore
from grange.domain.farm import Farm
from grange.kernel.clock import Clock
from grange.kernel.errors import ConfigurationError, CorruptDataError
from grange.services.books.marks import marked_simulated
from grange.services.library import Books
from grange.wiring.farm_plan import own_farms

STATE = "state.db"


class FolderBooks:
    """Answers the questions of the books from files. Thread-safe.

    A server may be running over the same folder: each question sees what was acknowledged before
    it. The farm's state must be in the folder too (SQLite); with PostgreSQL, ask the server.
    """

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        """Open the books of a folder.

        Args:
            folder: the data folder of a server.
            clock: the clock; default: the machine's.

        Raises:
            ConfigurationError: the folder is no data folder, or of another version.
        """
        if not (folder / STATE).is_file():
            raise ConfigurationError(
                f"{folder} is no data folder of a Grange server: it has no {STATE}."
            )
        self._books = Books(
            store=SqliteStore(folder / STATE, read_only=True, readers=1),
            journal=JournalFolder(folder / "journal"),
            blocks=ParquetBlocks(folder, reading=True),
            engine=DuckEngine(folder, threads=2),
            clock=clock or SystemClock(),
        )
        self._books.open()

    def farms(self) -> list[str]:
        """Return the ids of the folder's farms; of simulated ones if there are no others."""
        return sorted(farm.farm_id for farm in own_farms(self._books.state.find(Farm)))

    def ask(self, question: str, arguments: Mapping[str, Any]) -> Any:
        """Return the answer to a question in plain values.

        Args:
            question: its name.
            arguments: as the server would put them; `farm_id` among them.

        Raises:
            GrangeError: as the books answer.
        """
        self._books.shelf.renew()
        try:
            answer = self._books.call(question, arguments)
        except CorruptDataError:
            # A file was put together with others and deleted while it was asked about.
            self._books.shelf.renew()
            answer = self._books.call(question, arguments)
        farm_id = arguments.get("farm_id")
        simulated = farm_id is not None and self._books.desk.farm(farm_id).simulated
        return marked_simulated(answer) if simulated else answer

    def close(self) -> None:
        """Close all files."""
        self._books.close()
