"""`grange admin init`: asked once, then kept; an authority, a certificate, both private."""

import json
import os
import pty
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from grange.adapters.authority import CERTIFICATE_DAYS, TlsFolder, read_certificate
from grange.adapters.host.zone import local_zone
from grange.adapters.pinning import fingerprint_of
from grange.cli.main import run
from grange.config.settings import ServerSettings
from grange.kernel.clock import VirtualClock
from grange.kernel.errors import ConfigurationError, CorruptDataError
from grange.kernel.units import MILLIS_PER_DAY, Instant, datetime_of
from grange.wiring.tls import OwnCertificate, door_of, own_certificate

NOW = Instant(1_800_000_000_000)


@pytest.fixture
def settings(tmp_path: Path) -> ServerSettings:
    return ServerSettings(data_dir=tmp_path / "data")


def listening(settings: ServerSettings, host: str = "0.0.0.0") -> ServerSettings:
    return ServerSettings(data_dir=settings.data_dir, host=host)


def make(settings: ServerSettings, clock: VirtualClock, *names: str) -> OwnCertificate:
    return own_certificate(settings, farm="Farm", names=names, clock=clock)


def leaf(settings: ServerSettings) -> x509.Certificate:
    return x509.load_pem_x509_certificate((settings.tls_folder / "server.pem").read_bytes())


# The command


def answered(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert run(["admin", "init", *words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_init_makes_a_farm_of_this_zone_and_currency_and_a_second_time_keeps_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    where = ("--data", str(tmp_path / "data"))
    first = answered(capsys, *where, "--zone", "Europe/Berlin", "--currency", "eur")
    assert (first["created"], first["zone"], first["currency"]) == (True, "Europe/Berlin", "EUR")
    again = answered(capsys, *where)
    assert not again["created"]
    unchanged = ("farm_id", "zone", "currency", "fingerprint", "names", "expires_at")
    assert {name: again[name] for name in unchanged} == {name: first[name] for name in unchanged}
    assert run(["admin", "init", *where, "--currency", "USD"]) == 2
    assert "chosen once" in capsys.readouterr().err


def test_defaults_are_the_machines_zone_and_us_dollars(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    made = answered(capsys, "--data", str(tmp_path / "data"), "--yes")
    assert (made["zone"], made["currency"]) == (local_zone(), "USD")
    assert {"localhost", "127.0.0.1", "::1"} < set(made["names"])


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--zone", "Mars/Olympus"), "IANA"),
        (("--zone", "../../etc/passwd"), "IANA"),
        (("--currency", "dollars"), "ISO 4217"),
        (("--host", "https://farm"), "no name of a machine"),
    ],
)
def test_a_wrong_answer_is_refused_with_what_is_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], problem: str
):
    assert run(["admin", "init", "--data", str(tmp_path / "data"), "--yes", *words]) == 2
    assert problem in capsys.readouterr().err


def test_on_a_terminal_it_asks_for_zone_and_currency_once(tmp_path: Path):
    words = [sys.executable, "-m", "grange", "admin", "init", "--data", str(tmp_path / "data")]

    def on_a_terminal(typed: bytes) -> str:
        ours, theirs = pty.openpty()
        os.write(ours, typed)
        done = subprocess.run(
            words, stdin=theirs, capture_output=True, text=True, timeout=250, check=False
        )
        os.close(ours)
        os.close(theirs)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    said = on_a_terminal(b"America/Lima\n\n")
    assert f"[{local_zone()}]" in said
    assert "[USD]" in said
    assert "zone America/Lima, currency USD" in said
    assert "The farm's currency [" not in on_a_terminal(b"")


# The certificate


def test_the_chain_holds_for_every_name_and_keys_are_private(settings: ServerSettings):
    made = make(settings, VirtualClock(NOW), "farm.example", "10.0.0.5")
    files = TlsFolder(folder=settings.tls_folder)
    authority = x509.load_pem_x509_certificate(files.authority.read_bytes())
    verifier = (
        PolicyBuilder()
        .store(Store([authority]))
        .time(datetime_of(NOW))
        .build_server_verifier(x509.DNSName("farm.example"))
    )
    verifier.verify(leaf(settings), [])
    assert made.names == ("farm.example", "10.0.0.5", "localhost", "127.0.0.1", "::1")
    assert made.fingerprint == fingerprint_of(files.authority.read_text())
    for path in (files.authority_key, files.key):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.folder.stat().st_mode) == 0o700


def test_new_names_make_a_new_certificate_of_the_same_authority(settings: ServerSettings):
    clock = VirtualClock(NOW)
    first = make(settings, clock, "a.example")
    serial = leaf(settings).serial_number
    assert make(settings, clock) == first
    assert leaf(settings).serial_number == serial
    second = make(settings, clock, "b.example")
    assert second.fingerprint == first.fingerprint
    assert second.names[0] == "b.example"
    assert leaf(settings).serial_number != serial


def test_a_certificate_that_is_about_to_expire_is_renewed_when_the_server_starts(
    settings: ServerSettings,
):
    first = make(settings, VirtualClock(NOW), "farm.example")
    assert first.expires_at == NOW + CERTIFICATE_DAYS * MILLIS_PER_DAY
    said: list[str] = []
    late = VirtualClock(Instant(first.expires_at - 31 * MILLIS_PER_DAY))
    door_of(listening(settings), clock=late, say=said.append)
    assert said == []
    later = VirtualClock(Instant(first.expires_at - 29 * MILLIS_PER_DAY))
    door = door_of(listening(settings), clock=later, say=said.append)
    assert "renewed" in said[0]
    assert door.names == first.names
    renewed = read_certificate(settings.tls_folder / "server.pem")
    assert renewed.expires_at > first.expires_at
    assert leaf(settings).not_valid_before_utc < datetime_of(later.now()) - timedelta(hours=1)


def test_a_certificate_that_cannot_be_renewed_is_told_of(settings: ServerSettings):
    first = make(settings, VirtualClock(NOW), "farm.example")
    (settings.tls_folder / "ca.key").unlink()
    said: list[str] = []
    door_of(listening(settings), clock=VirtualClock(first.expires_at), say=said.append)
    assert "expires" in said[0]
    with pytest.raises(ConfigurationError, match=r"ca\.key"):
        make(settings, VirtualClock(NOW), "other.example")


def test_a_key_that_is_not_the_certificates_is_told_or_mended(settings: ServerSettings):
    """As after a crash between writing the one and the other."""
    make(settings, VirtualClock(NOW), "farm.example")
    key = settings.tls_folder / "server.key"
    key.write_bytes((settings.tls_folder / "ca.key").read_bytes())
    given = ServerSettings(
        data_dir=settings.data_dir / "elsewhere",
        host="0.0.0.0",
        tls_certificate=settings.tls_folder / "server.pem",
        tls_key=key,
    )
    with pytest.raises(ConfigurationError, match="does not belong"):
        door_of(given, clock=VirtualClock(NOW), say=print)
    said: list[str] = []
    door_of(listening(settings), clock=VirtualClock(NOW), say=said.append)
    assert "renewed" in said[0]
    assert door_of(given, clock=VirtualClock(NOW), say=said.append).names[0] == "farm.example"
    key.unlink()
    with pytest.raises(ConfigurationError, match=r"server\.key cannot be read"):
        door_of(given, clock=VirtualClock(NOW), say=print)


def test_damaged_files_are_named(settings: ServerSettings):
    make(settings, VirtualClock(NOW))
    (settings.tls_folder / "server.pem").write_text("nothing")
    with pytest.raises(CorruptDataError, match=r"server\.pem"):
        door_of(listening(settings), clock=VirtualClock(NOW), say=print)
    (settings.tls_folder / "server.pem").unlink()
    (settings.tls_folder / "ca.key").write_text("nothing")
    with pytest.raises(CorruptDataError, match=r"ca\.key"):
        make(settings, VirtualClock(NOW), "other.example")


def test_clients_are_told_the_first_name_where_every_address_is_meant(settings: ServerSettings):
    with pytest.raises(ConfigurationError, match="grange admin init"):
        listening(settings)
    make(settings, VirtualClock(NOW), "farm.example")
    clock = VirtualClock(NOW)
    door = door_of(listening(settings), clock=clock, say=print)
    assert door.host == "farm.example"
    assert door.authority == settings.tls_folder / "ca.pem"
    assert door_of(listening(settings, "10.1.2.3"), clock=clock, say=print).host == "10.1.2.3"
    assert door_of(listening(settings, "fd00::2"), clock=clock, say=print).host == "[fd00::2]"
    on_loopback = door_of(settings, clock=clock, say=print)
    assert (on_loopback.host, on_loopback.authority) == ("127.0.0.1", None)
