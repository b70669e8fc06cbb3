"""Encrypted connections with an authority of one's own: unmodified boto3, and workers that pin it.

The server is the real program on every address of the machine; clients are the real clients.
"""

import http.client
import json
import os
import ssl
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grange.adapters.pinning import fetch_authority, fingerprint_of, parse_fingerprint
from grange.config.client import ClientSettings
from grange.kernel.errors import (
    ConfigurationError,
    UnreachableError,
)
from grange.testing.farm import LocalFarm
from grange.wiring.client import connect

pytestmark = pytest.mark.slow

SECONDS = 250
PYTHONPATH = os.environ.get("PYTHONPATH", "")
OTHER = "sha256:" + "0" * 64


@dataclass
class SafeFarm:
    """A farm behind `grange server --host 0.0.0.0`."""

    folder: Path
    port: int
    fingerprint: str
    env: dict[str, str]

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def grange(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return grange(*words, env={**os.environ, **self.env, **env})


def grange(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "grange", *words],
        env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS,
        check=False,
    )  # fmt: skip


def variables(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.removeprefix("export ").split("=", 1) for line in lines)


@pytest.fixture(scope="module")
def safe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SafeFarm]:
    folder = tmp_path_factory.mktemp("safe") / "data"
    made = grange(
        "admin", "init", "--data", str(folder), "--zone", "Asia/Tokyo", "--currency", "JPY",
        "--host", "localhost",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    printed = next(line for line in made.stdout.splitlines() if "sha256:" in line)
    process = subprocess.Popen(
        [sys.executable, "-m", "grange", "server", "--data", str(folder), "--host", "0.0.0.0",
         "--port", "0", "--parent", str(os.getpid())],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        if "answers at https://" in line:
            port = int(line.partition("https://")[2].split()[0].rpartition(":")[2])
            break
    else:
        raise AssertionError("".join(said))
    yield SafeFarm(
        folder, port, "sha256:" + printed.partition("sha256:")[2].split()[0],
        variables(folder / "client.env"),
    )  # fmt: skip
    process.terminate()
    assert process.wait(SECONDS) == 0
    process.stdout.close()


def test_boto3_with_the_variables_of_client_env_works_over_tls(safe: SafeFarm):
    assert safe.env["AWS_ENDPOINT_URL"] == safe.url
    assert safe.env["AWS_CA_BUNDLE"] == str(safe.folder / "tls" / "ca.pem")
    script = (
        "import boto3; c = boto3.client('deadline');"
        " f = c.list_farms()['farms'][0]['farmId'];"
        " print(f, c.create_queue(farmId=f, displayName='by boto3')['queueId'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **safe.env}, capture_output=True, text=True, timeout=SECONDS,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    farm_id, queue_id = done.stdout.split()
    assert farm_id == safe.env["GRANGE_FARM_ID"]
    assert queue_id.startswith("queue-")


def test_a_client_that_does_not_know_the_authority_sends_nothing_and_says_what_to_do(
    safe: SafeFarm,
):
    done = safe.grange("farm", "ls", AWS_CA_BUNDLE="")
    assert done.returncode == 5
    assert "--fingerprint" in done.stderr
    assert "grange admin trust" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_bundle_that_is_not_there_is_named(safe: SafeFarm, tmp_path: Path):
    done = safe.grange("farm", "ls", AWS_CA_BUNDLE=str(tmp_path / "none.pem"))
    assert done.returncode == 2
    assert "none.pem" in done.stderr


def test_the_farm_has_the_zone_and_the_currency_that_were_chosen(safe: SafeFarm):
    shown = _api(safe).call(
        "GET", f"/api/v1/farms/{safe.env['GRANGE_FARM_ID']}/overview", service="grange"
    )
    assert (shown["farm"]["zone"], shown["farm"]["currency"]) == ("Asia/Tokyo", "JPY")


def test_a_worker_that_pins_the_fingerprint_joins_and_keeps_the_authority(
    safe: SafeFarm, tmp_path: Path
):
    folder = tmp_path / "worker"
    joined = safe.grange(
        "worker", "join", safe.url, "--fingerprint", safe.fingerprint.upper(), "--data",
        str(folder), "--no-run",
        AWS_CA_BUNDLE=str(tmp_path / "of another machine.pem"),
    )  # fmt: skip
    assert joined.returncode == 0, joined.stderr
    kept = tomllib.loads((folder / "client.toml").read_text())
    assert kept["ca_bundle"] == str(folder / "ca.pem")
    assert fingerprint_of((folder / "ca.pem").read_text()) == safe.fingerprint
    api = connect(
        ClientSettings(
            server=kept["server"],
            access_key_id=kept["access_key_id"],
            secret_access_key=kept["secret_access_key"],
            ca_bundle=Path(kept["ca_bundle"]),
        )
    )
    assert api.call("GET", "/api/v1/me", service="grange")["role"] == "worker"
    api.close()


def test_a_token_alone_joins_a_machine_and_pins_the_authority(safe: SafeFarm, tmp_path: Path):
    """Ledger S1-11: one command to join, and nothing of the machine's own settings is used."""
    made = safe.grange("worker", "token", "--json")
    assert made.returncode == 0, made.stderr
    token = json.loads(made.stdout)
    assert token["fingerprint"] == safe.fingerprint
    folder = tmp_path / "worker"
    words = ("worker", "join", safe.url, "--data", str(folder), "--no-run", "--token")
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": PYTHONPATH}
    joined = grange(*words, token["token"], env={**bare, "AWS_ACCESS_KEY_ID": "AKIAOTHER"})
    assert joined.returncode == 0, joined.stderr
    kept = tomllib.loads((folder / "client.toml").read_text())
    assert kept["access_key_id"] == token["access_key_id"]
    assert (kept["farm_id"], kept["fleet_id"]) == (token["farm_id"], token["fleet_id"])
    assert fingerprint_of((folder / "ca.pem").read_text()) == safe.fingerprint


def test_a_worker_refuses_a_server_with_another_authority(safe: SafeFarm, tmp_path: Path):
    users = _api(safe).call("GET", "/api/v1/users", service="grange")["users"]
    done = safe.grange(
        "worker", "join", safe.url, "--fingerprint", OTHER, "--data", str(tmp_path), "--no-run"
    )
    assert done.returncode == 4
    assert safe.fingerprint in done.stderr
    assert "Nothing was sent" in done.stderr
    assert not (tmp_path / "client.toml").exists()
    assert not (tmp_path / "ca.pem").exists()
    assert _api(safe).call("GET", "/api/v1/users", service="grange")["users"] == users


def test_trust_fetches_the_authority_for_any_client(safe: SafeFarm, tmp_path: Path):
    path = tmp_path / "farm.pem"
    done = grange("admin", "trust", safe.url, safe.fingerprint, "-o", str(path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"export AWS_CA_BUNDLE={path}"
    assert safe.grange("farm", "ls", AWS_CA_BUNDLE=str(path)).returncode == 0


def test_plain_http_is_not_answered(safe: SafeFarm):
    connection = http.client.HTTPConnection("127.0.0.1", safe.port, timeout=10)
    connection.request("GET", "/healthz")
    with pytest.raises((http.client.HTTPException, OSError)):
        connection.getresponse()
    connection.close()


def test_a_browser_is_signed_in_under_a_name_of_the_certificate_with_a_secure_cookie(
    safe: SafeFarm,
):
    link = _api(safe).call("POST", "/api/v1/login-links", body={}, service="grange")["url"]
    assert link.startswith(safe.url)
    path = link.removeprefix(safe.url)
    context = ssl.create_default_context(cafile=str(safe.folder / "tls" / "ca.pem"))

    def get(host: str) -> Any:
        connection = http.client.HTTPSConnection("localhost", safe.port, context=context)
        connection.putrequest("GET", path, skip_host=True)
        connection.putheader("host", f"{host}:{safe.port}")
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer

    assert get("evil.example").status == 403
    answer = get("localhost")
    assert answer.status == 303
    assert "Secure" in str(answer.headers["set-cookie"])
    assert "HttpOnly" in str(answer.headers["set-cookie"])


def test_a_certificate_that_was_given_is_used_on_loopback_too(
    safe: SafeFarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    tls = safe.folder / "tls"
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tls / "ca.pem"))
    with LocalFarm(
        tmp_path / "farm", tls_certificate=tls / "server.pem", tls_key=tls / "server.key"
    ) as farm:
        assert farm.endpoint.startswith("https://")
        assert farm.boto3().list_farms()["farms"]
        with pytest.raises(UnreachableError, match="no authority of its own"):
            fetch_authority(farm.endpoint, OTHER)


@pytest.mark.parametrize(
    "text", ["", "sha256:", "sha256:12", "md5:" + "0" * 64, "g" * 64, "0" * 63, "0" * 65]
)
def test_what_is_no_fingerprint_is_refused(text: str):
    with pytest.raises(ConfigurationError, match="64 hexadecimal digits"):
        parse_fingerprint(text)


def test_a_fingerprint_may_be_written_as_openssl_does():
    digits = "6AF960CFF494F1A5E9E6FA4CAB84182C1C688C43499AAB9C858BC564FB5F9CE5"
    pairs = ":".join(digits[at : at + 2] for at in range(0, 64, 2))
    assert parse_fingerprint(pairs) == parse_fingerprint(digits) == f"sha256:{digits.lower()}"


def test_a_fingerprint_needs_an_encrypted_address():
    with pytest.raises(ConfigurationError, match="https://"):
        fetch_authority("http://127.0.0.1:9", OTHER)
    with pytest.raises(UnreachableError, match="did not answer"):
        fetch_authority("https://127.0.0.1:9", OTHER)


def _api(safe: SafeFarm) -> Any:
    return connect(
        ClientSettings(
            server=safe.url,
            access_key_id=safe.env["AWS_ACCESS_KEY_ID"],
            secret_access_key=safe.env["AWS_SECRET_ACCESS_KEY"],
            ca_bundle=safe.folder / "tls" / "ca.pem",
        )
    )
