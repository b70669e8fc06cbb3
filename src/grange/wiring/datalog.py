"""A data logger with everything it needs: broker, log, files, server, door."""

import json
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs

from grange.adapters.host.clock import SystemClock
from grange.adapters.host.sensors import HostSensors
from grange.adapters.mqtt import Broker, PahoFeed
from grange.adapters.series_files import RingSeriesFiles
from grange.adapters.value_log import FileValueLog
from grange.books.values.sources import LoggedSeries, LoggedSource, parse_source
from grange.config.streams_datalog import DatalogSection, DatalogSeries
from grange.datalog.door import Door, DoorServer
from grange.datalog.program import DataLogger
from grange.datalog.tuning import Tuning
from grange.domain.series import DsType
from grange.kernel.clock import Clock
from grange.kernel.errors import ConfigurationError
from grange.ports.farm_api import FarmApi
from grange.ports.mqtt import MqttFeed

DOOR_FILE = "door.json"
"""In the logger's folder: where its door is, and the token that actions need."""


def logger_name(section: DatalogSection) -> str:
    """Return the name of this data logger."""
    return section.name or socket.gethostname()


def logger_folder(section: DatalogSection) -> Path:
    """Return the folder of this data logger."""
    if section.folder:
        return Path(section.folder).expanduser()
    return platformdirs.user_data_path("grange") / "datalog" / logger_name(section)


def configured(section: DatalogSection) -> tuple[Tuning, list[LoggedSeries]]:
    """Return the settings that may change while a logger runs, and its series.

    Raises:
        InvalidRequestError: one of them is wrong.
    """
    names = Tuning.__struct_fields__
    tuning = Tuning(**{name: getattr(section, name) for name in names})
    tuning.check()
    return tuning, [_series(one) for one in section.series]


@contextmanager
def running_datalog(
    section: DatalogSection,
    *,
    reread: Callable[[], DatalogSection],
    api: FarmApi | None = None,
    farm_id: str = "",
    clock: Clock | None = None,
) -> Iterator[tuple[DataLogger, DoorServer]]:
    """Run a data logger, and its door, inside the block.

    Args:
        section: its settings.
        reread: reads them again.
        api: the connection to the server; None: values stay here.
        farm_id: whose values they are.
        clock: default: the machine's.

    Raises:
        ConfigurationError: a setting is wrong.
        ConflictError: another data logger uses the folder.
    """
    clock = clock or SystemClock()
    folder = logger_folder(section)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = FileValueLog(folder / "log", clock)
    logger = DataLogger(
        name=logger_name(section),
        folder=folder,
        log=log,
        files=RingSeriesFiles(),
        feed=_feed(section, clock),
        post=None if api is None else _post(api, farm_id),
        declare=None if api is None else lambda series: declare(api, farm_id, series),
        contact=None if api is None else lambda: _contact(api, farm_id, logger_name(section)),
        clock=clock,
        window=section.receive_maximum,
        configured=lambda: configured(reread()),
        sensors=HostSensors() if section.host_values else None,
        sensor_seconds=section.host_seconds,
    )
    token = secrets.token_urlsafe(32)
    door = DoorServer(Door(logger, clock), section.http_host, section.http_port, token)
    try:
        logger.start()
        door.start()
        _write_private(folder / DOOR_FILE, {"address": door.address, "token": token})
        yield logger, door
    finally:
        door.stop()
        logger.stop()


def run_datalog(
    section: DatalogSection,
    *,
    reread: Callable[[], DatalogSection],
    changed: Callable[[], object],
    api: FarmApi | None,
    farm_id: str,
    say: Callable[[str], None],
) -> None:
    """Run a data logger until SIGTERM or SIGINT; SIGHUP: read the settings again.

    Args:
        section: its settings.
        reread: reads them again.
        changed: returns another value when the settings' file changed.
        api: the connection to the server; None: values stay here.
        farm_id: whose values they are.
        say: prints a line for the person who started it.
    """
    ending, reload = threading.Event(), threading.Event()
    # By a thread: a handler that interrupts the wait for an event may not set that event itself.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=ending.set).start())
    signal.signal(signal.SIGHUP, lambda *_: threading.Thread(target=reload.set).start())
    with running_datalog(section, reread=reread, api=api, farm_id=farm_id) as (logger, door):
        say(f"Data logger {logger.name} keeps its log in {logger.root.parent}.")
        say(f"Its door: {door.address}")
        last = changed()
        while not ending.wait(1.0):
            now = changed()
            if reload.is_set() or now != last:
                reload.clear()
                last = now
                logger.reload()
        say("Stopping: what came is kept first.")


def declare(api: FarmApi, farm_id: str, series: LoggedSeries) -> bool:
    """Set up a series at the server, so that it keeps archives; returns True if that was new.

    Raises:
        AccessDeniedError: the key is not an owner's.
        ConflictError: the server has another series of this name.
    """
    named = series.archives.split()
    body = {
        "step_seconds": series.step_seconds,
        "heartbeat_seconds": series.heartbeat,
        "archives": named[0] if len(named) == 1 and ":" not in named[0] else named,
        "sources": [
            {
                "label": label,
                "ds_type": source.ds_type.value,
                "minimum": source.minimum,
                "maximum": source.maximum,
                "address": source.address,
                "value_id": source.value_id,
                "value_index": source.index,
            }
            for source, label in zip(series.sources, series.labels, strict=True)
        ],
    }
    path = f"/api/v1/farms/{farm_id}/series/{series.name}"
    changed: bool = api.call("PUT", path, body=body, service="grange")["changed"]
    return changed


def _contact(api: FarmApi, farm_id: str, name: str) -> None:
    body = {"program": "datalog", "machine": name}
    api.call("PUT", f"/api/v1/farms/{farm_id}/streams/contacts", body=body, service="grange")


def door_of(folder: Path) -> tuple[str, str]:
    """Return the address and the token of the data logger that runs in a folder.

    Raises:
        ConfigurationError: none has ever run there.
    """
    try:
        found = json.loads((folder / DOOR_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"No data logger runs in {folder}: start one with grange streams datalog run."
        ) from error
    return found["address"], found["token"]


def _feed(section: DatalogSection, clock: Clock) -> MqttFeed | None:
    if not section.broker:
        return None
    if not 1 <= section.receive_maximum <= 65_535:
        raise ConfigurationError("receive_maximum must lie between 1 and 65535.")
    password = ""
    if section.password_file:
        try:
            password = Path(section.password_file).expanduser().read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigurationError(f"password_file cannot be read: {error}.") from error
    return PahoFeed(
        Broker(
            host=section.broker,
            port=section.port,
            client_id=section.client_id or f"grange-{logger_name(section)}",
            topics=section.topics,
            protocol=section.protocol,
            receive_maximum=section.receive_maximum,
            user_name=section.user_name,
            password=password,
            ca_file=Path(section.ca_file).expanduser() if section.ca_file else None,
        ),
        clock,
    )


def _post(api: FarmApi, farm_id: str) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    path = f"/api/v1/farms/{farm_id}/streams/values"
    return lambda body: api.call("POST", path, body=body, service="grange")


def _series(one: DatalogSeries) -> LoggedSeries:
    return LoggedSeries(
        name=one.name,
        step_seconds=one.step_seconds,
        heartbeat_seconds=one.heartbeat_seconds,
        archives=one.archives,
        sources=tuple(
            parse_source(source)
            if isinstance(source, str)
            else LoggedSource(
                address=source.address,
                value_id=source.value_id,
                index=source.index,
                ds_type=DsType(source.type),
                label=source.label,
                minimum=source.minimum,
                maximum=source.maximum,
            )
            for source in one.sources
        ),
    )


def _write_private(path: Path, value: Mapping[str, str]) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(value, file)
    partial.replace(path)
