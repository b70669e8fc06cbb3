"""Restore, then collect again: the same books as if nothing had ever gone wrong."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from grange.cli.main import run
from grange.kernel.units import MILLIS_PER_HOUR
from grange.testing.farm import LocalFarm

LINES = 3000


class Mover:
    """A log that a file mover writes, and a collector that reads it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, now: int) -> None:
        folder.mkdir()
        self.log = folder / "tx_feedA.log"
        self.file = folder / "streams.toml"
        self.file.write_text(
            f'[collect]\nmachine = "px1"\nfolder = "{folder}/state"\n'
            f'[[collect.streams]]\npath = "{folder}/tx_*.log"\nkind = "tx"\nname = "feedA"\n'
        )
        self._monkeypatch = monkeypatch
        self.start = now - now % MILLIS_PER_HOUR - 6 * MILLIS_PER_HOUR
        self.written = 0

    def use(self, farm: LocalFarm) -> None:
        for name, value in farm.environment().items():
            self._monkeypatch.setenv(name, value)
        self._monkeypatch.setenv("GRANGE_STREAMS", str(self.file))

    def write(self, until: int) -> None:
        with self.log.open("a") as file:
            for number in range(self.written, until):
                at = datetime.fromtimestamp((self.start + number * 7000) / 1000, UTC)
                sent = datetime.fromtimestamp((self.start + number * 7000) // 1000 - 3, UTC)
                if number % 50 == 0:
                    text = "[ERROR] Unable to connect to hostb (user:px)"
                else:
                    name = f"SA{number}:feedA:CWAO:SA:3:Direct:{sent:%Y%m%d%H%M%S}"
                    text = f"[INFO] ({number} Bytes) File {name} delivered to ftp://px@hostb/out"
                file.write(f"{at:%Y-%m-%d %H:%M:%S},000 {text}\n")
        self.written = until

    def collect(self) -> None:
        since = datetime.fromtimestamp(self.start / 1000, UTC).strftime("%Y-%m-%dT%H:%MZ")
        assert run(["streams", "collect", "--since", since]) == 0


def hours(farm: LocalFarm) -> list[dict[str, Any]]:
    now = farm.api.context.clock.now()
    answer = farm.connect().call(
        "GET", f"/api/v1/farms/{farm.farm_id}/streams/watch", service="grange",
        query={"since": str(now - 30 * MILLIS_PER_HOUR), "until": str(now)},
    )  # fmt: skip
    rows: list[dict[str, Any]] = answer["hours"]
    return rows


def back_up(farm: LocalFarm) -> None:
    api = farm.connect()
    name = api.call("POST", "/api/v1/backups", body={}, service="grange")["name"]
    end = time.monotonic() + 60
    while time.monotonic() < end:
        reply = api.call("GET", "/api/v1/backups", service="grange")
        if any(row["name"] == name for row in reply["backups"]):
            return
        time.sleep(0.1)
    raise AssertionError("no backup")


def test_restore_then_collecting_again_equals_a_clean_run(tmp_path, monkeypatch, capsys):
    """Ledger S4-31, S4-32: databases and update times come back; the rest is collected again."""
    data = tmp_path / "data"
    with LocalFarm(data) as farm:
        mover = Mover(tmp_path / "logs", monkeypatch, farm.api.context.clock.now())
        mover.use(farm)
        mover.write(1000)
        mover.collect()
        back_up(farm)
        then = hours(farm)
        mover.write(2000)
        mover.collect()
        assert hours(farm) != then
    # The data folder is damaged; what was collected since the backup is gone.
    for path in (data / "journal").glob("*.journal"):
        path.write_bytes(b"")
    words = ["admin", "restore", "--data", str(data), "--yes"]
    assert run(words) == 0
    assert "grange streams rewind --all --to" in capsys.readouterr().out
    with LocalFarm(data) as farm:
        mover.use(farm)
        assert hours(farm) == then
        mover.write(LINES)
        mover.collect()
        found = hours(farm)
    with LocalFarm(tmp_path / "clean") as farm:
        clean = Mover(tmp_path / "clean-logs", monkeypatch, farm.api.context.clock.now())
        clean.start = mover.start
        clean.use(farm)
        clean.write(LINES)
        clean.collect()
        assert hours(farm) == found
    assert sum(row["lines"] for row in found) == LINES
    assert sum(row["errors"] for row in found) == LINES / 50
    assert json.loads((data / "backups").glob("*/backup.json").__next__().read_text())[
        "beside"
    ] == ["cursors"]
