"""Questions over the socket: answers, errors as they were, a restart in between."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from grange.adapters.host.clock import SystemClock
from grange.books.where.errors import WhereError
from grange.kernel.errors import (
    ConflictError,
    FieldProblem,
    GrangeError,
    InvalidRequestError,
    NotFoundError,
    TooLargeError,
    UnreachableError,
)
from grange.server.books_rpc import BooksClient, serve_books


async def echo(**arguments: Any) -> Any:
    return arguments


async def wrong() -> Any:
    raise InvalidRequestError("no.", fields=[FieldProblem("end", "is early")])


async def gone() -> Any:
    raise NotFoundError("job", "job-1")


async def busy() -> Any:
    raise ConflictError("no.", reason="STATUS_CONFLICT", resource_type="a", resource_id="b")


async def where() -> Any:
    raise WhereError("No such field.", text="usr=ann", position=0, hint="Did you mean user?")


async def large() -> Any:
    raise TooLargeError("too much.")


async def mistake() -> Any:
    raise RuntimeError("secret")


ANSWERS = {
    "echo": echo, "wrong": wrong, "gone": gone, "busy": busy, "where": where, "large": large,
    "mistake": mistake,
}  # fmt: skip


async def nothing() -> None:
    return None


def test_answers_and_errors_cross_as_they_are(tmp_path: Path):
    async def check() -> None:
        path = tmp_path / "books.sock"
        server = await serve_books(path, ANSWERS)
        client = BooksClient(path, clock=SystemClock(), before=nothing)
        asked = {"text": "é", "number": 2**60, "none": None, "bytes": b"\x00", "list": [1, 2]}
        answers = await asyncio.gather(*(client.ask("echo", **asked) for _ in range(20)))
        assert answers == [asked] * 20
        with pytest.raises(InvalidRequestError) as refused:
            await client.ask("wrong")
        assert refused.value.fields == (FieldProblem("end", "is early"),)
        assert refused.value.reason == "FIELD_VALIDATION_FAILED"
        with pytest.raises(NotFoundError) as missing:
            await client.ask("gone")
        assert (missing.value.resource_type, missing.value.resource_id) == ("job", "job-1")
        with pytest.raises(ConflictError) as conflict:
            await client.ask("busy")
        assert conflict.value.reason == "STATUS_CONFLICT"
        with pytest.raises(InvalidRequestError, match="Did you mean user") as unread:
            await client.ask("where")
        [problem] = unread.value.fields
        assert (problem.name, unread.value.reason) == ("where", "FIELD_VALIDATION_FAILED")
        with pytest.raises(TooLargeError) as large:
            await client.ask("large")
        assert large.value.fields == ()
        with pytest.raises(InvalidRequestError):
            await client.ask("nothing-of-the-kind")
        with pytest.raises(GrangeError) as hidden:
            await client.ask("mistake")
        assert "secret" not in str(hidden.value)
        await client.close()
        server.close()
        await server.wait_closed()

    asyncio.run(check())


def test_a_question_waits_for_books_that_are_being_started(tmp_path: Path):
    async def check() -> None:
        path = tmp_path / "books.sock"
        client = BooksClient(path, clock=SystemClock(), before=nothing)
        asked = asyncio.create_task(client.ask("echo", a=1))
        await asyncio.sleep(0.05)
        server = await serve_books(path, ANSWERS)
        assert await asked == {"a": 1}
        await client.close()
        server.close()
        await server.wait_closed()

    asyncio.run(check())


def test_books_that_die_under_a_question_are_told_and_asked_again(tmp_path: Path):
    async def check() -> None:
        path = tmp_path / "books.sock"
        never = asyncio.Event()

        async def hang() -> Any:
            await never.wait()

        server = await serve_books(path, {**ANSWERS, "hang": hang})
        client = BooksClient(path, clock=SystemClock(), before=nothing)
        asked = asyncio.create_task(client.ask("hang"))
        await client.ask("echo")
        assert client._writer is not None
        client._writer.transport.abort()  # as the kernel does when the other side is killed
        with pytest.raises(UnreachableError):
            await asked
        assert await client.ask("echo", a=2) == {"a": 2}
        await client.close()
        server.close()
        never.set()
        await server.wait_closed()

    asyncio.run(check())


def test_everything_acknowledged_is_made_durable_before_a_question(tmp_path: Path):
    async def check() -> None:
        order: list[str] = []

        async def before() -> None:
            order.append("drained")

        async def answer() -> Any:
            order.append("asked")

        path = tmp_path / "books.sock"
        server = await serve_books(path, {"answer": answer})
        client = BooksClient(path, clock=SystemClock(), before=before)
        await client.ask("answer")
        assert order == ["drained", "asked"]
        await client.close()
        server.close()
        await server.wait_closed()

    asyncio.run(check())
