"""Being hailed by neighbours, and hailing them when the server asks for it.

The listener answers challenges made with its fleet's key, and does nothing else. Whoever has not
got the key is hung up on without a word.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from grange.domain.hails import MOST_LINE_BYTES, Outcome, answer_line
from grange.ports.host import Inventory
from grange.worker.settings import WorkerSettings

HAIL_SECONDS = 2.0
"""How long each step of a hail may take."""
_MOST_CALLERS = 16
_MOST_ADDRESSES = 8
_BEST = (Outcome.ANSWERED, Outcome.SILENT, Outcome.REFUSED, Outcome.UNREACHED)

_log = logging.getLogger(__name__)


def hosts_of(settings: WorkerSettings, inventory: Inventory) -> Sequence[str]:
    """Return the addresses of this machine that a worker's neighbours can call it at."""
    return inventory.ip_addresses if settings.joined else ("127.0.0.1",)


class HailListener:
    """Answers this worker's neighbours.

    Args:
        hosts: addresses of this machine it can be called at; where there is one, it listens there
            alone.
        port: 0 for any free one.
    """

    def __init__(self, hosts: Sequence[str], port: int = 0) -> None:
        v4 = [one for one in hosts if ":" not in one]
        self._hosts = tuple((v4 or list(hosts))[:_MOST_ADDRESSES])
        self._port = port
        self._callers = 0
        self._server: asyncio.Server | None = None
        self.key: bytes | None = None
        """The fleet's key; None: the server has not told it yet, and nobody is answered."""
        self.worker_id = ""
        self.addresses = ""
        """Where it listens, as the server is told; empty: nowhere."""

    async def start(self) -> None:
        """Listen; where that is not possible, say so and go on."""
        if not self._hosts:
            return
        everywhere = "::" if ":" in self._hosts[0] else "0.0.0.0"  # noqa: S104 - neighbours call
        host = self._hosts[0] if len(self._hosts) == 1 else everywhere
        try:
            self._server = await asyncio.start_server(
                self._called, host, self._port, limit=MOST_LINE_BYTES
            )
        except OSError as error:
            _log.warning(
                "Neighbours cannot hail this worker.",
                extra={"action": "hail_listener", "error": str(error)},
            )
            return
        port = self._server.sockets[0].getsockname()[1]
        self.addresses = ",".join(
            f"[{one}]:{port}" if ":" in one else f"{one}:{port}" for one in self._hosts
        )

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            self.addresses = ""

    async def _called(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._callers += 1
        try:
            if self._callers <= _MOST_CALLERS:
                async with asyncio.timeout(HAIL_SECONDS):
                    await self._answer(reader, writer)
        except (OSError, ValueError, TimeoutError):
            _log.debug("A caller was hung up on.", extra={"action": "hail_refused"})
        finally:
            self._callers -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readline()).decode("ascii").removesuffix("\n")
        answer = None if self.key is None else answer_line(self.key, self.worker_id, line)
        if answer is not None:
            writer.write(answer.encode("ascii") + b"\n")
            await writer.drain()


def hail(order: Mapping[str, Any]) -> tuple[Outcome, str]:
    """Carry the server's challenge to a worker; return what was met, and its answer. Blocking."""
    met = [(Outcome.UNREACHED, "")]
    for address in order["addresses"][:_MOST_ADDRESSES]:
        host, _, port = str(address).rpartition(":")
        met.append(_call(host.strip("[]"), int(port), str(order["line"])))
        if met[-1][0] is Outcome.ANSWERED:
            break
    return min(met, key=lambda one: _BEST.index(one[0]))


def _call(host: str, port: int, line: str) -> tuple[Outcome, str]:
    try:
        connection = socket.create_connection((host, port), timeout=HAIL_SECONDS)
    except ConnectionRefusedError:
        return Outcome.REFUSED, ""
    except OSError:
        return Outcome.UNREACHED, ""
    with connection:
        try:
            connection.sendall(line.encode("ascii") + b"\n")
            with connection.makefile("rb") as lines:
                said = lines.readline(MOST_LINE_BYTES)
        except OSError:
            return Outcome.SILENT, ""
    # Hung up on without a word: whoever listens there is not that worker.
    if not said:
        return Outcome.UNREACHED, ""
    return Outcome.ANSWERED, said.decode("ascii", "replace").removesuffix("\n")
