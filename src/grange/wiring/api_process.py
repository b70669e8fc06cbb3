"""The API child: `python -m grange.wiring.api_process`, started by the parent."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable

import uvloop

from grange.adapters.host.clock import SystemClock
from grange.server.books_rpc import BooksClient
from grange.server.one_write import Traffic
from grange.server.serve import (
    make_server,
    put_loop_first,
    serve,
    settle_garbage,
    spare_collections,
)
from grange.server.supervisor import die_with_parent, read_task, say_ready
from grange.services import templates
from grange.wiring.api import Api, running_api
from grange.wiring.logs import log_to_stderr
from grange.wiring.tasks import ServerTask

SECONDS_PER_HOUR = 3600.0


async def run(task: ServerTask) -> None:
    """Serve on the inherited socket until SIGTERM."""
    settings = task.settings
    clients: list[BooksClient] = []

    def open_books(before: Callable[[], Awaitable[object]]) -> BooksClient:
        client = BooksClient(task.books_socket, clock=SystemClock(), before=before)
        clients.append(client)
        return client

    listener = socket.socket(fileno=task.listener_fd)

    def failed() -> None:
        os.kill(os.getpid(), signal.SIGTERM)  # the parent starts another one

    traffic = Traffic()
    async with running_api(
        settings,
        address=task.address,
        names=task.names,
        open_books=open_books,
        failed=failed,
        traffic=traffic.read,
    ) as api:
        files = settings.tls_files
        server = make_server(
            api.app,
            api.context.closing,
            traffic=traffic,
            tls_certificate=None if files is None else files.certificate,
            tls_key=None if files is None else files.key,
        )
        say_ready()
        settling = asyncio.create_task(_settle(api))
        backing_up = asyncio.create_task(_back_up(api, settings.backup_hours), name="backups")
        await serve(server, listener)
        await settling
        backing_up.cancel()
        await asyncio.gather(backing_up, return_exceptions=True)
        for client in clients:
            await client.close()


async def _back_up(api: Api, hours: int) -> None:
    if hours:
        await api.context.backups.run(hours * SECONDS_PER_HOUR)


async def _settle(api: Api) -> None:
    """Load what was left for later; then everything long-lived is there."""
    await api.rest.warm()
    await asyncio.to_thread(templates.load)
    settle_garbage()


def main() -> None:
    """Run as a child of the parent."""
    die_with_parent(int(sys.argv[1]))
    task: ServerTask = read_task(ServerTask)
    log_to_stderr(task.settings.log_level)
    put_loop_first()
    spare_collections()
    uvloop.run(run(task))


if __name__ == "__main__":
    main()
