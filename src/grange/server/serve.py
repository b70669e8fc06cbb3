"""Runs the application on a listening socket with uvicorn."""

import asyncio
import contextlib
import gc
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import FrameType

import uvicorn

from grange.server.asgi import App
from grange.server.one_write import Traffic, protocol_of

DRAIN_SECONDS = 10
SWITCH_SECONDS = 0.001
"""A thread that computes lets the event loop have the interpreter after so long. By default it is
five times as long, and the loop may have to wait so for each request while rows are read."""
GC_THRESHOLDS = (50_000, 50, 1_000)
"""Full collections paused loops of many connections for up to 0.2 s; so they are made rare."""


class _Server(uvicorn.Server):
    """A server that says when it begins to stop, so that held requests end at once."""

    def __init__(self, config: uvicorn.Config, closing: asyncio.Event) -> None:
        super().__init__(config)
        self._closing = closing

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop."""
        self._closing.set()
        super().handle_exit(sig, frame)

    def stop(self) -> None:
        """Begin to stop, from inside the process."""
        self._closing.set()
        self.should_exit = True


def make_server(
    app: App,
    closing: asyncio.Event,
    *,
    traffic: Traffic | None = None,
    tls_certificate: Path | None = None,
    tls_key: Path | None = None,
) -> _Server:
    """Return a server for `app`; `closing` is set when it begins to stop.

    Args:
        app: the application.
        closing: is set when the server begins to stop.
        traffic: counts its connections.
        tls_certificate: for TLS.
        tls_key: of the certificate.
    """
    config = uvicorn.Config(
        app,
        http=protocol_of(traffic or Traffic()),
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        backlog=4096,
        ssl_certfile=tls_certificate,
        ssl_keyfile=tls_key,
    )
    return _Server(config, closing)


async def serve(server: _Server, listener: socket.socket) -> None:
    """Serve on a listening socket until a signal says stop."""
    await server.serve(sockets=[listener])


@contextlib.asynccontextmanager
async def serving(server: _Server, listener: socket.socket) -> AsyncIterator[None]:
    """Serve inside the block, without touching the process's signals."""
    task = asyncio.create_task(server._serve([listener]))  # noqa: SLF001 - serve() takes the signals
    while not server.started and not task.done():
        await asyncio.wait({task}, timeout=0.01)
    if task.done():
        await task
    try:
        yield
    finally:
        server.stop()
        await task


def put_loop_first() -> None:
    """Let the event loop wait little for threads that compute."""
    sys.setswitchinterval(SWITCH_SECONDS)


def spare_collections() -> None:
    """Make collections rare: call before the farm is read, which is all there to stay."""
    gc.set_threshold(*GC_THRESHOLDS)


def settle_garbage() -> None:
    """Call once everything long-lived is made: what exists is never looked at again."""
    gc.collect()
    gc.freeze()
    spare_collections()
