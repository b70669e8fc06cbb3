"""Whether neighbours could hail a worker of this machine, tried at its own addresses."""

import asyncio
import os
import socket
from collections.abc import Sequence

from grange.domain.hails import NONCE_BYTES, Outcome, ask_line, is_answer
from grange.kernel.errors import GrangeError
from grange.worker.hailing import HAIL_SECONDS, HailListener, hail

_NAME = "worker-under-test"


class HailError(GrangeError):
    """Neighbours could not hail a worker of this machine."""


def answered_hail(hosts: Sequence[str], port: int = 0) -> str:
    """Have a listener of this machine answer a hail, and return in words how that went.

    Args:
        hosts: addresses of this machine.
        port: where the worker listens; 0: any free one.

    Raises:
        HailError: nobody can listen, or the answer is none.
    """
    if not hosts:
        raise HailError("This machine has no address that neighbours could call.")
    return asyncio.run(_answered(hosts, port))


async def _answered(hosts: Sequence[str], port: int) -> str:
    key = os.urandom(32)
    nonce = os.urandom(NONCE_BYTES).hex()
    listener = HailListener(hosts, port)
    listener.key, listener.worker_id = key, _NAME
    await listener.start()
    if not listener.addresses:
        return await asyncio.to_thread(_taken, hosts[0], port)
    addresses = listener.addresses
    try:
        order = {"addresses": addresses.split(","), "line": ask_line(key, _NAME, nonce)}
        outcome, line = await asyncio.to_thread(hail, order)
    finally:
        await listener.stop()
    if outcome is not Outcome.ANSWERED or not is_answer(key, _NAME, nonce, line):
        raise HailError(f"A hail at {addresses} was not answered ({outcome}): is a firewall on?")
    return f"a hail at {addresses} is answered"


def _taken(host: str, port: int) -> str:
    """Return that the port is in use already: by the worker that runs here, if it is well."""
    try:
        socket.create_connection((host, port), timeout=HAIL_SECONDS).close()
    except OSError as error:
        raise HailError(f"Nobody can listen at {host}, port {port}.") from error
    return f"somebody listens at port {port} already: the worker, if it runs"
