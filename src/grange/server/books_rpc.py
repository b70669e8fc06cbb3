"""Questions to the books process over a Unix socket: length-prefixed msgpack, many at a time."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from grange.kernel import errors
from grange.kernel.clock import Clock
from grange.kernel.errors import FieldProblem, GrangeError, UnreachableError

MAX_MESSAGE_BYTES = 256 * 1024 * 1024
QUESTION_SECONDS = 300.0
START_SECONDS = 30.0
"""How long a question waits for books that are being started."""
_POLL_SECONDS = 0.1

_log = logging.getLogger(__name__)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode

Answer = Callable[..., Awaitable[Any]]
"""Answers one question; called with its arguments."""


class BooksClient:
    """A `BooksDoor` to the books process; connects again when that was restarted."""

    def __init__(
        self, path: Path, *, clock: Clock, before: Callable[[], Awaitable[object]]
    ) -> None:
        """Describe the way to the books.

        Args:
            path: the Unix socket.
            clock: the server's clock.
            before: makes everything acknowledged durable in the journal, where the books read it.
        """
        self._path = path
        self._clock = clock
        self._before = before
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._count = 0
        self._connecting = asyncio.Lock()

    async def ask(self, question: str, /, **arguments: Any) -> Any:
        """Put a question to the books; they know everything acknowledged before it."""
        await self._before()
        writer = await self._connect()
        self._count += 1
        number = self._count
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            _write(writer, [number, question, arguments])
            await writer.drain()
            async with asyncio.timeout(QUESTION_SECONDS):
                return await answer
        except TimeoutError as error:
            raise UnreachableError("The books did not answer in time. Try again.") from error
        except ConnectionError as error:
            raise UnreachableError("The books are being restarted. Try again.") from error
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        """Close the connection."""
        if self._writer is not None:
            self._writer.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _connect(self) -> asyncio.StreamWriter:
        async with self._connecting:
            if self._writer is not None and not self._writer.is_closing():
                return self._writer
            reader, self._writer = await self._opened()
            self._reading = asyncio.create_task(self._read(reader, self._writer))
            return self._writer

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect; books that are being started are waited for."""
        end = self._clock.monotonic_seconds() + START_SECONDS
        while True:
            try:
                return await asyncio.open_unix_connection(str(self._path))
            except OSError as error:
                if self._clock.monotonic_seconds() > end:
                    raise UnreachableError("The books are being started. Try again.") from error
            await self._clock.sleep(_POLL_SECONDS)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                number, failed, value = await _message(reader)
                answer = self._waiting.get(number)
                if answer is None or answer.done():
                    continue
                if failed:
                    answer.set_exception(_error_of(value))
                else:
                    answer.set_result(value)
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            writer.close()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(
                        UnreachableError("The books were restarted meanwhile. Try again.")
                    )


async def serve_books(path: Path, answers: Mapping[str, Answer]) -> asyncio.Server:
    """Answer questions on a Unix socket; close the returned server to stop.

    Args:
        path: where the socket is made; an old one is replaced.
        answers: what answers each question.
    """

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running: set[asyncio.Task[None]] = set()
        try:
            while True:
                number, question, arguments = await _message(reader)
                task = asyncio.create_task(_answer(answers, writer, number, question, arguments))
                running.add(task)
                task.add_done_callback(running.discard)
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            for task in running:
                task.cancel()
        finally:
            writer.close()

    def listen() -> socket.socket:
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        path.chmod(0o600)
        return listener

    return await asyncio.start_unix_server(connected, sock=await asyncio.to_thread(listen))


def answer_of(answers: Mapping[str, Answer], question: str) -> Answer:
    """Return what answers a question.

    Raises:
        InvalidRequestError: nothing does.
    """
    answer = answers.get(question)
    if answer is None:
        raise errors.InvalidRequestError(
            f"The books know no question called {question}.", reason="UNKNOWN_OPERATION"
        )
    return answer


async def _answer(
    answers: Mapping[str, Answer],
    writer: asyncio.StreamWriter,
    number: int,
    question: str,
    arguments: Mapping[str, Any],
) -> None:
    try:
        _write(writer, [number, False, await answer_of(answers, question)(**arguments)])
    except GrangeError as error:
        _write(writer, [number, True, _error_row(error)])
    except Exception:  # noqa: BLE001 - whatever it is, the asker gets an answer
        _log.exception(
            "A question to the books failed.",
            extra={"action": "books_failed", "question": question},
        )
        _write(writer, [number, True, {"kind": "GrangeError", "message": "", "attributes": {}}])


def _write(writer: asyncio.StreamWriter, message: Any) -> None:
    data = _encode(message)
    writer.write(len(data).to_bytes(4, "big") + data)


async def _message(reader: asyncio.StreamReader) -> Any:
    size = int.from_bytes(await reader.readexactly(4), "big")
    if size > MAX_MESSAGE_BYTES:
        raise ValueError(f"A message of {size} bytes is too large.")
    return _decode(await reader.readexactly(size))


# Errors cross as their class and attributes, so that either side knows the same one. A case of one
# that only some part of the books knows crosses as that one.


def _error_row(error: GrangeError) -> dict[str, Any]:
    attributes = {
        name: value
        for name, value in vars(error).items()
        if isinstance(value, str | int | float | dict | None)
    }
    fields = [[item.name, item.message] for item in getattr(error, "fields", ())]
    known = next(kind for kind in type(error).__mro__ if vars(errors).get(kind.__name__) is kind)
    return {
        "kind": known.__name__,
        "message": str(error),
        "attributes": attributes,
        "fields": fields,
    }


def _error_of(row: Mapping[str, Any]) -> GrangeError:
    kind = getattr(errors, str(row["kind"]), GrangeError)
    error: GrangeError = kind.__new__(kind, row["message"])
    error.args = (row["message"],)
    vars(error).update(row["attributes"])
    if row.get("fields") or issubclass(kind, errors.InvalidRequestError):
        vars(error)["fields"] = tuple(FieldProblem(name, text) for name, text in row["fields"])
    return error
