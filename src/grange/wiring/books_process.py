"""The books child: `python -m grange.wiring.books_process`, started by the parent."""

import asyncio
import signal
import sys

from grange.server.books_rpc import serve_books
from grange.server.supervisor import die_with_parent, read_task, say_ready
from grange.wiring.books import open_books
from grange.wiring.logs import log_to_stderr
from grange.wiring.tasks import ServerTask


async def run(task: ServerTask) -> None:
    """Keep the books and answer questions until SIGTERM."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    async with open_books(task.settings) as answers:
        server = await serve_books(task.books_socket, answers)
        async with server:
            say_ready()
            await over.wait()


def main() -> None:
    """Run as a child of the parent."""
    die_with_parent(int(sys.argv[1]))
    task: ServerTask = read_task(ServerTask)
    log_to_stderr(task.settings.log_level)
    asyncio.run(run(task))


if __name__ == "__main__":
    main()
