"""Asking a licence server by a command of the farm's owner."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from grange.domain.licence_servers import LicenceServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How a command ended."""

    exit_code: int | None
    """None: it took too long, and was ended."""
    out: str = ""
    err: str = ""


class LicenceCommands(Protocol):
    """Runs the commands."""

    async def run(self, words: Sequence[str], timeout_seconds: float) -> Said:
        """Run a command to its end; with what it started it is ended after so long."""
        ...


class LicenceServers(Protocol):
    """Knows which servers there are to ask."""

    def servers(self) -> tuple[LicenceServer, ...]:
        """Return them; those known before, if the file cannot be read now."""
        ...
