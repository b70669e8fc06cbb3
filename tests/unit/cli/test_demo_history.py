"""`grange demo --history` and the demo's showroom."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from grange.cli.connection import Connection
from grange.cli.demo_history import parse_days
from grange.cli.demo_showroom import FARM, Showroom, fill_showroom
from grange.cli.main import run
from grange.cli.output import Output
from grange.config.client import ClientSettings
from grange.kernel.errors import InvalidRequestError
from grange.testing.farm import LocalFarm

pytestmark = pytest.mark.slow


def test_spans_are_hours_days_or_weeks() -> None:
    assert [parse_days(text) for text in ("12h", "90d", "2w")] == [0.5, 90.0, 14.0]
    for text in ("0d", "90", "d", "3 months"):
        with pytest.raises(InvalidRequestError, match="90d"):
            parse_days(text)


def test_history_leaves_a_folder_that_a_server_opens(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "past"
    words = ["demo", "--history", "2h", "--workers", "2", "--data", str(folder), "--json"]
    assert run(words) == 0
    said = json.loads(capfd.readouterr().out)
    assert said["simulated"] is True
    assert said["samples"] > 0
    assert run(words) == 1, "a past is never simulated over another one"
    with LocalFarm(folder) as farm:
        assert farm.farm_id == said["farm_id"]
        found = farm.connect().call(
            "POST", f"/api/v1/farms/{farm.farm_id}/books/verify", body={}, service="grange",
            timeout_seconds=250.0,
        )  # fmt: skip
        assert [check for check in found["checks"] if not check["ok"]] == []


def test_the_showroom_waits_for_the_first_frames_and_moves_in_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with LocalFarm(data) as farm:
        out = Output()
        connection = Connection.of(
            ClientSettings(
                server=farm.endpoint,
                access_key_id=farm.ids.owner.key_id,
                secret_access_key=farm.ids.owner.secret,
                farm_id=farm.farm_id,
            ),
            out,
        )
        waiting = Showroom(data, {}, out)
        waiting.look(connection, {"layers": [{"counts": {"READY": 8}}]})
        assert waiting.children == [], "nothing renders yet"

        farm_id = fill_showroom(data, connection, workers=2, days=0.1)
        farms = connection.server_call("GET", "/farms")["farms"]
        assert [(row["name"], row["simulated"]) for row in farms if row["farm_id"] == farm_id] == [
            (FARM, True)
        ]
        waiting.look(connection, {"layers": [{"counts": {"RUNNING": 2}}]})
        assert waiting.children == [], "it is there already"


NOBODY = str(2**22 - 1)
"""A process that is not the parent of any, as one that was killed."""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends children so")
def test_a_showroom_whose_demo_was_killed_before_it_had_begun_is_not_made(tmp_path: Path) -> None:
    """A child that asked for its parent only then took whoever adopted it for the demo."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for module, word in (
            ("grange.cli.demo_showroom", str(tmp_path)),
            ("grange.wiring.simulation_books", str(theirs.fileno())),
        ):
            child = subprocess.run(
                [sys.executable, "-m", module, word, NOBODY],
                pass_fds=(theirs.fileno(),),
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert (child.returncode, child.stderr) == (1, "")
