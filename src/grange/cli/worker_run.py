"""Running a worker here, and joining this machine to a farm first."""

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from grange.cli import worker_kept
from grange.cli.connection import Connection
from grange.cli.output import Output
from grange.cli.worker_kept import with_kept
from grange.cli.worker_options import WorkerOptions
from grange.cli.worker_renderers import given_programs
from grange.config.client import (
    ClientSettings,
    client_toml,
    load_client,
    process_environment,
)
from grange.config.join_token import parse_token
from grange.kernel.errors import AccessDeniedError, ConfigurationError, ConflictError
from grange.wiring.client import connect, machine_zone, trusted_authority
from grange.wiring.parent import end_with
from grange.wiring.worker import run_worker
from grange.worker.settings import WorkerSettings, job_environment
from grange.worker.speed import kept

_KEPT = "client.toml"
"""In the worker's folder: where the server is and the worker's key."""
_AUTHORITY = "ca.pem"
"""In the worker's folder: the authority of the server that was joined by its fingerprint."""
_WORKER_USER = "worker"
"""User whose keys workers register with."""


def run_worker_here(options: WorkerOptions, out: Output) -> int:
    """Run a worker until it is told to stop; returns the exit code.

    Raises:
        ConfigurationError: the server, the key, the farm or the fleet is not known.
    """
    options = with_kept(options)
    client = _client(options)
    _named(client.farm_id, "farm")
    _named(client.fleet_id, "fleet")
    end_with(options.parent)
    return run_worker(_settings(options, client), connect(client), out.note)


def worker_settings(
    options: WorkerOptions,
) -> tuple[WorkerSettings, Callable[[], ClientSettings]]:
    """Return the settings of a worker that need not have joined yet, and how its server is found.

    The second raises ConfigurationError if the server or the key is not known.
    """
    try:
        client = _client(options)
    except ConfigurationError:
        client = None
    return _settings(options, client), lambda: _client(options)


def _settings(options: WorkerOptions, client: ClientSettings | None) -> WorkerSettings:
    environment = process_environment()
    speed = kept(options.folder)
    return WorkerSettings(
        farm_id=(client.farm_id if client else None) or "",
        fleet_id=(client.fleet_id if client else None) or "",
        state_dir=options.folder,
        server_host=(urlsplit(client.server).hostname if client else None) or "",
        name=options.name or "",
        threads=options.threads,
        job_user=options.job_user or "",
        allow_root=options.allow_root,
        watts=options.watts,
        relative_speed=1.0 if speed is None else speed.relative_speed,
        environment=job_environment(environment, options.pass_env),
        zone=machine_zone(),
        renderers=given_programs(options.renderers),
        contain=options.contain,
        hail=options.hail,
        hail_port=options.hail_port,
        power_commands={
            order: command
            for order, command in (
                ("shutdown", options.shutdown_command),
                ("restart", options.restart_command),
            )
            if command
        },
        copy_bytes_per_second=None if options.copy_rate is None else options.copy_rate * 2**20,
    )


def join_farm(options: WorkerOptions, out: Output) -> None:
    """Keep the server's address, a worker's key and the options given in the worker's folder.

    Raises:
        ConfigurationError: the key, the farm or the fleet is not known.
        AccessDeniedError: the key is not valid on this server or may not register workers, or the
            server is not the one that was pinned.
    """
    given = _to_join(options)
    api = connect(given)
    me = api.call("GET", "/api/v1/me", service="grange")
    if me["role"] == "owner":
        connection = Connection.of(given, out)
        farm_id = connection.farm_id
        key_id, secret = new_worker_key(connection)
        joined = replace(
            given,
            farm_id=farm_id,
            fleet_id=given.fleet_id or only_fleet(connection),
            queue_id=None,
            access_key_id=key_id,
            secret_access_key=secret,
            session_token=None,
        )
    else:
        joined = replace(given, queue_id=None)
    _named(joined.farm_id, "farm")
    _named(joined.fleet_id, "fleet")
    if not may_register(me, str(joined.farm_id)):
        raise AccessDeniedError(
            f"The key of {me['name']} may not register workers: that takes a worker's key, an"
            " owner's, or level MANAGER of the farm. An owner makes a token for it with:"
            " grange worker token"
        )
    path = options.folder / _KEPT
    _write_private(path, client_toml(joined))
    _write_private(options.folder / worker_kept.FILE, worker_kept.kept_text(options))
    out.line(f"Joined {joined.server}; its address and a worker's key are kept in {path}")


def may_register(me: Mapping[str, Any], farm_id: str) -> bool:
    """Return whether somebody, as the server describes them, may register workers of a farm."""
    if me["role"] in {"owner", "worker"}:
        return True
    return any(
        held["level"] in {"MANAGER", "OWNER"} and held["target_id"] == farm_id
        for held in me["memberships"]
    )


def _client(options: WorkerOptions) -> ClientSettings:
    """Return the settings of the worker's client: as joined, unless the command line says more."""
    kept = options.folder / _KEPT
    if not kept.exists():
        return load_client(command_line=_given(options))
    return load_client(command_line=_given(options), environ={}, file=kept)


def _to_join(options: WorkerOptions) -> ClientSettings:
    """Return where to join and with which key: those of the token, if there is one."""
    if options.token is None:
        return load_client(command_line=_given(options) | _pinned(options))
    token = parse_token(options.token)
    pinned = replace(options, fingerprint=options.fingerprint or token.fingerprint or None)
    held = {
        "access_key_id": token.access_key_id,
        "secret_access_key": token.secret_access_key,
        "farm_id": options.farm or token.farm_id,
        "fleet_id": options.fleet or token.fleet_id,
    }
    # Nothing of this machine's own settings: the token says it all.
    nothing = options.folder / "no-such-file"
    return load_client(
        command_line=_given(options) | _pinned(pinned) | held, environ={}, file=nothing
    )


def _pinned(options: WorkerOptions) -> dict[str, str | None]:
    """Return the authority to trust, kept in the worker's folder, if one was pinned."""
    if options.fingerprint is None:
        return {}
    path = options.folder / _AUTHORITY
    return {"ca_bundle": str(trusted_authority(options.server or "", options.fingerprint, path))}


def _given(options: WorkerOptions) -> dict[str, str | None]:
    return {"server": options.server, "farm_id": options.farm, "fleet_id": options.fleet}


def _named(value: str | None, what: str) -> str:
    if not value:
        raise ConfigurationError(
            f"The worker needs to know its {what}: give --{what} or set GRANGE_{what.upper()}_ID."
        )
    return value


def only_fleet(connection: Connection) -> str:
    """Return the farm's fleet, if there is one only.

    Raises:
        ConfigurationError: there is none, or several.
    """
    fleets = list(connection.pages(f"/farms/{connection.farm_id}/fleets", "fleets"))
    if len(fleets) != 1:
        known = ", ".join(f"{one['displayName']} ({one['fleetId']})" for one in fleets) or "none"
        raise ConfigurationError(f"Name the worker's fleet with --fleet. The farm has: {known}.")
    return str(fleets[0]["fleetId"])


def new_worker_key(connection: Connection) -> tuple[str, str]:
    """Return id and secret of a new key of role worker."""
    body = {"name": _WORKER_USER, "role": "worker"}
    with contextlib.suppress(ConflictError):  # it is there already
        connection.server_call("POST", "/users", body=body)
    key = connection.server_call("POST", f"/users/{_WORKER_USER}/keys", body={})
    return str(key["key_id"]), str(key["secret"])


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        stream.write(text)
    partial.replace(path)
