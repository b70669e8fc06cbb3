"""Series and their archives over REST and the command line, on a real server."""

import json
import math
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from grange.cli.main import run
from grange.kernel.errors import (
    ConflictError,
    GrangeError,
    InvalidRequestError,
    NotFoundError,
)
from grange.testing.farm import LocalFarm

STEP = 10


@pytest.fixture
def command(farm: LocalFarm, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> Any:
    """Run `grange streams …` as the owner and return its JSON."""
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)

    def do(*words: str) -> Any:
        code = run(["streams", *words, "--json"])
        found = capsys.readouterr()
        assert code == 0, found.err
        return json.loads(found.out) if found.out.strip() else None

    return do


def rest(farm: LocalFarm, method: str, path: str, body: Any = None) -> Any:
    """Call the REST API on the farm."""
    path, _, query = path.partition("?")
    return farm.connect().call(
        method,
        f"/api/v1/farms/{farm.farm_id}{path}",
        query=dict(parse_qsl(query)),
        body=body,
        service="grange",
    )


def post_values(farm: LocalFarm, name: str, values: list[tuple[int, int, float]]) -> None:
    """Hand in (source, instant, value) as a data logger does."""
    reply = rest(
        farm,
        "POST",
        "/streams/values",
        {
            "logger": "tests",
            "names": [name],
            "series": [0] * len(values),
            "sources": [source for source, _, _ in values],
            "at": [at for _, at, _ in values],
            "values": [value for _, _, value in values],
            "sequences": list(range(len(values))),
        },
    )
    assert reply["refused"] == 0, reply


def test_values_that_are_handed_in_are_in_the_archives(
    farm: LocalFarm, command: Any, tmp_path: Path
) -> None:
    """Ledger S3-01, S3-03, S3-06: set up, hand in, archive, read, export, import, remove."""
    options = ("--source", "Room", "--source", "Power:COUNTER:0:U", "--step", str(STEP))
    archives = "RRA:AVERAGE:0.5:1:600,RRA:AVERAGE:0.5:6:600,RRA:MAX:0.5:6:600"
    made = command("series", "set", "hall", *options, "--archives", archives)
    assert made == {"name": "hall", "changed": True}
    assert not command("series", "set", "hall", *options, "--archives", archives)["changed"]
    with pytest.raises(ConflictError):
        rest(farm, "PUT", "/series/hall?new=true", {"sources": [{"label": "a"}]})
    now = farm.api.context.clock.now()
    base = (now // 60_000 - 10) * 60_000
    values = [
        (source, base + place * STEP * 1000 + 500, 20.0 + place if source == 0 else 100.0 * place)
        for place in range(50)
        for source in (0, 1)
    ]
    post_values(farm, "hall", values)
    assert command("archive")["series"] == 1
    query = f"/streams/ring-rows?series=hall&since={base}&until={base + 500_000}"
    reply = rest(farm, "GET", query)
    room, power = reply["sources"]
    # The newest slot is open; a counter's first value has no rate.
    assert room["average"] == [20.0 + place for place in range(49)] + [None]
    assert power["average"] == [None] + [10.0] * 48 + [None]
    assert sum(value or 0.0 for value in power["total"]) == 4800.0
    minutes = rest(farm, "GET", query + "&step_seconds=60&sources=Room")
    assert minutes["step_seconds"] == 60
    assert minutes["sources"][0]["maximum"][0] == 25.0
    assert math.isclose(minutes["sources"][0]["average"][0], 22.5)
    file = tmp_path / "hall.xml"
    wrote = command("series", "export", "hall", str(file))
    command("series", "import", "copy", str(file), "--totals", wrote["totals"])
    copied = rest(farm, "GET", query.replace("hall", "copy"))
    for before, after in zip(reply["sources"], copied["sources"], strict=True):
        assert before["average"] == after["average"]
        assert before["total"] == after["total"]
    listed = command("archive", "--list")["rings"]
    assert {"copy", "hall"} <= {ring["series"] for ring in listed}
    assert all(ring["problems"] == [] for ring in listed)
    command("series", "rm", "copy")
    names = {one["name"] for one in command("series", "ls")["series"]}
    assert names & {"hall", "copy"} == {"hall"}
    left = {ring["series"] for ring in command("archive", "--list")["rings"]}
    assert left & {"hall", "copy"} == {"hall"}
    with pytest.raises(NotFoundError):
        rest(farm, "GET", "/series/copy")


@pytest.mark.rrdtool
def test_an_rrd_of_the_real_program_is_imported(
    farm: LocalFarm, command: Any, tmp_path: Path
) -> None:
    """Ledger S3-06, S3-07: an old data logger's file goes on here."""
    database = tmp_path / "old.rrd"
    start = farm.api.context.clock.now() // 1000 // 300 * 300 - 3000
    create = ["rrdtool", "create", str(database), "--start", str(start), "--step", "300"]
    subprocess.run(
        [*create, "DS:temp:GAUGE:600:U:U", "RRA:AVERAGE:0.5:1:20", "RRA:MAX:0.5:2:20"], check=True
    )
    updates = [f"{start + 300 * n}:{20 + n}" for n in range(1, 9)]
    subprocess.run(["rrdtool", "update", database, *updates], check=True)
    file = tmp_path / "old.xml"
    subprocess.run(["rrdtool", "dump", database, file], check=True)
    command("series", "import", "old", str(file))
    shown = command("series", "show", "old")
    assert shown["archives"] == ["RRA:AVERAGE:0.5:1:20", "RRA:MAX:0.5:2:20"]
    since, until = start * 1000, (start + 2400) * 1000
    reply = rest(farm, "GET", f"/streams/ring-rows?series=old&since={since}&until={until}")
    (temp,) = reply["sources"]
    assert temp["label"] == "temp"
    assert temp["average"] == [20.0 + n for n in range(1, 9)]


@pytest.mark.parametrize(
    ("method", "path", "body", "error"),
    [
        ("PUT", "/series/a", {"sources": []}, InvalidRequestError),
        ("PUT", "/series/a", {"sources": [{"label": "a"}], "archives": "none"}, None),
        ("PUT", "/series/.a", {"sources": [{"label": "a"}]}, InvalidRequestError),
        ("GET", "/series/nothing/rrd", None, NotFoundError),
        ("GET", "/streams/ring-rows?since=0&until=1", None, InvalidRequestError),
        ("GET", "/streams/ring-rows?series=no&since=0&until=1", None, NotFoundError),
        ("POST", "/series/b/rrd", {"xml": "bm90aGluZw=="}, InvalidRequestError),
        ("POST", "/series/b/rrd", {"xml": "!"}, InvalidRequestError),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(
    farm: LocalFarm, method: str, path: str, body: Any, error: type[GrangeError] | None
) -> None:
    """Nothing of a refused request is kept."""
    with pytest.raises(error or InvalidRequestError):
        rest(farm, method, path, body)
    assert not [one for one in rest(farm, "GET", "/series")["series"] if one["name"] in {"a", "b"}]
