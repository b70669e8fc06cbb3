"""Licence servers outside the farm: which command asks one, and what its answer means. Pure.

The farm counts the seats that its own sessions hold. Somebody else may use licences of the same
server; a command of the farm's owner tells how many are left.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from grange.domain.licences import PoolKey, Region
from grange.kernel.errors import ConfigurationError

FILE_NAME = "licences.toml"
OVERDUE_MS = 15 * 60_000
"""A server that has not answered for so long is a finding, whatever its command says."""
LONGEST_EVERY_SECONDS = 300
_MEMBERS = frozenset(
    {"farm", "app", "plugin", "version", "region", "command", "timeout_seconds", "every_seconds"}
)
_LONGEST_ANSWER = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceServer:
    """A command that asks how many licences of a pool are left."""

    app: str
    command: tuple[str, ...]
    """The program and its arguments; no shell."""
    plugin: str = ""
    version: str = ""
    region: Region = Region.DEFAULT
    farm: str | None = None
    """Name or id; None: every farm that has such a pool."""
    timeout_seconds: float = 10.0
    every_seconds: float = 60.0

    @property
    def pool(self) -> PoolKey:
        """The pool it is asked about."""
        return self.app, self.plugin, self.version


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a licence server said; None: it did not say."""

    free: int | None = None
    """Seats nobody uses now."""
    used: int | None = None
    """Seats in use, those of this farm among them."""
    others: int | None = None
    """Seats in use by others than this farm."""
    total: int | None = None


def read_servers(document: Mapping[str, object], where: str) -> tuple[LicenceServer, ...]:
    """Return the servers of a decoded `licences.toml`.

    Raises:
        ConfigurationError: it is not what it should be.
    """
    listed = document.get("server", [])
    if set(document) - {"server"} or not isinstance(listed, list):
        raise ConfigurationError(f"{where}: write servers as [[server]], nothing else.")
    found = [_server(item, f"{where}, server {number}") for number, item in enumerate(listed, 1)]
    return tuple(found)


def _server(item: object, where: str) -> LicenceServer:
    if not isinstance(item, dict):
        raise ConfigurationError(f"{where}: write it as [[server]].")
    strange = sorted(set(item) - _MEMBERS)
    if strange:
        raise ConfigurationError(
            f"{where}: {strange[0]!r} is not known; there are {', '.join(sorted(_MEMBERS))}."
        )
    command = item.get("command")
    if (
        not isinstance(command, list)
        or not command
        or not all(isinstance(word, str) and word for word in command)
    ):
        raise ConfigurationError(f"{where}: `command` is a list of words, the program first.")
    texts = {name: item.get(name, "") for name in ("app", "plugin", "version")}
    if not texts["app"] or not all(isinstance(text, str) for text in texts.values()):
        raise ConfigurationError(f"{where}: `app` names the application of a licence pool.")
    region = str(item.get("region", Region.DEFAULT))
    if region not in set(Region):
        raise ConfigurationError(f"{where}: `region` is one of {', '.join(Region)}.")
    farm = item.get("farm")
    return LicenceServer(
        command=tuple(command),
        region=Region(region),
        farm=None if farm is None else str(farm),
        timeout_seconds=_seconds(item, "timeout_seconds", 10.0, (1, 60), where),
        every_seconds=_seconds(item, "every_seconds", 60.0, (5, LONGEST_EVERY_SECONDS), where),
        **texts,
    )


def _seconds(
    item: Mapping[str, object], name: str, default: float, bounds: tuple[float, float], where: str
) -> float:
    least, most = bounds
    value = item.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ConfigurationError(f"{where}: `{name}` is from {least:g} to {most:g} seconds.")
    return float(value)


def read_answer(text: str) -> Answer:
    """Return what a command printed: seats that are free, as a number, or a JSON object.

    Raises:
        ValueError: it is neither; says what is wrong.
    """
    if len(text) > _LONGEST_ANSWER:
        raise ValueError("it printed too much")
    try:
        said = json.loads(text)
    except ValueError:
        raise ValueError(f"it printed {_short(text)}, no number and no JSON") from None
    if not isinstance(said, dict):
        return Answer(free=_count(said, "a number of free seats"))
    counts = {
        name: _count(said[name], name)
        for name in ("free", "used", "others", "total")
        if said.get(name) is not None
    }
    answer = Answer(**counts)
    if answer.used is not None and answer.total is None:
        raise ValueError("`used` needs `total` beside it")
    if answer.free is None and answer.used is None and answer.others is None:
        raise ValueError("its JSON has none of free, used with total, others")
    return answer


def seats_for_us(answer: Answer, ours: int, counted: int | None) -> tuple[int | None, int | None]:
    """Return how many seats this farm may hold, and how many others use, as far as that is known.

    Args:
        answer: what the licence server said.
        ours: seats that sessions of this farm held when it was asked.
        counted: how many the pool has by the farm's own count; None: any number.
    """
    total = counted if answer.total is None else answer.total
    if answer.others is not None:
        return None if total is None else max(0, total - answer.others), answer.others
    free = answer.free
    if free is None:
        free = max(0, (answer.total or 0) - (answer.used or 0))
    others = None if answer.used is None else max(0, answer.used - ours)
    return free + ours, others


def _count(value: object, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise ValueError(f"{what} is {_short(str(value))}, not a whole number from 0 on")
    return value


def _short(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= 60 else f"{text[:60]}…")
