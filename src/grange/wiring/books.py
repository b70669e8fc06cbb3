"""The books: what answers each question, and the two ways to reach it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Self

from grange.adapters.arrow import settle_arrow
from grange.adapters.duckdb.engine import DuckEngine
from grange.adapters.host.clock import SystemClock
from grange.adapters.journal.reader import JournalFolder
from grange.adapters.painters import PainterProcesses
from grange.adapters.parquet.blocks import ParquetBlocks
from grange.adapters.rings.files import RINGS
from grange.adapters.rings.folder import SharedRings
from grange.adapters.sites import FolderSites
from grange.config.settings import ServerSettings
from grange.kernel.clock import Clock
from grange.kernel.errors import GrangeError
from grange.server.books_rpc import Answer, answer_of
from grange.server.ports import BooksDoor
from grange.services.graphs import draw
from grange.services.library import ANSWERS, QUESTIONS, Books
from grange.services.streams.pages import draw_pages, latest_picture, site_file, site_files
from grange.wiring.state import open_store

UPKEEP_SECONDS = 30.0
_AT_ONCE = 4
"""Questions answered at the same time."""

_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def open_books(
    settings: ServerSettings, clock: Clock | None = None
) -> AsyncIterator[Mapping[str, Answer]]:
    """Keep the books of a data folder inside the block; yields what answers each question."""
    clock = clock or SystemClock()
    settle_arrow()
    folder = settings.data_dir
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="books")
    loop = asyncio.get_running_loop()

    def opened() -> Books:
        (folder / "journal").mkdir(parents=True, exist_ok=True)
        books = Books(
            store=open_store(settings, owner=False),
            journal=JournalFolder(folder / "journal"),
            blocks=ParquetBlocks(folder),
            engine=DuckEngine(
                folder, threads=settings.books_threads, memory_mib=settings.books_memory_mib
            ),
            clock=clock,
            rings=SharedRings(folder / RINGS),
        )
        books.open()
        return books

    def answer(ask: Callable[..., Any]) -> Answer:
        async def run(**arguments: Any) -> Any:
            return await loop.run_in_executor(pool, partial(ask, **arguments))

        return run

    books = await loop.run_in_executor(pool, opened)
    upkeep = asyncio.create_task(_keep_up(books, clock, pool), name="books-upkeep")
    try:
        answers = {name: answer(getattr(books, name)) for name in QUESTIONS}
        answers |= {name: answer(partial(ask, books.desk)) for name, ask in ANSWERS.items()}
        sites = FolderSites(folder / "pages")
        painters = PainterProcesses()
        yield {
            **answers,
            "graph": answer(partial(draw, books)),
            "stream_pages": answer(partial(draw_pages, books.desk, sites, painters)),
            "stream_latest": answer(partial(latest_picture, books.desk, sites)),
            "stream_page_files": answer(partial(site_files, sites)),
            "stream_page": answer(partial(site_file, sites)),
        }
    finally:
        upkeep.cancel()
        await asyncio.gather(upkeep, return_exceptions=True)
        await loop.run_in_executor(pool, books.close)
        pool.shutdown()


async def _keep_up(books: Books, clock: Clock, pool: ThreadPoolExecutor) -> None:
    """Seal, roll up and compact what is ready, for ever."""
    loop = asyncio.get_running_loop()
    while True:
        await clock.sleep(UPKEEP_SECONDS)
        try:
            await loop.run_in_executor(pool, books.upkeep)
        except (GrangeError, OSError) as error:
            _log.warning(
                "Upkeep of the books was put off.",
                exc_info=error,
                extra={"action": "upkeep_failed"},
            )


class _InProcess:
    """A `BooksDoor` to books in this process."""

    def __init__(
        self, answers: Mapping[str, Answer], before: Callable[[], Awaitable[object]]
    ) -> None:
        self._answers = answers
        self._before = before

    async def ask(self, question: str, /, **arguments: Any) -> Any:
        """Put a question to the books."""
        await self._before()
        return await answer_of(self._answers, question)(**arguments)


class LocalBooks:
    """Books in this process, for tests."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self._answers = answers

    @classmethod
    @contextlib.asynccontextmanager
    async def running(
        cls, settings: ServerSettings, clock: Clock | None = None
    ) -> AsyncIterator[Self]:
        """Keep the books of a data folder inside the block."""
        async with open_books(settings, clock) as answers:
            yield cls(answers)

    def door(self, before: Callable[[], Awaitable[object]]) -> BooksDoor:
        """Return the door; `before` is called ahead of each question."""
        return _InProcess(self._answers, before)
