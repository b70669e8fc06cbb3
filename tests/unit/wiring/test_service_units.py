"""Units for systemd: systemd itself looks at them (ledger S1-11)."""

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grange.cli.main import run
from grange.config.service_units import ServiceKind, ServiceSettings, command_line, unit_files
from grange.kernel.errors import ConfigurationError
from grange.wiring.service_files import install_units, this_program, verify_units

ODD = Path('/srv/render farm/100% $HOME "quoted"')


pytestmark = pytest.mark.systemd


def settings(kind: ServiceKind = ServiceKind.WORKER, **members: Any) -> ServiceSettings:
    found = {"kind": kind, "user": "daemon", "program": this_program(), **members}
    return ServiceSettings(**found)


def values(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


@pytest.mark.parametrize("kind", list(ServiceKind))
def test_systemd_takes_the_units_of_every_program(tmp_path: Path, kind: ServiceKind) -> None:
    """Ledger S1-11: checked by `systemd-analyze verify`, paths with odd letters too."""
    written = install_units(settings(kind, data_dir=ODD), tmp_path)
    assert verify_units(written) == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(p.name for p in written)
    enabled = written[-1].read_text()
    target = "timers.target" if kind is ServiceKind.COLLECTOR else "multi-user.target"
    assert values(enabled)["WantedBy"] == target, "it starts before anybody logs in"


def test_a_unit_that_systemd_does_not_take_is_not_put_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check must be able to fail: a program that is not there, a name nobody knows."""
    with pytest.raises(ConfigurationError, match="gone"):
        install_units(settings(program=("/gone/python", "-m", "grange")), tmp_path)
    assert list(tmp_path.iterdir()) == []
    unit = tmp_path / "grange-worker.service"
    unit.write_text(unit_files(settings())[0].text.replace("KillMode=", "KilMode="))
    assert "KilMode" in verify_units([unit])


def test_stopping_a_worker_asks_it_alone_and_waits_for_its_frames() -> None:
    """Ledger S1-11: an upgrade drains first; a frame gets the time the administrator gives."""
    unit = values(unit_files(settings(drain_minutes=90))[0].text)
    assert unit["KillMode"] == "mixed", "renders are not told to stop when the worker is"
    assert unit["TimeoutStopSec"] == "5400"
    assert unit["OOMPolicy"] == "continue"
    assert unit["RestartPreventExitStatus"] == "2", "a worker that is refused is not tried forever"


def test_a_worker_of_root_must_be_meant() -> None:
    """Ledger S1-11: a joined worker renders as root only if told to."""
    with pytest.raises(ConfigurationError, match="--allow-root"):
        settings(user="root")
    meant = settings(user="root", words=("--allow-root",))
    assert "--allow-root" in unit_files(meant)[0].text
    assert settings(ServiceKind.SERVER, user="root").user == "root"


def test_words_come_back_as_they_were_given() -> None:
    words = ["/a b/c", 'say "hi"', "back\\slash", "100%", "$HOME", "", "--data=/x"]
    line = command_line(words)
    read = [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(line)]
    assert read == words
    assert "100%%" in line, "a single % would be one of systemd's own words"
    assert "$$HOME" in line
    with pytest.raises(ConfigurationError, match="cannot stand in a unit"):
        command_line(["two\nlines"])


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"user": "no such user"}, "is no user's name"),
        ({"data_dir": Path("here")}, "full path"),
        ({"program": ("grange",)}, "full path"),
        ({"drain_minutes": 0}, "1 or more"),
    ],
)
def test_settings_that_make_no_service_are_refused(members: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        settings(**members)


def test_a_user_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="useradd"):
        install_units(replace(settings(), user="nosuchuser"), tmp_path)


def test_the_command_prints_or_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["admin", "service", "worker", "--user", "daemon", "--data", "/srv/w"]
    assert run([*words, "--print", "--", "--threads", "2"]) == 0
    printed = capsys.readouterr().out
    assert "worker run --data /srv/w --threads 2\n" in printed
    assert run([*words, "--folder", str(tmp_path)]) == 0
    assert "systemctl enable --now grange-worker.service" in capsys.readouterr().out
    assert (tmp_path / "grange-worker.service").exists()
    assert run([*words, "--print", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == []
    assert run(["admin", "service", "worker", "--user", "root", "--print"]) == 2
