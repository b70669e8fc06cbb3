"""What `nvidia-smi` says of this machine's GPUs; without it nothing is known of them."""

import shutil
import subprocess
import threading

from grange.kernel.clock import Clock

EVERY_SECONDS = 15.0
"""How often the use of GPUs is asked for: the program takes a moment, so it is asked beside."""
_FRESH_SECONDS = 3 * EVERY_SECONDS
_TIMEOUT_SECONDS = 10


def asked(field: str, program: str | None = None) -> list[str]:
    """Return what the program says of a field, for each GPU; nothing if it cannot be asked.

    Args:
        field: as `nvidia-smi --help-query-gpu` names it.
        program: the program; default: the one on the path.
    """
    found = program or shutil.which("nvidia-smi")
    if found is None:
        return []
    try:
        answer = subprocess.run(  # noqa: S603 - a fixed command
            [found, f"--query-gpu={field}", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()]


def mean_use_milli(lines: list[str]) -> int | None:
    """Return the mean use of GPUs in thousandths; those that do not tell are left out."""
    told = [int(line) for line in lines if line.isdecimal()]
    return round(sum(told) * 10 / len(told)) if told else None


class GpuUse:
    """How busy the GPUs are, as it was said a moment ago."""

    def __init__(self, clock: Clock, program: str | None = None) -> None:
        """Look for the program.

        Args:
            clock: says when the program is asked again.
            program: the program; default: the one on the path.
        """
        self._clock = clock
        self._program = program or shutil.which("nvidia-smi")
        self._lock = threading.Lock()
        self._asking: threading.Thread | None = None
        self._asked_at: float | None = None
        self._known: tuple[float, int | None] | None = None

    def read_milli(self) -> int | None:
        """Return the mean use of all GPUs in thousandths; None: it is not known."""
        if self._program is None:
            return None
        now = self._clock.monotonic_seconds()
        with self._lock:
            if self._asking is None and (
                self._asked_at is None or now - self._asked_at >= EVERY_SECONDS
            ):
                self._asked_at = now
                self._asking = threading.Thread(target=self._ask, name="gpus", daemon=True)
                self._asking.start()
            if self._known is None or now - self._known[0] > _FRESH_SECONDS:
                return None
            return self._known[1]

    def settle(self) -> None:
        """Wait until what is being asked is known. Blocking."""
        asking = self._asking
        if asking is not None:
            asking.join()

    def _ask(self) -> None:
        use = mean_use_milli(asked("utilization.gpu", self._program))
        with self._lock:
            self._known = (self._clock.monotonic_seconds(), use)
            self._asking = None
