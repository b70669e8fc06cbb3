"""Grange's programs as systemd units: they start before anybody logs in, and stay when all log off.

Stopping a worker drains it: systemd asks it once to stop (SIGTERM to the worker alone), it finishes
the frames it renders, hands the rest back and ends. Only after the time given is it killed. So a
restart, which an upgrade ends with, loses no frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from grange.kernel.errors import ConfigurationError

ALLOW_ROOT = "--allow-root"
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@:/.,+=-")


class ServiceKind(StrEnum):
    """Which program."""

    SERVER = "server"
    WORKER = "worker"
    COLLECTOR = "collector"
    """`grange streams cycle`, every hour."""
    DATALOG = "datalog"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFile:
    """One file for systemd."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """What a service is told."""

    kind: ServiceKind
    user: str
    program: tuple[str, ...]
    """How this installation's `grange` is started; the first word is a full path."""
    group: str = ""
    """Empty: the user's own."""
    data_dir: Path | None = None
    """The program's folder; None: the platform's, of that user."""
    words: tuple[str, ...] = ()
    """Further words of the command line."""
    drain_minutes: int = 60
    """How long a worker may take to finish what it renders."""

    def __post_init__(self) -> None:
        if not self.program or not Path(self.program[0]).is_absolute():
            raise ConfigurationError("A service needs the full path of the program it starts.")
        if not self.user or not set(self.user) <= _PLAIN:
            raise ConfigurationError(f"{self.user!r} is no user's name.")
        if self.data_dir is not None and not self.data_dir.is_absolute():
            raise ConfigurationError(f"--data must be a full path, not {self.data_dir}.")
        root = self.user in {"root", "0"}
        if self.kind is ServiceKind.WORKER and root and ALLOW_ROOT not in self.words:
            raise ConfigurationError(
                "A worker should not render as root: name another user with --user. If you mean"
                f" it, say so behind two dashes: -- {ALLOW_ROOT}"
            )
        if self.drain_minutes < 1:
            raise ConfigurationError("--drain-minutes must be 1 or more.")


_COMMANDS = {
    ServiceKind.SERVER: ("server",),
    ServiceKind.WORKER: ("worker", "run"),
    ServiceKind.COLLECTOR: ("streams", "cycle"),
    ServiceKind.DATALOG: ("streams", "datalog", "run"),
}
_TITLES = {
    ServiceKind.SERVER: "Grange server",
    ServiceKind.WORKER: "Grange worker",
    ServiceKind.COLLECTOR: "Grange collector of logs",
    ServiceKind.DATALOG: "Grange data logger",
}
_TAKES_DATA = (ServiceKind.SERVER, ServiceKind.WORKER)


def unit_files(settings: ServiceSettings) -> tuple[UnitFile, ...]:
    """Return the files of a service; the last one is what is enabled."""
    name = f"grange-{settings.kind.value}"
    service = UnitFile(name=f"{name}.service", text=_service(settings))
    if settings.kind is not ServiceKind.COLLECTOR:
        return (service,)
    return service, UnitFile(name=f"{name}.timer", text=_timer())


def _service(settings: ServiceSettings) -> str:
    kind = settings.kind
    words = [*settings.program, *_COMMANDS[kind]]
    if settings.data_dir is not None and kind in _TAKES_DATA:
        words += ["--data", str(settings.data_dir)]
    words += settings.words
    lines = [
        "[Unit]",
        f"Description={_TITLES[kind]}",
        "Wants=network-online.target",
        "After=network-online.target time-sync.target",
    ]
    if kind is not ServiceKind.COLLECTOR:
        lines.append("StartLimitIntervalSec=0")
    lines += [
        "",
        "[Service]",
        f"Type={'oneshot' if kind is ServiceKind.COLLECTOR else 'exec'}",
        f"User={settings.user}",
        *([f"Group={settings.group}"] if settings.group else []),
        f"ExecStart={command_line(words)}",
        "UMask=0027",
        "LimitNOFILE=65536",
        *_manners(settings),
    ]
    if kind is not ServiceKind.COLLECTOR:
        lines += ["", "[Install]", "WantedBy=multi-user.target"]
    return "\n".join(lines) + "\n"


def _manners(settings: ServiceSettings) -> list[str]:
    """Return how a service is restarted and stopped."""
    again = ["Restart=on-failure", "RestartSec=5", "RestartPreventExitStatus=2"]
    match settings.kind:
        case ServiceKind.WORKER:
            return [
                *again,
                "# Asked once, the worker finishes its frames; jobs hear nothing of it.",
                "KillMode=mixed",
                f"TimeoutStopSec={settings.drain_minutes * 60}",
                "# A render that is killed for lack of memory must not take the worker along.",
                "OOMPolicy=continue",
            ]
        case ServiceKind.COLLECTOR:
            return ["Nice=10"]
        case _:
            return [*again, "KillMode=mixed", "TimeoutStopSec=60", "NoNewPrivileges=yes"]


def _timer() -> str:
    return (
        "[Unit]\n"
        "Description=Grange collector of logs, every hour\n"
        "\n"
        "[Timer]\n"
        "OnCalendar=*-*-* *:05:00\n"
        "RandomizedDelaySec=60\n"
        "Persistent=true\n"
        "\n"
        "[Install]\n"
        "WantedBy=timers.target\n"
    )


def command_line(words: Sequence[str]) -> str:
    """Return words as systemd reads them again."""
    return " ".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    escaped = word.replace("%", "%%").replace("$", "$$")
    if word and set(word) <= _PLAIN:
        return escaped
    if any(ord(letter) < 32 for letter in word):
        raise ConfigurationError(f"{word!r} cannot stand in a unit.")
    inner = escaped.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'
