"""What the machine has used since this program started, by its own meters (RAPL and NVML)."""

import contextlib
import importlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

_POWERCAP = Path("/sys/class/powercap")
_MICROJOULES_PER_MILLIJOULE = 1000


class EnergyMeter:
    """Adds up the meters of processors, memory and NVIDIA GPUs.

    Without a meter of the processors nothing is said: the GPUs alone are not the machine.
    """

    def __init__(
        self,
        powercap: Path = _POWERCAP,
        gpus: Callable[[], Iterable[int]] | None = None,
    ) -> None:
        """Find the meters.

        Args:
            powercap: the kernel's folder of power domains.
            gpus: reads what each GPU has used, in millijoules; default: NVML, where it is there.
        """
        self._domains = _domains(powercap)
        self._gpus = gpus or _nvidia()
        self._last: dict[Path, int] = {}
        self._gpus_before: list[int] | None = None
        self._total_uj = 0

    def read_mj(self) -> int | None:
        """Return millijoules since the first reading; None where they are not measured."""
        read = False
        for domain in self._domains:
            now = _number(domain / "energy_uj")
            if now is None:
                continue
            read = True
            before = self._last.get(domain, now)
            # The counter begins anew when it has passed its range.
            more = now - before
            if more < 0:
                more += _number(domain / "max_energy_range_uj") or 0
            self._total_uj += max(0, more)
            self._last[domain] = now
        if not read:
            return None
        gpus = list(self._gpus())
        before_gpus = self._gpus_before if self._gpus_before is not None else gpus
        if len(gpus) == len(before_gpus):
            more_mj = sum(max(0, b - a) for a, b in zip(before_gpus, gpus, strict=True))
            self._total_uj += more_mj * _MICROJOULES_PER_MILLIJOULE
        self._gpus_before = gpus
        return self._total_uj // _MICROJOULES_PER_MILLIJOULE


def _domains(powercap: Path) -> list[Path]:
    """Return the whole platform if it has a meter; else processors and memory, none twice."""
    named: dict[str, list[Path]] = {}
    for path in sorted(powercap.glob("*-rapl:*")):
        with contextlib.suppress(OSError):  # a domain that cannot be read is none
            name = (path / "name").read_text(encoding="ascii", errors="replace").strip()
            if _number(path / "energy_uj") is not None:
                named.setdefault(name.partition("-")[0], []).append(path)
    return named.get("psys") or [*named.get("package", []), *named.get("dram", [])]


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _nvidia() -> Callable[[], Iterable[int]]:
    try:
        nvml: Any = importlib.import_module("pynvml")
        nvml.nvmlInit()
        handles = [
            nvml.nvmlDeviceGetHandleByIndex(number) for number in range(nvml.nvmlDeviceGetCount())
        ]
    except Exception:  # noqa: BLE001 - no library, no driver, no GPU: NVML has an error for each
        return tuple

    def read() -> list[int]:
        try:
            return [int(nvml.nvmlDeviceGetTotalEnergyConsumption(one)) for one in handles]
        except nvml.NVMLError:
            return []

    return read
