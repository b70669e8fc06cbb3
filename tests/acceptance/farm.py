"""A real farm on loopback: server and workers as programs of their own, to start and kill."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grange.adapters.farm_http import HttpFarmApi
from grange.config.client import ClientSettings
from grange.config.settings import ServerSettings
from grange.domain.rates import RateLine, RateUnit
from grange.kernel.errors import GrangeError
from grange.wiring.client import connect
from grange.wiring.farm_plan import FarmPlan
from grange.wiring.init import InitResult, client_env, initialise, write_private
from tools.ports import free_port

EXAMPLE_PER_HOUR = 600_000_000
"""Billionths per worker hour in the farm's rate card."""


def wait_until(done: Callable[[], Any], *, seconds: float, what: str) -> Any:
    """Poll until `done` returns something true, and return that."""
    end = time.monotonic() + seconds
    while True:
        try:
            found = done()
        except GrangeError:
            found = None
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.05)


@dataclass
class RunningFarm:
    """One server and some workers on a data folder."""

    folder: Path
    threads: int = 2
    port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.init: InitResult = initialise(
            ServerSettings(data_dir=self.folder),
            FarmPlan(
                farm="Test farm",
                rate_name="EXAMPLE",
                example_rates=True,
                rates=(
                    RateLine(
                        line_id="example",
                        unit=RateUnit.WORKER_HOUR,
                        billionths_per_hour=EXAMPLE_PER_HOUR,
                    ),
                ),
            ),
        )
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.env_file = self.folder / "client.env"
        write_private(self.env_file, client_env(self.init, endpoint=self.endpoint))
        self.api: HttpFarmApi = connect(
            ClientSettings(
                server=self.endpoint,
                access_key_id=self.init.owner.key_id,
                secret_access_key=self.init.owner.secret,
            )
        )

    def __enter__(self) -> "RunningFarm":
        return self

    def __exit__(self, *_: object) -> None:
        for name in sorted(self.processes, reverse=True):  # workers before the server
            self.stop(name)

    @property
    def client_environment(self) -> dict[str, str]:
        """This process's environment with the farm's client.env read into it."""
        lines = self.env_file.read_text(encoding="utf-8").splitlines()
        pairs = (line.removeprefix("export ").split("=", 1) for line in lines)
        return {**os.environ, **dict(pairs)}

    def start_server(self, **settings: object) -> None:
        """Start the server, with further settings; does not wait."""
        self._start(
            "server",
            ["server", "--data", str(self.folder), "--port", str(self.port)],
            {f"GRANGE_SERVER_{name.upper()}": str(value) for name, value in settings.items()},
        )

    def start_worker(
        self,
        number: int,
        *options: str,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start a worker, with further options of its command line; does not wait.

        Args:
            number: names it.
            options: of its command line.
            prefix: a command that runs it, e.g. in a network of its own.
            environment: further variables.
        """
        if "PYTHONPATH" in os.environ:  # so that its runners are of the same code
            options = ("--pass-env", "PYTHONPATH", *options)
        self._start(
            f"worker-{number}",
            [
                "worker", "run", "--name", f"worker-{number}", "--threads", str(self.threads),
                "--data", str(self.folder / "workers" / str(number)), *options,
            ],
            {
                "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_DEFAULT_REGION": "us-west-2",
                "AWS_ACCESS_KEY_ID": self.init.worker.key_id,
                "AWS_SECRET_ACCESS_KEY": self.init.worker.secret,
                "GRANGE_FARM_ID": self.init.farm_id,
                "GRANGE_FLEET_ID": self.init.fleet_id,
                **(environment or {}),
            },
            prefix,
        )  # fmt: skip

    def start(self, workers: int = 2) -> "RunningFarm":
        """Start everything and wait until the workers are ready; what fails leaves nothing."""
        try:
            self.start_server()
            wait_until(
                lambda: self.rest("GET", "/overview"), seconds=200, what="the server answers"
            )
            for number in range(1, workers + 1):
                self.start_worker(number)
            wait_until(
                lambda: len(self.ready_workers()) >= workers,
                seconds=200,
                what="the workers are ready",
            )
        except BaseException as error:
            error.add_note(self.logs())
            self.__exit__()
            raise
        return self

    def ready_workers(self) -> list[dict[str, Any]]:
        """Workers that can take work."""
        workers = self.rest("GET", "/overview")["workers"]
        return [worker for worker in workers if worker["status"] in {"idle", "rendering"}]

    def kill(self, name: str) -> None:
        """kill -9 one program, as a power cut would."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def stop(self, name: str) -> None:
        """Ask one program to end."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise

    def rest(self, method: str, path: str, **rest: Any) -> dict[str, Any]:
        """Call the farm's REST API."""
        return self.api.call(
            method, f"/api/v1/farms/{self.init.farm_id}{path}", service="grange", **rest
        )

    def wire(self, method: str, path: str, **rest: Any) -> dict[str, Any]:
        """Call the Deadline Cloud API on the farm."""
        return self.api.call(method, f"/2023-10-12/farms/{self.init.farm_id}{path}", **rest)

    def grange(self, *words: str, timeout: float = 280.0) -> subprocess.CompletedProcess[str]:
        """Run the command line as the farm's owner."""
        return subprocess.run(
            [sys.executable, "-m", "grange", *words],
            env=self.client_environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def logs(self) -> str:
        """What all programs said, for a failing test."""
        return "\n".join(
            f"── {path.name}\n{path.read_text(errors='replace')[-4000:]}"
            for path in sorted(self.folder.glob("*.log"))
        )

    def _start(
        self, name: str, words: list[str], environment: dict[str, str], prefix: Sequence[str] = ()
    ) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*prefix, sys.executable, "-m", "grange", *words, "--parent", str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **environment},
                start_new_session=True,
            )
