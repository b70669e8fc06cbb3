"""The listener that neighbours hail, and hailing it, over real sockets (ledger S1-06)."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from grange.domain.hails import (
    Hail,
    Outcome,
    Verdict,
    Witness,
    answer_line,
    ask_line,
    is_answer,
    judge,
    surely_gone,
)
from grange.kernel.ids import WorkerId
from grange.kernel.units import Instant
from grange.worker import hailing
from grange.worker.hailing import HailListener, hail

KEY, OTHER = b"k" * 32, b"o" * 32
NONCE = "0123456789abcdef" * 2
ME = "worker-1"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let who answers take its time: this machine has others to serve too."""
    monkeypatch.setattr(hailing, "HAIL_SECONDS", 100.0)


@pytest.fixture(scope="module")
def listener() -> Iterator[HailListener]:
    """A listener in a loop of its own, as in a worker."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    found = HailListener(("127.0.0.1",))
    found.key, found.worker_id = KEY, ME
    asyncio.run_coroutine_threadsafe(found.start(), loop).result(100)
    yield found
    asyncio.run_coroutine_threadsafe(found.stop(), loop).result(100)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def order(addresses: str, key: bytes = KEY, worker: str = ME) -> dict[str, Any]:
    return {"addresses": addresses.split(","), "line": ask_line(key, worker, NONCE)}


def raw(address: str, sent: bytes) -> bytes:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=100) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        try:
            return connection.recv(1000)
        except ConnectionResetError:
            return b""


def test_a_worker_answers_its_fleets_challenge(listener: HailListener) -> None:
    """Ledger S1-06: stallCheck, with a proof on both sides."""
    outcome, said = hail(order(listener.addresses))
    assert outcome is Outcome.ANSWERED
    assert is_answer(KEY, ME, NONCE, said)
    assert not is_answer(KEY, ME, NONCE[::-1], said), "an answer cannot be used again"
    assert not is_answer(KEY, "worker-2", NONCE, said)
    assert not is_answer(OTHER, ME, NONCE, said)


@pytest.mark.parametrize(
    "line",
    [
        ask_line(OTHER, ME, NONCE),
        ask_line(KEY, "worker-2", NONCE),
        ask_line(KEY, ME, NONCE)[:-1] + "x",
        ask_line(KEY, ME, "ab"),
        "GET / HTTP/1.1\r",
        "é" * 40,
        "x" * 5000,
        "",
    ],
)
def test_nobody_else_gets_a_word_out_of_it(listener: HailListener, line: str) -> None:
    assert raw(listener.addresses, line.encode() + b"\n") == b""
    assert hail(order(listener.addresses))[0] is Outcome.ANSWERED, "and it goes on"


def test_before_the_server_told_the_key_nobody_is_answered(listener: HailListener) -> None:
    listener.key = None
    try:
        for key in (KEY, b"", bytes(32)):
            assert raw(listener.addresses, ask_line(key, ME, NONCE).encode() + b"\n") == b""
    finally:
        listener.key = KEY


def test_one_that_says_nothing_is_hung_up_on(
    listener: HailListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hailing, "HAIL_SECONDS", 0.2)
    host, _, port = listener.addresses.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=100) as connection:
        assert connection.recv(10) == b""


def test_what_a_neighbour_meets_tells_a_dead_program_from_a_hung_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hailing, "HAIL_SECONDS", 0.2)
    with socket.socket() as hung:
        hung.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{hung.getsockname()[1]}"
        assert hail(order(address)) == (Outcome.REFUSED, "")
        hung.listen()  # takes calls and never answers
        assert hail(order(address)) == (Outcome.SILENT, "")
    assert hail(order("224.0.0.1:9")) == (Outcome.UNREACHED, "")  # a network without a way
    assert hail({**order(address), "addresses": []}) == (Outcome.UNREACHED, "")


def test_another_way_to_a_worker_will_do(listener: HailListener) -> None:
    assert hail(order(f"127.0.0.1:1,{listener.addresses}"))[0] is Outcome.ANSWERED


@pytest.mark.parametrize(
    ("met", "verdict"),
    [
        ([Outcome.UNREACHED, Outcome.ANSWERED], Verdict.UNREACHABLE),
        ([Outcome.REFUSED, Outcome.SILENT], Verdict.HUNG),
        ([Outcome.REFUSED, Outcome.UNREACHED], Verdict.GONE),
        ([Outcome.UNREACHED], Verdict.DEAD),
        ([], Verdict.UNASKED),
    ],
)
def test_the_best_news_counts(met: list[Outcome], verdict: Verdict) -> None:
    assert judge(met) is verdict


def test_only_two_witnesses_make_sure_that_a_worker_is_gone() -> None:
    def hailed(verdict: Verdict, *met: Outcome) -> Hail:
        named = [WorkerId(f"worker-{number}") for number in range(len(met))]
        return Hail(
            verdict=verdict,
            seen_at=Instant(1),
            told_at=Instant(2),
            witnesses=tuple(
                Witness(worker_id=name, outcome=one) for name, one in zip(named, met, strict=True)
            ),
        )

    assert surely_gone(hailed(Verdict.GONE, Outcome.REFUSED, Outcome.REFUSED))
    assert not surely_gone(hailed(Verdict.GONE, Outcome.REFUSED, Outcome.UNREACHED))
    assert not surely_gone(hailed(Verdict.DEAD, Outcome.UNREACHED, Outcome.UNREACHED))
    assert not surely_gone(hailed(Verdict.HUNG, Outcome.SILENT, Outcome.SILENT))


def test_a_worker_without_the_key_answers_nobody() -> None:
    assert answer_line(KEY, ME, ask_line(KEY, ME, NONCE)) is not None
    assert answer_line(OTHER, ME, ask_line(KEY, ME, NONCE)) is None
