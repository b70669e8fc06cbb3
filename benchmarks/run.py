"""Measure Grange: `python -m benchmarks.run [--peers]`. See README.md."""

import argparse
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    collect,
    completions,
    dispatch,
    eta,
    graphs,
    machine,
    owner_loop,
    page,
    page_log,
    process_tasks,
    queue,
    report,
    reports,
    rings,
    scheduler,
    stores,
    submit,
    telemetry,
    throughput,
    wire,
    workers,
)
from benchmarks.contest import Goal, Table
from tools.postgres import Postgres, find_postgres

NOTED_PERCENT = 1.0
Results = tuple[list[Table], list[Goal]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the contests, print the tables and keep the results."""
    options = _options(arguments)
    with ExitStack() as stack:
        place = stack.enter_context(
            tempfile.TemporaryDirectory(dir=options.folder, prefix="bench-")
        )
        folder = Path(place)
        server = _postgres(stack, options.folder)
        about = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "version": machine.commit(),
            "rounds": options.rounds,
            "scale": options.scale,
            "machine": machine.describe(folder),
        }
        print(f"Machine: {about['machine']}")
        if server is None:
            print("PostgreSQL: not found, left out (Debian: apt-get install postgresql)")
        tables: list[Table] = []
        goals: list[Goal] = []
        for name, contest in _contests(options, folder, server).items():
            if options.only and name not in options.only:
                continue
            before = machine.stolen()
            found_tables, found_goals = contest()
            taken = machine.stolen_percent(before)
            if taken >= NOTED_PERCENT:
                found_tables[0].notes.append(
                    f"Other machines of the same host took {taken} % of the processor's time."
                )
            for table in found_tables:
                print(report.text_of(table), flush=True)
            tables += found_tables
            goals += found_goals
        about["load_average_after"] = [round(value, 2) for value in os.getloadavg()]
    if goals:
        print(report.text_of_goals(goals))
    kind = "peers" if options.peers else "own"
    name = options.name or f"{datetime.now(UTC):%Y-%m-%d-%H%M}-{kind}"
    print(f"\nKept in benchmarks/results/{report.keep(name, about, tables, goals).name}")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--peers", action="store_true", help="beside other programs, in one run")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of every contest")
    parser.add_argument("--scale", type=float, default=1.0, help="size of every round")
    parser.add_argument(
        "--only",
        action="append",
        help="whole, completions, processes, dispatch, queue, stores, owner, wire, worker, submit,"
        " scheduler, eta, collect, reports, telemetry, page; repeatable",
    )
    parser.add_argument("--folder", type=Path, help="where databases are made (default: /var/tmp)")
    parser.add_argument("--name", help="name of the results file")
    options = parser.parse_args(arguments)
    options.folder = options.folder or Path("/var/tmp")
    return options


def _postgres(stack: ExitStack, folder: Path) -> str | None:
    """Start a server that waits for the disk, unlike the one tests use."""
    programs = find_postgres()
    if programs is None:
        return None
    tempfile.tempdir = str(folder)  # on the same disk as everything else
    return stack.enter_context(Postgres(programs, durable=True)).url


def _contests(
    options: argparse.Namespace, folder: Path, server: str | None
) -> dict[str, Callable[[], Results]]:
    rounds, scale, peers = options.rounds, options.scale, options.peers
    return {
        "whole": lambda: throughput.contests(folder, server, rounds, scale, with_peers=peers),
        "completions": lambda: completions.contests(folder, rounds, scale, with_peers=peers),
        "processes": lambda: process_tasks.contests(folder, rounds, scale, with_peers=peers),
        "dispatch": lambda: dispatch.contests(folder, rounds, scale),
        "queue": lambda: queue.contests(folder, rounds, scale),
        "stores": lambda: (stores.contests(folder, server, rounds, scale), []),
        "owner": lambda: (owner_loop.contests(folder, server, rounds, scale), []),
        "wire": lambda: wire.contests(max(rounds, 9), with_peers=peers),
        "worker": lambda: (workers.contests(folder, rounds, scale), []),
        "submit": lambda: submit.contests(folder, rounds, with_peers=peers),
        "collect": lambda: collect.contests(folder, rounds, scale, with_peers=peers),
        "eta": lambda: eta.contests(scale),
        "scheduler": lambda: scheduler.contests(rounds, scale),
        "rings": lambda: rings.contests(folder, rounds, scale, with_peers=peers),
        "graphs": lambda: graphs.contests(folder, rounds, scale, with_peers=peers),
        "page-log": lambda: page_log.contests(folder, rounds, scale),
        "telemetry": lambda: telemetry.contests(folder, rounds, scale),
        "page": lambda: page.contests(folder, rounds, scale),
        "reports": lambda: reports.contests(folder, server, rounds, scale, with_peers=peers),
    }


if __name__ == "__main__":
    raise SystemExit(main())
