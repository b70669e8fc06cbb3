"""Ten-value maps from a publisher in C, through broker and logger to the server; and kills."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grange.testing.farm import LocalFarm
from tests.datalog.broker import Broker, wait_until

NODES = 20
VALUES = 10
TOPIC = "studio/load"


def lines(start: int, count: int) -> Iterator[bytes]:
    """Maps of ten values: message n is of node n % 20, its values are 10 n to 10 n + 9."""
    for number in range(start, start + count):
        values = ",".join(f'"{place}":{number * VALUES + place}' for place in range(VALUES))
        yield f'{{"n{number % NODES}":{{{values}}}}}'.encode()


def expected(count: int) -> dict[tuple[str, int], list[float]]:
    """The values of every source after so many messages."""
    return {
        (f"n{node}", place): [
            float(number * VALUES + place) for number in range(node, count, NODES)
        ]
        for node in range(NODES)
        for place in range(VALUES)
    }


def settings(folder: Path, broker: Broker) -> Path:
    """The logger's streams.toml."""
    series = "".join(
        f'[[datalog.series]]\nname = "n{node}"\nstep_seconds = 1\nsources = [\n'
        + "".join(f'  "{TOPIC}|n{node}|{place}|GAUGE|v{place}",\n' for place in range(VALUES))
        + "]\n"
        for node in range(NODES)
    )
    path = folder / "streams.toml"
    path.write_text(
        f'[datalog]\nname = "cellar"\nfolder = "{folder}/logger"\nbroker = "127.0.0.1"\n'
        f'port = {broker.port}\ntopics = ["studio/#"]\nhttp_port = 0\ndump_seconds = 1\n{series}'
    )
    return path


class Run:
    """A logger as a program of its own, killed and started again."""

    def __init__(self, folder: Path, broker: Broker, farm: LocalFarm) -> None:
        self._folder, self._farm = folder, farm
        self._config = settings(folder, broker)
        self._process: subprocess.Popen[bytes] | None = None
        self.kills = 0

    def start(self) -> None:
        """Start the logger; does not wait."""
        key = self._farm.ids.worker
        with (self._folder / "logger.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "grange", "streams", "datalog", "run", "--config",
                 str(self._config)],  # no --parent: the thread that starts it ends before it
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={
                    **os.environ,
                    **self._farm.environment(),
                    "AWS_ACCESS_KEY_ID": key.key_id,
                    "AWS_SECRET_ACCESS_KEY": key.secret,
                },
            )  # fmt: skip

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(100)
        self.kills += 1

    def stop(self) -> None:
        """Ask it to end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(100)

    def counted(self) -> int:
        """How many values the server has, each once."""
        return sum(row["count"] for row in self.ask("sources")["series"])

    def found(self, since: int) -> dict[tuple[str, int], list[float]]:
        """The values of every source, as the server has them."""
        now = self._farm.api.context.clock.now()
        values: dict[tuple[str, int], list[float]] = {}
        for node in range(NODES):
            name = f"n{node}"
            rows = self.ask("values", series=name, start=since, end=now + 1, limit=200_000)
            assert not rows["more"]
            for source, value in zip(rows["sources"], rows["values"], strict=True):
                values.setdefault((name, source), []).append(value)
        return values

    def ask(self, path: str, **query: Any) -> dict[str, Any]:
        """Ask the server about streams."""
        text = {name: str(value) for name, value in query.items()}
        path = f"/api/v1/farms/{self._farm.farm_id}/streams/{path}"
        found: dict[str, Any] = self._farm.connect().call("GET", path, query=text, service="grange")
        return found

    def said(self) -> str:
        """What the logger said."""
        return (self._folder / "logger.log").read_text()[-5000:]


def none_lost_none_doubled(folder: Path, messages: int, *, kill_every: float) -> Run:
    """Send maps at 1,000 a second; kill the logger again and again, restart the broker once."""
    with LocalFarm(folder / "farm") as farm, Broker(folder / "broker") as broker:
        since = farm.api.context.clock.now()
        run = Run(folder, broker, farm)
        run.start()
        try:
            wait_until((folder / "logger" / "door.json").exists, seconds=100, what="it starts")
            wait_until(broker.took_subscriptions, seconds=100, what="it subscribes")
            half = messages // 2
            with killing(run, kill_every):
                broker.publish(TOPIC, lines(0, half), per_second=1000)
            broker.stop()
            broker.start()
            with killing(run, kill_every):
                broker.publish(TOPIC, lines(half, messages - half), per_second=1000)
            wait_until(
                lambda: run.counted() >= messages * VALUES,
                seconds=120 + messages / 500,
                what="all values arrive",
                pause=0.5,
            )
            run.stop()
            assert run.counted() == messages * VALUES
            found = run.found(since)
            wanted = expected(messages)
            assert {name: sorted(values) for name, values in found.items()} == wanted
        finally:
            run.stop()
            sys.stdout.write(run.said())  # for a failing test
    return run


class killing:  # noqa: N801 - reads like a word of a sentence
    """Kill and start the logger every so many seconds inside the block, at least once."""

    def __init__(self, run: Run, every: float) -> None:
        self._run, self._every = run, every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        before = self._run.kills
        while not self._over.wait(self._every) or self._run.kills == before:
            self._run.kill()
            self._run.start()
