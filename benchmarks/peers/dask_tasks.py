"""dask.distributed: tasks that do nothing or are a process, per second; bytes per waiting task.

Reads {"what": "rate" or "processes", "tasks", "workers"} or {"what": "bytes", "tasks"} lines.
"""

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
from distributed import Client, LocalCluster, as_completed


def nothing(number: int) -> int:
    return number


def launch(number: int) -> int:
    return subprocess.run(["/bin/true"], check=True).returncode + number


def rate(tasks: int, workers: int, work: Callable[[int], int] = nothing) -> float:
    """Return completions per second between the first and last tenth."""
    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        client.wait_for_workers(workers)
        client.gather(client.map(work, range(10 * workers)))
        futures = client.map(work, range(1000, 1000 + tasks))
        moments = [time.monotonic() for _ in as_completed(futures)]
    first, last = tasks // 10, tasks - 1 - tasks // 10
    return (last - first) / (moments[last] - moments[first])


def bytes_per_task(tasks: int) -> float:
    """Return what a task that waits for a worker costs, in client and scheduler together."""
    process = psutil.Process()
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        warm = client.map(nothing, range(100))
        gc.collect()
        before = process.memory_info().rss
        futures = client.map(nothing, range(1000, 1000 + tasks))
        while len(cluster.scheduler.tasks) < tasks + 100:
            time.sleep(0.05)
        gc.collect()
        found = (process.memory_info().rss - before) / tasks
        del futures, warm
    return found


def main() -> None:
    for line in sys.stdin:
        told = json.loads(line)
        if told["what"] == "rate":
            found = rate(told["tasks"], told["workers"])
        elif told["what"] == "processes":
            found = rate(told["tasks"], told["workers"], launch)
        else:
            found = bytes_per_task(told["tasks"])
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
