"""`grange server` itself, as it is started by everybody: a parent, the API and the books."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.farms import ROOT
from grange.adapters.farm_http import HttpFarmApi
from grange.adapters.host.clock import SystemClock
from grange.config.settings import ServerSettings
from grange.kernel.errors import GrangeError
from grange.wire.signature import Credentials
from grange.wiring.farm_plan import FarmPlan
from grange.wiring.init import initialise

PATIENCE_SECONDS = 90.0


@contextmanager
def real_server(folder: Path) -> Iterator[dict[str, Any]]:
    """Run a server on a new data folder, every commit on the disk; yields where it is.

    What is yielded is what `farm_server.py` tells too.
    """
    with tempfile.TemporaryDirectory(dir=folder) as place:
        data = Path(place) / "farm"
        made = initialise(ServerSettings(data_dir=data), FarmPlan(zone="UTC"))
        port = _free_port()
        words = [sys.executable, "-m", "grange", "server", "--data", str(data)]
        words += ["--port", str(port), "--parent", str(os.getpid())]
        told = {
            "endpoint": f"http://127.0.0.1:{port}",
            "farm": made.farm_id,
            "queue": made.queue_id,
            "fleet": made.fleet_id,
            "owner": [made.owner.key_id, made.owner.secret],
            "worker": [made.worker.key_id, made.worker.secret],
        }
        with (
            (Path(place) / "server.log").open("w+b") as log,
            subprocess.Popen(words, cwd=ROOT, stdout=log, stderr=log) as server,
        ):
            try:
                _wait_until_it_answers(server, told, Path(place) / "server.log")
                yield told
            finally:
                server.terminate()
                server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(
    server: subprocess.Popen[bytes], told: dict[str, Any], log: Path
) -> None:
    key, secret = told["owner"]
    credentials = Credentials(access_key_id=key, secret_access_key=secret)
    api = HttpFarmApi(told["endpoint"], credentials, SystemClock())
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            api.call("GET", f"/api/v1/farms/{told['farm']}/overview", service="grange")
        except GrangeError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace")
                raise RuntimeError(f"The server did not start:\n{said}") from error
            time.sleep(0.1)
        else:
            break
    api.close()
