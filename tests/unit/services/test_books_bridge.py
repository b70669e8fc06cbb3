"""The state store for threads: whoever asks is answered or told that it is over."""

import threading
from pathlib import Path

import pytest

from grange.adapters.sqlite.store import SqliteStore
from grange.domain.farm import Farm
from grange.kernel.errors import UnreachableError
from grange.services.books.bridge import StateBridge


@pytest.fixture
def bridge(tmp_path: Path) -> StateBridge:
    found = StateBridge(SqliteStore(tmp_path / "state.db"))
    found.open()
    return found


def test_what_is_asked_of_a_closed_one_is_refused(bridge: StateBridge) -> None:
    """Nobody waits for ever for a loop that has stopped."""
    assert bridge.find(Farm) == []
    bridge.close()
    with pytest.raises(UnreachableError):
        bridge.find(Farm)


def test_those_who_ask_while_it_closes_are_answered_or_told(bridge: StateBridge) -> None:
    """A server ends while pages still ask its books."""
    asked = threading.Barrier(5)
    told: list[str] = []

    def ask() -> None:
        bridge.find(Farm)
        asked.wait()
        try:
            while True:
                bridge.find(Farm)
        except UnreachableError as error:
            told.append(str(error))

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    asked.wait()
    bridge.close()
    for thread in threads:
        thread.join(60)
    assert len(told) == 4
