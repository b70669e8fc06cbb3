"""The books: what answers each question, and the two ways to reach it."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Self

from grange.config.settings import ServerSettings
from grange.kernel.errors import UnreachableError
from grange.server.books_rpc import Answer, answer_of
from grange.server.ports import BooksDoor


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
        if not self._answers:
            raise UnreachableError("The books are not open.")
        return await answer_of(self._answers, question)(**arguments)


@contextlib.asynccontextmanager
async def open_books(settings: ServerSettings) -> AsyncIterator[Mapping[str, Answer]]:
    """Keep the books of a data folder inside the block; yields what answers each question."""
    yield {}


class LocalBooks:
    """Books in this process, for tests."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self._answers = answers

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, settings: ServerSettings) -> AsyncIterator[Self]:
        """Keep the books of a data folder inside the block."""
        async with open_books(settings) as answers:
            yield cls(answers)

    def door(self, before: Callable[[], Awaitable[object]]) -> BooksDoor:
        """Return the door; `before` is called ahead of each question."""
        return _InProcess(self._answers, before)
