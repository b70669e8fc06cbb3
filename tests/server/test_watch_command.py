"""`grange admin watch` against a real server: what it finds, whom it tells, and its exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest

from grange.cli.main import run
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR
from grange.testing.farm import LocalFarm


class Desk:
    """A command line with a streams.toml of its own."""

    def __init__(self, folder: Path, capsys: Any) -> None:
        self.folder = folder
        self.capsys = capsys
        self.file = folder / "streams.toml"
        self.dry = folder / "told.txt"
        self.settings()

    def settings(self, more: str = "") -> None:
        self.file.write_text(
            f'[watch]\nstate = "{self.folder}/watch.json"\nschedule = false\n'
            f'notify = ["file:{self.dry}"]\n{more}'
        )

    def watch(self, *words: str) -> tuple[int, str]:
        code = run(["admin", "watch", "--config", str(self.file), *words])
        return code, self.capsys.readouterr().out

    def told(self) -> list[str]:
        if not self.dry.exists():
            return []
        lines = self.dry.read_text().splitlines()
        return [line.removeprefix("Subject: ") for line in lines if line.startswith("Subject: ")]


@pytest.fixture
def desk(farm: LocalFarm, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> Desk:
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("grange.adapters.watched.platform.node", lambda: "hub")
    return Desk(tmp_path, capsys)


def hour_of_lines(farm: LocalFarm, now: int, hours_ago: int, *, machine: str = "px1") -> None:
    """Put an hour of lines, one a minute, in the journal."""
    start = now - now % MILLIS_PER_HOUR - hours_ago * MILLIS_PER_HOUR
    rows = [
        {
            "farm_id": farm.farm_id, "stream": "feedA", "kind": "tx", "machine": machine,
            "at": start + minute * 60_000, "latency_ms": 2000, "bytes": 100, "error": False,
            "product": "SA", "object_name": None, "log_file": "tx_feedA.log",
            "file_identity": f"{machine}-{hours_ago}", "offset": minute,
        }
        for minute in range(60)
        if start + minute * 60_000 <= now
    ]  # fmt: skip
    commit = farm.api.context.ingest._commit
    commit._journal.append(farm.farm_id, "log_lines", rows)
    commit._journal.sync()


def contact(farm: LocalFarm, machine: str, until_at: int) -> None:
    farm.connect().call(
        "PUT", f"/api/v1/farms/{farm.farm_id}/streams/contacts", service="grange",
        body={
            "program": "collect", "machine": machine,
            "collected": [{"stream": "feedA", "kind": "tx", "until_at": until_at}],
        },
    )  # fmt: skip


def test_faults_are_found_in_the_books_of_a_server_and_told_once(farm, desk):
    """Ledger S4-33, S4-34: an hour that was not collected, found through the server, told once."""
    now = farm.api.context.clock.now()
    for hours_ago in (30, 29, 26, 25, 24):
        hour_of_lines(farm, now, hours_ago)
    contact(farm, "px1", now - now % MILLIS_PER_HOUR - 27 * MILLIS_PER_HOUR)
    others = '[[watch.streams]]\nmatch = "*@px2"\nignore = true\n'
    desk.settings('skip = ["silent"]\n' + others)
    code, said = desk.watch("--once", "--json", "--strict")
    answer = json.loads(said)
    assert code == 1
    kinds = {one["check"]: one for one in answer["open"]}
    assert set(kinds) == {"hours", "gaps"}
    assert kinds["gaps"]["text"].startswith("tx:feedA@px1 has 1 gap that no error explains")
    assert kinds["hours"]["severity"] == "critical"
    assert desk.told() == ["[Grange] CRITICAL on hub: 2 new"]
    assert desk.watch("--once")[0] == 0
    assert len(desk.told()) == 1
    code, said = desk.watch("--list")
    assert "gaps" in said
    assert "critical" in said
    desk.settings('skip = ["silent"]\n[[watch.streams]]\nmatch = "*@px?"\nignore = true\n')
    code, said = desk.watch("--once", "--strict")
    assert (code, said) == (0, "All is well.\n")
    told = desk.told()
    assert len(told) == 2
    assert "2 recovered" in told[1]
    assert "1 new" in told[1]  # streams.toml itself has changed


def test_a_dry_run_shows_the_message_and_changes_nothing(farm, desk):
    """Ledger S4-34: dry run."""
    desk.settings(f'[[watch.pages]]\npath = "{desk.folder}/none"\n')
    code, said = desk.watch("--dry-run", "--no-server")
    assert code == 0
    assert "Subject: [Grange] WARNING on hub: " in said
    assert desk.told() == []
    assert not (desk.folder / "watch.json").exists()


def test_a_server_that_is_down_is_a_finding_and_closes_none(farm, desk, monkeypatch):
    """Ledger S4-33."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL_DEADLINE", "http://127.0.0.1:9")
    monkeypatch.delenv("GRANGE_FARM_ID")
    _, said = desk.watch("--once", "--json")
    answer = json.loads(said)
    assert [(one["check"], one["severity"]) for one in answer["open"]] == [("server", "critical")]
    assert "hours" in answer["unknown"]
    assert desk.told() == ["[Grange] CRITICAL on hub: 1 new"]


def test_the_machine_alone_needs_no_server(desk, monkeypatch, tmp_path):
    """Ledger S4-33."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    metrics = tmp_path / "grange.prom"
    desk.settings(f'[[watch.folders]]\npath = "{tmp_path}"\nwarn_percent = 0.0\n')
    code, said = desk.watch("--once", "--no-server", "--metrics", str(metrics))
    assert code == 0
    assert "disk" in said
    text = metrics.read_text()
    assert 'grange_watch_findings{check="disk",severity="warning",machine="hub"} 1\n' in text
    assert 'grange_watch_findings{check="pages",severity="warning",machine="hub"} 0\n' in text
    assert 'grange_watch_known{check="hours",machine="hub"} 1\n' in text


def test_everybody_can_be_sent_a_test(desk):
    """Ledger S4-34."""
    assert desk.watch("--test") == (0, "1 of 1 took the message.\n")
    assert desk.told() == ["[Grange] TEST on hub"]


def test_a_program_out_of_service_can_be_forgotten(farm, desk):
    """Ledger S4-33: else its silence would be a finding for ever."""
    farm.connect().call(
        "PUT", f"/api/v1/farms/{farm.farm_id}/streams/contacts", service="grange",
        body={"program": "collect", "machine": "px/9"},
    )  # fmt: skip
    assert desk.watch("--forget", "collect@px/9")[0] == 0
    assert desk.watch("--forget", "collect@px/9")[0] == 3
    assert desk.watch("--forget", "collect")[0] != 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('skip = ["nonsense"]', "no check 'nonsense'"),
        ('zone = "Mars/Olympus"', "no time zone"),
        ('quiet = "22"', "HH:MM-HH:MM"),
        ('digest = "25:00"', "HH:MM"),
        ('notify = ["nonsense://x"]', "not understood"),
        ("dayz = 3", "dayz"),
    ],
)
def test_a_setting_that_is_wrong_is_named(desk, line, words):
    """Ledger S4-33: a watch that does nothing because of a typing error would be worse."""
    desk.file.write_text(f"[watch]\n{line}\n")
    assert run(["admin", "watch", "--once", "--no-server", "--config", str(desk.file)]) != 0
    assert words in desk.capsys.readouterr().err


def test_a_past_without_a_collector_shows_what_is_missing_by_its_machine(farm, desk):
    """Ledger S4-33: where nobody says how far logs were read, the machine's other hours tell."""
    now = farm.api.context.clock.now()
    for hours_ago in (10, 9, 7, 6):
        hour_of_lines(farm, now, hours_ago, machine="px2")
    desk.settings('skip = ["silent", "writers", "gaps"]\n')
    answer = json.loads(desk.watch("--dry-run", "--json")[1])
    missing = [one for one in answer["open"] if one["subject"] == "tx:feedA@px2"]
    assert [one["check"] for one in missing] == ["hours"]
    assert missing[0]["since_at"] % MILLIS_PER_DAY >= 0
    assert "hours of tx:feedA@px2 not collected" in missing[0]["text"]
