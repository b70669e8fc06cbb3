"""A real broker to start, stop and fill: mosquitto, with persistence, on a free port."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from tools.ports import free_port

PUBLISHER = "mosquitto_pub"


class Broker:
    """One mosquitto on a folder; `stop` and `start` are a restart of it."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._settings = folder / "mosquitto.conf"
        user = "user root\n" if os.geteuid() == 0 else ""
        self._settings.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {folder}/\nmax_inflight_messages 1000\n"
            f"max_queued_messages 0\nqueue_qos0_messages false\nlog_type all\n{user}"
        )

    def __enter__(self) -> "Broker":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start and wait until it listens."""
        program = os.environ.get("GRANGE_TEST_MOSQUITTO") or shutil.which("mosquitto")
        assert program
        with (self._folder / "log").open("ab") as log:
            said = log.tell()
            self._process = subprocess.Popen(
                [program, "-c", str(self._settings)], stdout=log, stderr=log
            )
        end = time.monotonic() + 100
        while time.monotonic() < end and self._process.poll() is None:
            # It says so once it listens; another program may answer at a port that it did not get.
            if re.search(r"mosquitto version \S+ running", self.log()[said:]):
                return
            time.sleep(0.02)
        raise AssertionError(self.log())

    def took_subscriptions(self) -> int:
        """How often it was subscribed to, and has said so."""
        return self.log().count("Sending SUBACK to")

    def stop(self) -> None:
        """Ask it to end: it saves what it holds."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(100)
            self._process = None

    def log(self) -> str:
        """What it said."""
        return (self._folder / "log").read_text(errors="replace")

    def publisher(self, topic: str, qos: int = 1) -> subprocess.Popen[bytes]:
        """A publisher in C: every line of its input is a message."""
        return subprocess.Popen(
            [PUBLISHER, "-p", str(self.port), "-t", topic, "-q", str(qos), "-l"],
            stdin=subprocess.PIPE,
        )

    def publish(self, topic: str, lines: Iterable[bytes], *, per_second: float = 0) -> None:
        """Publish lines, at most so many each second, and wait until the broker has them all."""
        publisher = self.publisher(topic)
        assert publisher.stdin is not None
        begin = time.monotonic()
        for number, line in enumerate(lines):
            publisher.stdin.write(line + b"\n")
            if per_second and number % 20 == 0:
                publisher.stdin.flush()
                ahead = number / per_second - (time.monotonic() - begin)
                if ahead > 0:
                    time.sleep(ahead)
        publisher.stdin.close()
        assert publisher.wait(120) == 0


def wait_until(done, *, seconds: float, what: str, pause: float = 0.05):
    """Poll until `done` returns something true, and return that."""
    end = time.monotonic() + seconds
    while True:
        found = done()
        if found:
            return found
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(pause)
