"""Where the server is and who we are: what every command of a client needs.

Order, first hit wins, key by key:

1. the command line;
2. boto3's variables (`AWS_ENDPOINT_URL_DEADLINE` before `AWS_ENDPOINT_URL`) and `GRANGE_FARM_ID`,
   `GRANGE_QUEUE_ID`, `GRANGE_FLEET_ID`;
3. the file `client.toml` in the platform's configuration folder (`GRANGE_CLIENT_CONFIG` may name
   another).
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from grange.config.documents import read_document, unknown_key
from grange.kernel.errors import ConfigurationError

DEMO_ENV = Path("var/demo/client.env")
"""Where the demo, started in this folder, writes the settings of any client."""

_VARIABLES: dict[str, tuple[str, ...]] = {
    "server": ("AWS_ENDPOINT_URL_DEADLINE", "AWS_ENDPOINT_URL"),
    "access_key_id": ("AWS_ACCESS_KEY_ID",),
    "secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
    "session_token": ("AWS_SESSION_TOKEN",),
    "region": ("AWS_DEFAULT_REGION", "AWS_REGION"),
    "ca_bundle": ("AWS_CA_BUNDLE",),
    "farm_id": ("GRANGE_FARM_ID",),
    "queue_id": ("GRANGE_QUEUE_ID",),
    "fleet_id": ("GRANGE_FLEET_ID",),
    "storage_profile": ("GRANGE_STORAGE_PROFILE",),
}
"""Key → the environment variables it is read from, first hit wins."""

_DEFAULT_REGION = "us-west-2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """The server's address, the key to sign with, and the farm meant when none is named."""

    server: str
    """Address of the server, e.g. http://127.0.0.1:8765."""
    access_key_id: str
    secret_access_key: str
    session_token: str | None = None
    region: str = _DEFAULT_REGION
    """Region to sign for; the server accepts any."""
    ca_bundle: Path | None = None
    """PEM file of the authority that signed the server's certificate."""
    farm_id: str | None = None
    queue_id: str | None = None
    fleet_id: str | None = None
    storage_profile: str | None = None
    """Name or id of the storage profile of this machine, for the jobs it submits."""


def client_file(environ: Mapping[str, str] | None = None) -> Path:
    """Return the path of `client.toml`."""
    named = (os.environ if environ is None else environ).get("GRANGE_CLIENT_CONFIG")
    return Path(named) if named else platformdirs.user_config_path("grange") / "client.toml"


def load_client(
    *,
    command_line: Mapping[str, str | None] | None = None,
    environ: Mapping[str, str] | None = None,
    file: Path | None = None,
    folder: Path | None = None,
) -> ClientSettings:
    """Return where the server is and the key to sign with.

    Args:
        command_line: values given as options, by key; None counts as not given.
        environ: the environment; default: this process's.
        file: the TOML file; default: `client_file()`. It need not exist.
        folder: where a running demo's settings are looked for, to name them in the error;
            default: the current folder.

    Raises:
        ConfigurationError: the server or the key is not known, or the file is no good.
    """
    environ = os.environ if environ is None else environ
    path = file or client_file(environ)
    values = _from_file(path)
    for key, names in _VARIABLES.items():
        found = next((environ[name] for name in names if environ.get(name)), None)
        if found is not None:
            values[key] = found
    values |= {key: value for key, value in (command_line or {}).items() if value}
    for key, what in (
        ("server", "server"),
        ("access_key_id", "key"),
        ("secret_access_key", "key"),
    ):
        if key not in values:
            raise ConfigurationError(_missing(what, path, folder or Path()))
    if "ca_bundle" in values:
        values["ca_bundle"] = Path(values["ca_bundle"]).expanduser()
    return ClientSettings(**values)


def _from_file(path: Path) -> dict[str, Any]:
    document = read_document(path)
    unknown = sorted(set(document) - set(_VARIABLES))
    if unknown:
        raise unknown_key(path, unknown[0], _VARIABLES)
    wrong = sorted(key for key, value in document.items() if not isinstance(value, str))
    if wrong:
        raise ConfigurationError(f"{path}: {wrong[0]!r} must be text in quotes.")
    return document


def _missing(what: str, path: Path, folder: Path) -> str:
    demo = folder / DEMO_ENV
    if demo.exists():
        return f"No {what} is set. A demo was started here; use its farm with: . {DEMO_ENV}"
    if what == "server":
        return (
            "No server is set. Give --server, set AWS_ENDPOINT_URL, or write"
            f' server = "http://…" to {path}. To start a farm on this machine: grange demo'
        )
    return (
        "No key is set. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write access_key_id and"
        f" secret_access_key to {path}. A farm's owner makes keys with: grange user key NAME"
    )


def has_desktop(environ: Mapping[str, str] | None = None) -> bool:
    """Return True if this process was started on a desktop (X11 or Wayland)."""
    environ = os.environ if environ is None else environ
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def environment_with(values: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with some variables set, for a program to start with.

    Settings of a client (keys, addresses, farm) are left out unless they are among `values`: a
    program the demo starts must use the demo's farm.
    """
    known = {name for names in _VARIABLES.values() for name in names}
    kept = {name: value for name, value in os.environ.items() if name not in known}
    return {**kept, **values}


def process_environment() -> Mapping[str, str]:
    """Return the variables this process was started with."""
    return dict(os.environ)


def client_toml(settings: ClientSettings) -> str:
    """Return settings as the text of a `client.toml`."""
    values = {
        "server": settings.server,
        "access_key_id": settings.access_key_id,
        "secret_access_key": settings.secret_access_key,
        "session_token": settings.session_token,
        "region": settings.region,
        "ca_bundle": None if settings.ca_bundle is None else str(settings.ca_bundle),
        "farm_id": settings.farm_id,
        "queue_id": settings.queue_id,
        "fleet_id": settings.fleet_id,
        "storage_profile": settings.storage_profile,
    }
    return "".join(
        f"{name} = {json.dumps(value)}\n" for name, value in values.items() if value is not None
    )


def default_worker_dir() -> Path:
    """Return the platform's folder for a worker's identity, spool and logs."""
    return platformdirs.user_data_path("grange") / "worker"
