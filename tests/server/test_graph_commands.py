"""`grange graph`, `grange streams pages` and `grange streams publish`, on a real server."""

import csv
import http.client
import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from grange.cli.exits import NOT_FOUND
from grange.cli.main import run
from grange.testing.farm import LocalFarm
from tests.server.conftest import StoppableClock
from tests.unit.streams.log_facts import busy, hand_in

HOUR = 3_600_000
SETTINGS = """
[graphs]
workers = 1

[graphs.machine_tags]
north = ["ada", "eve"]

[[graphs.groups]]
name = "Both"
streams = ["arch*", "feed"]
machines = ["north"]
"""
Grange = Callable[..., int]


@pytest.fixture(scope="module")
def clock() -> StoppableClock:
    return StoppableClock()


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory, clock: StoppableClock) -> Iterator[LocalFarm]:
    with LocalFarm(tmp_path_factory.mktemp("commands"), clock=clock) as running:
        end = int(time.time() * 1000) // HOUR * HOUR
        rows = busy(end - 3 * HOUR, 3, stream="archive", machine="ada", per_minute=0.5)
        rows += busy(end - 3 * HOUR, 3, stream="feed", machine="bob", kind="rx", per_minute=0.5)
        hand_in(running, rows)
        yield running


@pytest.fixture
def grange(farm: LocalFarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Grange:
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)
    settings = tmp_path / "streams.toml"
    settings.write_text(SETTINGS)
    monkeypatch.setenv("GRANGE_STREAMS", str(settings))
    monkeypatch.chdir(tmp_path)
    return lambda *words: run([str(word) for word in words])


def whole(path: Path) -> dict[tuple[str, str], str]:
    rows = csv.DictReader(io.StringIO(path.read_text()))
    return {
        (row["stream"], row["measure"]): row["total"] for row in rows if row["slot_start"] == "all"
    }


def test_streams_are_drawn_together_one_by_one_or_added_up(grange: Grange, tmp_path: Path):
    """Ledger S4-28: all streams of machines, combined or individual, as of a time."""
    assert grange("graph", "--all", "-o", "all.csv") == 0
    every = whole(tmp_path / "all.csv")
    assert {stream for stream, _ in every} == {"tx archive", "rx feed"}
    assert grange("graph", "--all", "--combine", "-o", "sum.csv") == 0
    total = whole(tmp_path / "sum.csv")["total", "files"]
    assert int(total) == int(every["tx archive", "files"]) + int(every["rx feed", "files"])
    assert grange("graph", "--all", "--machine", "ada", "-o", "ada.csv") == 0
    assert {stream for stream, _ in whole(tmp_path / "ada.csv")} == {"archive"}
    assert grange("graph", "--all", "--individual", "-o", "each") == 0
    assert {path.name for path in (tmp_path / "each").iterdir()} == {
        "tx_archive.png",
        "rx_feed.png",
    }
    assert grange("graph", "--stream", "archive", "--now", "5d") == NOT_FOUND


def test_a_group_and_a_tag_stand_for_what_the_settings_say(grange: Grange, tmp_path: Path):
    """Ledger S4-22: named groups: tags of machines, wildcard members."""
    assert grange("graph", "--group", "Both", "-o", "both.csv") == 0
    assert grange("graph", "--stream", "archive", "-o", "one.csv") == 0
    assert (
        whole(tmp_path / "both.csv")["Both", "bytes"]
        == (whole(tmp_path / "one.csv")["archive", "bytes"])
    )
    assert grange("graph", "--group", "None", "-o", "x.png") != 0


@pytest.mark.parametrize(
    "words",
    [
        ["graph"],
        ["graph", "--all", "--stream", "a"],
        ["graph", "--all", "-o", "x.gif"],
        ["graph", "--all", "--measure", "speed"],
        ["graph", "--all", "--now", "1h", "--end", "1h"],
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_line(
    grange: Grange, words: list[str], capsys: pytest.CaptureFixture[str]
):
    """Ledger S4-28: help and errors."""
    assert grange(*words) != 0
    assert capsys.readouterr().err.startswith("grange: ")


def test_pages_are_drawn_and_copied_and_shown_until_revoked(
    grange: Grange,
    farm: LocalFarm,
    clock: StoppableClock,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    """Ledger S4-26, S4-41: another web server gets what differs; an address can be taken back."""
    assert grange("streams", "pages", "--dry-run") == 0
    assert "would be drawn" in capsys.readouterr().out
    with clock.stopped():  # with a new hour come new pictures
        assert grange("streams", "pages", "-o", "www", "--json") == 0
        first = json.loads(capsys.readouterr().out)
        assert "index.html" in first["copied"]
        assert (tmp_path / "www" / "webGraphics").is_dir()
        assert any("group_Both" in path for path in first["drawn"])
        assert grange("streams", "pages", "-o", "www", "--json") == 0
    second = json.loads(capsys.readouterr().out)
    assert [name for name in second["copied"] if name.startswith("webGraphics/")] == []
    assert grange("streams", "publish", "add", "wall", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert status(made["url"] + "index.html") == 200
    assert grange("streams", "publish", "ls") == 0
    shown = capsys.readouterr().out
    assert "wall" in shown
    assert made["token"] not in shown
    assert grange("streams", "publish", "revoke", made["publication_id"]) == 0
    assert status(made["url"] + "index.html") == 404
    assert grange("streams", "publish", "revoke", "publication-none") == NOT_FOUND


def status(url: str) -> Any:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=100)
    connection.request("GET", place.path)
    found = connection.getresponse().status
    connection.close()
    return found
