"""The door of a running data logger: files, pages, counts, actions; the commands that use it."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from grange.books.values.payload import Reading
from grange.cli.main import run as grange
from grange.config.streams_datalog import DatalogSection, DatalogSeries
from grange.datalog.door import DoorServer
from grange.datalog.inbox import LocalValues
from grange.datalog.program import DataLogger
from grange.kernel.clock import VirtualClock
from grange.kernel.errors import ConfigurationError, ConflictError
from grange.kernel.units import Instant
from grange.wiring.datalog import door_of, running_datalog

T0 = Instant(1_768_000_200_000)
Running = tuple[DataLogger, DoorServer]


def section(folder: Path, **changes: Any) -> DatalogSection:
    sources = tuple(f"rack1|value|{place}|GAUGE|<label> {place}" for place in range(2))
    return DatalogSection(
        **{
            "name": "cellar",
            "folder": str(folder),
            "http_port": 0,
            "series": (DatalogSeries(name="rack1", sources=sources),),
            **changes,
        }
    )


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(T0)


@pytest.fixture
def running(tmp_path: Path, clock: VirtualClock) -> Iterator[Running]:
    settings = section(tmp_path / "logger")
    with running_datalog(settings, reread=lambda: settings, clock=clock) as found:
        yield found


def bring(logger: DataLogger, clock: VirtualClock, *values: float) -> None:
    """Log values of rack1, one for each source, and wait until they are kept."""
    taken = [Reading("rack1", "value", place, value) for place, value in enumerate(values)]
    logger.inbox.bring(LocalValues(taken, clock.now()))
    logger.dump()


def get(running: Running, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
    return urllib3.request("GET", running[1].address + path, headers=headers, retries=False)


def act(found: Running, action: str, /, token: str | None = None, **body: Any) -> Any:
    if token is None:
        _, token = door_of(found[0].root.parent)
    return urllib3.request(
        "POST",
        f"{found[1].address}/actions/{action}",
        body=json.dumps(body).encode(),
        headers={"authorization": f"Bearer {token}"},
        retries=False,
    )


def test_files_are_served_byte_for_byte_and_named_by_the_index(
    running: Running, clock: VirtualClock
):
    """Ledger S3-16, S3-17, S3-26: the index lists files; GET gives the file's bytes."""
    logger, _ = running
    bring(logger, clock, 1.0, 2.0)
    clock.advance(301)
    logger.rotate()
    assert act(running, "flush").json() == {"rows": 1}
    (listed,) = get(running, "/index.json").json()
    assert listed["name"] == "rack1"
    assert listed["sources"][0] == "rack1|value|0|GAUGE|<label> 0"
    served = get(running, "/files/" + listed["file"])
    assert served.data == (logger.root / listed["file"]).read_bytes()
    assert get(running, "/index.txt").data.decode() == listed["file"] + "\n"


def test_the_page_draws_sources_and_their_sum(running: Running, clock: VirtualClock):
    """Ledger S3-17: a page with every source and the sum, also of rows that are in no file yet."""
    logger, _ = running
    for number in range(3):
        bring(logger, clock, 10.0 + number, 100.0)
        clock.advance(300)
    assert act(running, "flush", series="rack1").json() == {"rows": 2}
    page = get(running, "/series/rack1").data.decode()
    assert page.count("<polyline") == 3
    assert "&lt;label&gt; 0" in page, "a label is text, never markup"
    assert "sum" in page
    assert "112" in page, "12 and 100 in the open row"
    assert "rack1" in get(running, "/").data.decode()


@pytest.mark.parametrize(
    "path",
    ["/files/../door.json", "/files/%2e%2e/door.json", "/files//etc/passwd", "/files/", "/nothing"],
)
def test_nothing_but_files_of_series_is_served(running: Running, path: str):
    """Ledger S3-22: traversal refused."""
    host, port = running[1].address.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=100)
    connection.request("GET", path)
    assert connection.getresponse().status == 404
    connection.close()


def test_health_says_what_is_wrong(running: Running):
    """Ledger S3-20: alive, and every file there; a deleted file is not healthy."""
    found = get(running, "/health")
    assert (found.status, found.json()["healthy"]) == (200, True)
    running[0].cache.path("rack1").unlink()
    found = get(running, "/health")
    assert (found.status, found.json()["problems"]) == (503, ["the file of rack1 is missing"])


def test_an_action_needs_the_token_and_a_reader_needs_none(running: Running):
    """Ledger S3-19."""
    assert act(running, "flush", token="guessed").status == 401
    assert act(running, "explode").status == 404
    assert get(running, "/counts").status == 200
    door_file = running[0].root.parent / "door.json"
    assert door_file.stat().st_mode & 0o777 == 0o600


def test_another_name_for_this_machine_is_refused(running: Running):
    """No page of the web reaches the door through a browser by a name of its own."""
    assert get(running, "/counts", host="evil.example").status == 403


def test_series_come_and_go_through_the_door(running: Running):
    """Ledger S3-15, S3-16, S3-21, S3-23."""
    one: dict[str, Any] = {
        "name": "rack2",
        "sources": ["rack2|value|0|COUNTER|trips"],
        "step_seconds": 60,
    }
    assert act(running, "add", **one).json() == {"added": True}
    assert act(running, "add", **one).json() == {"added": False}
    assert act(running, "add", **{**one, "step_seconds": 61}).status == 409
    assert get(running, "/labels/rack2/0").json() == {"label": "trips"}
    assert (running[0].root / "rack2.ring").is_file()
    assert act(running, "remove", series="rack2").json() == {"removed": "rack2"}
    assert not (running[0].root / "rack2.ring").exists()
    assert get(running, "/labels/rack2/0").status == 404


def test_timers_and_settings_change_through_the_door(running: Running):
    """Ledger S3-24, S3-26."""
    assert act(running, "timer", timer="flush", running=False).json()["flush"]["running"] is False
    assert get(running, "/timers").json()["dump"] == {"running": True, "every_seconds": 60.0}
    assert act(running, "settings", dump_seconds=5).json()["dump_seconds"] == 5
    assert get(running, "/timers").json()["dump"]["every_seconds"] == 5.0
    assert act(running, "settings", dirmask="../x").status == 400


def test_metrics_are_what_is_counted(running: Running, clock: VirtualClock):
    """Ledger S3-18."""
    bring(running[0], clock, 1.0, 2.0)
    text = get(running, "/metrics").data.decode()
    assert 'grange_datalog_values_cached{logger="cellar"} 2\n' in text
    assert get(running, "/cached").json() == [["rack1", "value", 0], ["rack1", "value", 1]]
    assert get(running, "/due").json() == []
    clock.advance(3601)
    running[0].timers.switch("flush", running=False)
    running[0].rotate()
    assert get(running, "/due").json() == [["rack1", "value", 0], ["rack1", "value", 1]]


def test_the_settings_file_is_read_again_and_a_wrong_one_changes_nothing(
    tmp_path: Path, clock: VirtualClock
):
    """Ledger S3-24: no restart, no loss."""
    now = [section(tmp_path / "logger")]
    with running_datalog(now[0], reread=lambda: now[0], clock=clock) as (logger, _):
        bring(logger, clock, 1.0, 2.0)
        now[0] = section(tmp_path / "logger", cache_ttl_seconds=7)
        logger.reload()
        assert logger.cache.tuning.cache_ttl_seconds == 7
        now[0] = section(tmp_path / "logger", dirmask="..")
        logger.reload()
        assert logger.cache.tuning.dirmask == ""
        assert logger.cache.open_rows("rack1")[0].values == (1.0, 2.0)


def test_one_logger_in_one_folder(running: Running):
    settings = section(running[0].root.parent)
    with (
        pytest.raises(ConflictError, match="Another program"),
        running_datalog(settings, reread=lambda: settings),
    ):
        raise AssertionError("a second one runs")


def test_the_door_is_of_loopback_alone(tmp_path: Path):
    settings = section(tmp_path, http_host="0.0.0.0")
    with (
        pytest.raises(ConfigurationError, match="loopback"),
        running_datalog(settings, reread=lambda: settings),
    ):
        raise AssertionError("it listens")


def test_the_commands_do_what_they_say(
    running: Running, clock: VirtualClock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Ledger S3-18, S3-19, S3-26: counts, flush and all the others from the command line."""
    file = tmp_path / "streams.toml"
    file.write_text(f'[datalog]\nname = "cellar"\nfolder = "{tmp_path}/logger"\n')
    bring(running[0], clock, 1.0, 2.0)
    clock.advance(301)

    def said(*words: str) -> str:
        assert grange(["streams", "datalog", *words, "--config", str(file)]) == 0, words
        return capsys.readouterr().out

    assert "rows: " in said("do", "rotate")
    assert "1 rows" in said("flush", "rack1")
    assert "rack1.ring" in said("index")
    assert "values cached" in said("status")
    assert "is logged" in said("add", "rack9", "rack9|value|0|GAUGE|nine", "--step", "5")
    assert "Removed" in said("remove", "rack9")
    assert '"dead_ttl_seconds": 90' in said("set", "dead_ttl_seconds=90")
    assert "stands still" in said("timer", "flush", "stop")
    assert json.loads(said("show", "timers"))["flush"]["running"] is False
    running[0].cache.path("rack1").unlink()
    assert grange(["streams", "datalog", "status", "--config", str(file)]) == 1
    assert grange(["streams", "datalog", "flush", "nobody", "--config", str(file)]) == 3
