"""Log lines over the wire: the commands, a real server, two of them, other machines."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from grange.cli.main import run
from grange.kernel.errors import AccessDeniedError, InvalidRequestError
from grange.testing.farm import LocalFarm
from tests.unit.collect.lines import as_bytes, px_lines, slow_px

HOUR = 3_600_000


def this_hour() -> datetime:
    """When it began: lines older than 21 days are refused, so logs are of today."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


@pytest.fixture(scope="module")
def farms(tmp_path_factory):
    folder = tmp_path_factory.mktemp("farms")
    with LocalFarm(folder / "a") as first, LocalFarm(folder / "b") as second:
        yield first, second


@pytest.fixture
def at(monkeypatch):
    """Say which farm commands talk to."""

    def use(farm: LocalFarm) -> None:
        for name, value in farm.environment().items():
            monkeypatch.setenv(name, value)

    return use


def settings(folder: Path, *, machine: str, **more: str) -> Path:
    """The settings of a machine whose logs lie in a folder."""
    (folder / "log").mkdir(parents=True, exist_ok=True)
    extra = "".join(f"{name} = {json.dumps(value)}\n" for name, value in more.items())
    path = folder / "streams.toml"
    path.write_text(
        f'[collect]\nmachine = "{machine}"\nfolder = "{folder / "state"}"\n'
        f'[[collect.streams]]\npath = "{folder / "log" / "*"}"\n{extra}'
    )
    return path


def say(capsys, *words: str) -> Any:
    """What a command answers as JSON."""
    assert run(["streams", *words, "--json"]) == 0, capsys.readouterr().err
    out = capsys.readouterr().out
    return json.loads(out[min(place for mark in "[{" if (place := out.find(mark)) >= 0) :])


def test_from_a_growing_log_to_slots_and_back(tmp_path, farms, at, capsys, monkeypatch):
    """Ledger S4-03, S4-10, S4-30, S4-35: collect, look, go back, again; all dry-runnable."""
    hour = this_hour()
    at(farms[0])
    monkeypatch.setattr("grange.collect.sending.MOST_ROWS", 40)  # many requests for few lines
    file = str(settings(tmp_path, machine="m1"))
    data = as_bytes(px_lines(300, seed=31, start=hour - timedelta(hours=3), seconds=7100))
    log = tmp_path / "log" / "tx_feed.log"
    log.write_bytes(data[:9_001])
    dry = say(capsys, "collect", "--config", file, "--since", "7h", "--dry-run")
    assert dry["dry_run"]
    assert say(capsys, "cursors", "--config", file) == []
    first = say(capsys, "collect", "--config", file, "--since", "7h")
    assert first["accepted"] == first["streams"][0]["rows"] == dry["streams"][0]["rows"]
    log.write_bytes(data)
    say(capsys, "collect", "--config", file)
    assert say(capsys, "collect", "--config", file)["accepted"] == 0
    slow = slow_px(data, "tx")
    begin = int((hour - timedelta(hours=3)).timestamp() * 1000)
    (one,) = [row for row in say(capsys, "ls")["streams"] if row["machine"] == "m1"]
    assert (one["stream"], one["kind"], one["lines"]) == ("feed", "tx", len(slow))
    rows = say(capsys, "slots", "feed", "--since", "5h", "--step", "3600")["rows"]
    assert sum(row["bytes"]["total"] or 0 for row in rows) == sum(row["bytes"] for row in slow)
    blocks = say(capsys, "hours", "feed", "--since", "5h")["hours"]
    assert [row["start_at"] for row in blocks] == [begin, begin + HOUR]
    told = datetime.fromtimestamp(begin / 1000, UTC)
    assert blocks[0]["address"] == f"feed/{told:%Y%m%d}/tx/m1_{told:%H}"
    (held,) = say(capsys, "cursors", "--config", file)
    assert held["files"][0]["offset"] == len(data)
    # An hour is corrupted in the books, and repaired from the logs.
    broken = (
        farms[0]
        .connect()
        .fetch(
            f"/api/v1/farms/{farms[0].farm_id}/streams/hours/lines",
            query={"stream": "feed", "kind": "tx", "machine": "m1", "start": str(begin)},
        )
    )
    place = {"stream": "feed", "kind": "tx", "machine": "m1"}
    span = {"start": str(begin + HOUR), "end": str(begin + 2 * HOUR)}
    path = f"/api/v1/farms/{farms[0].farm_id}/streams/lines/replaced"
    with pytest.raises(InvalidRequestError, match="lie outside"):
        farms[0].connect().upload(path, broken, query={**place, **span})
    import pyarrow as pa

    with pa.ipc.open_stream(broken) as reader:
        empty = reader.schema.empty_table()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, empty.schema) as writer:
        writer.write_table(empty)
    farms[0].connect().upload(path, sink.getvalue().to_pybytes(), query={**place, **span})
    assert len(say(capsys, "hours", "feed", "--since", "5h")["hours"]) == 1
    assert run(["streams", "rewind", "--config", file, "--to", "5h"]) == 2
    capsys.readouterr()
    say(capsys, "rewind", "--config", file, "--all", "--to", "5h", "--dry-run")
    assert say(capsys, "collect", "--config", file)["streams"][0]["replaced_from"] is None
    say(capsys, "rewind", "--config", file, "feed", "--to", "5h")
    again = say(capsys, "collect", "--config", file)["streams"][0]
    assert again["hours_replaced"] == 1
    assert say(capsys, "hours", "feed", "--since", "5h")["hours"] == blocks
    assert run(["streams", "block", blocks[0]["address"]]) == 0
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) == 60
    assert "median" in shown
    assert run(["streams", "block", "feed/20200101/tx/m1_00"]) == 3
    assert run(["streams", "block", "feed"]) == 2
    capsys.readouterr()


def test_old_lines_are_refused_with_a_count_and_prune_says_what_goes(tmp_path, farms, at, capsys):
    """Ledger S4-36: lines are kept 21 days; a dry run changes nothing."""
    hour = this_hour()
    at(farms[0])
    file = str(settings(tmp_path, machine="old"))
    old = px_lines(50, seed=32, start=hour - timedelta(days=40))
    new = px_lines(50, seed=33, start=hour - timedelta(days=2))
    (tmp_path / "log" / "tx_past.log").write_bytes(as_bytes(old + new))
    done = say(capsys, "collect", "--config", file, "--since", "100d")
    assert done["refused"] == len(slow_px(as_bytes(old), "tx"))
    assert done["accepted"] == len(slow_px(as_bytes(new), "tx"))
    hours = len(say(capsys, "hours", "past", "--since", "3d")["hours"])
    planned = say(capsys, "prune", "--older-than", "1d", "--dry-run")
    assert (planned["hours"], planned["lines"]) == (hours, done["accepted"])
    assert len(say(capsys, "hours", "past", "--since", "3d")["hours"]) == hours
    assert say(capsys, "prune", "--older-than", "1d")["lines"] == done["accepted"]
    assert say(capsys, "hours", "past", "--since", "3d")["hours"] == []


def test_another_server_gets_the_same_blocks_also_after_an_interruption(
    tmp_path, farms, at, capsys, monkeypatch
):
    """Ledger S4-15, S4-16, S4-40: what differs is copied; what is equal is passed over."""
    hour = this_hour()
    first, second = farms
    at(first)
    monkeypatch.setattr("grange.collect.syncing.MOST_LINES", 30)
    file = str(settings(tmp_path, machine="m7"))
    start = hour - timedelta(hours=5)
    (tmp_path / "log" / "rx_cloned.log").write_bytes(
        as_bytes(px_lines(200, seed=34, kind="rx", start=start, seconds=4 * 3600 - 100))
    )
    say(capsys, "collect", "--config", file, "--since", "7h")
    client = tmp_path / "first.toml"
    key = first.ids.owner
    client.write_text(
        f'server = "{first.endpoint}"\naccess_key_id = "{key.key_id}"\n'
        f'secret_access_key = "{key.secret}"\nfarm_id = "{first.farm_id}"\n'
    )
    wanted = say(capsys, "hours", "cloned", "--since", "7h")["hours"]
    at(second)
    planned = say(capsys, "sync", "--from", str(client), "--since", "7h", "--dry-run")
    from grange.collect import syncing

    real = syncing._copy
    copied: list[object] = []

    def interrupted(*words):
        if len(copied) == 2:
            raise KeyboardInterrupt
        copied.append(words)
        real(*words)

    with monkeypatch.context() as patched:
        patched.setattr(syncing, "_copy", interrupted)
        assert run(["streams", "sync", "--from", str(client), "--since", "7h"]) == 130
    capsys.readouterr()
    rest = say(capsys, "sync", "--from", str(client), "--since", "7h")
    assert len(rest) == len(planned) - 2
    assert say(capsys, "hours", "cloned", "--since", "7h")["hours"] == wanted
    assert len(wanted) == 4
    assert say(capsys, "sync", "--from", str(client), "--since", "7h") == []


def test_who_may_hand_in_lines_and_what_is_no_line(farms):
    """Ledger S4-03: owners and workers' keys may send; damaged bodies are refused whole."""
    farm = farms[0]
    path = f"/api/v1/farms/{farm.farm_id}/streams/lines"
    with pytest.raises(InvalidRequestError, match="no Arrow stream"):
        farm.connect().upload(path, b"what?")
    worker = farm.connect(farm.ids.worker)
    with pytest.raises(InvalidRequestError, match="no Arrow stream"):
        worker.upload(path, b"what?")
    with pytest.raises(AccessDeniedError):
        worker.call("GET", f"/api/v1/farms/{farm.farm_id}/streams", service="grange")


def test_a_machine_collects_with_a_workers_key_and_two_never_at_once(
    tmp_path, farms, at, capsys, monkeypatch
):
    """Ledger S4-11, S4-29: overlapping rounds fail safe; a worker's key is enough to hand in."""
    farm = farms[0]
    at(farm)
    file = str(settings(tmp_path, machine="w1"))
    (tmp_path / "log" / "tx_own.log").write_bytes(
        as_bytes(px_lines(20, seed=35, start=this_hour()))
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", farm.ids.worker.key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", farm.ids.worker.secret)
    from grange.config.streams import load_streams
    from grange.wiring.collect import collecting

    words = ["streams", "collect", "--config", file, "--since", "2h"]
    with collecting(load_streams(Path(file)).collect, None, ""):
        assert run(words) == 1
    assert "Another collector is at work" in capsys.readouterr().err
    assert run(words) == 0
    at(farm)
    (one,) = [row for row in say(capsys, "ls")["streams"] if row["machine"] == "w1"]
    assert one["stream"] == "own"
    told = farm.connect().call(
        "GET", f"/api/v1/farms/{farm.farm_id}/streams/contacts", service="grange"
    )
    assert "w1" in {row["machine"] for row in told["contacts"]}
