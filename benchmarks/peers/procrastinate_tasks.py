"""procrastinate on PostgreSQL: tasks that do nothing, per second.

Arguments: `bench`, which reads {"url", "tasks", "workers", "concurrency"} lines; or
`worker URL CONCURRENCY`.
The rate is that of the finishing events in the database, between their first and last tenth.
"""

import asyncio
import json
import subprocess
import sys

import procrastinate
import psycopg

FINISHED = """
SELECT extract(epoch FROM at)::float8 FROM procrastinate_events
WHERE type = 'succeeded' ORDER BY at
"""


def app_of(url: str) -> procrastinate.App:
    """Return an app with one task that does nothing."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))

    @app.task(name="nothing")
    async def nothing(number: int) -> None:
        pass

    return app


async def worker(url: str, concurrency: int) -> None:
    app = app_of(url)
    async with app.open_async():
        print("ready", flush=True)
        sys.stdin.readline()
        await app.run_worker_async(
            concurrency=concurrency, wait=False, install_signal_handlers=False
        )


async def defer(url: str, tasks: int) -> None:
    app = app_of(url)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await app.tasks["nothing"].batch_defer_async(*({"number": n} for n in range(tasks)))


def bench(told: dict) -> float:
    """Run one round and return the rate."""
    asyncio.run(defer(told["url"], told["tasks"]))
    pipe = subprocess.PIPE
    words = [sys.executable, __file__, "worker", told["url"], str(told["concurrency"])]
    running = [
        subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) for _ in range(told["workers"])
    ]
    for process in running:
        process.stdout.readline()
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in running:
        process.wait()
    with psycopg.connect(told["url"]) as connection:
        moments = [at for (at,) in connection.execute(FINISHED)]
    if len(moments) != told["tasks"]:
        raise RuntimeError(f"{len(moments)} of {told['tasks']} tasks were done.")
    first, last = len(moments) // 10, len(moments) - 1 - len(moments) // 10
    return (last - first) / (moments[last] - moments[first])


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        asyncio.run(worker(sys.argv[2], int(sys.argv[3])))
    else:
        for line in sys.stdin:
            print(json.dumps(bench(json.loads(line))), flush=True)
