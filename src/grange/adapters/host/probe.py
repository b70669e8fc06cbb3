"""Readings of the machine, through psutil."""

import platform
import shutil
import socket
import threading
from pathlib import Path

import psutil

from grange.adapters.host.energy import EnergyMeter
from grange.adapters.host.nvidia import GpuUse, asked
from grange.adapters.host.sensors import celsius
from grange.adapters.host.tree import descendants
from grange.kernel.clock import Clock
from grange.ports.host import Inventory, MachineReading, TreeReading

_SLOW_SECONDS = 15.0
"""Temperature and logins are read no more often than this."""
_ARCHITECTURES = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}
_FAMILIES = {"Linux": "linux", "Windows": "windows", "Darwin": "macos"}
_DISK_SENSORS = ("nvme", "drivetemp")


class HostProbe:
    """A `Probe` of this machine.

    Args:
        disk_path: a folder on the disk that sessions work on.
        clock: paces the slow readings.
    """

    def __init__(self, disk_path: Path, clock: Clock) -> None:
        self._disk_path = disk_path
        self._clock = clock
        self._lock = threading.Lock()
        self._meter = EnergyMeter()
        self._gpu_use = GpuUse(clock)
        self._slow_read_at: float | None = None
        self._temperature_milli_c: int | None = None
        self._user_logged_in: bool | None = None

    def inventory(self) -> Inventory:
        """Return what the machine is."""
        mhz = _mhz()
        gpus, gpu_memory_mib = _nvidia_gpus()
        return Inventory(
            host_name=socket.gethostname(),
            ip_addresses=addresses(),
            os_family=_FAMILIES.get(platform.system(), "linux"),
            cpu_arch=_ARCHITECTURES.get(platform.machine().lower(), "x86_64"),
            logical_cores=psutil.cpu_count() or 1,
            physical_cores=psutil.cpu_count(logical=False) or psutil.cpu_count() or 1,
            ghz=round(mhz / 1000, 3) if mhz else None,
            memory_bytes=psutil.virtual_memory().total,
            gpus=gpus,
            gpu_memory_mib=gpu_memory_mib,
            scratch_bytes=shutil.disk_usage(self._disk_path).free,
            mac_addresses=mac_addresses(),
        )

    def machine(self) -> MachineReading:
        """Return the machine's counters now."""
        times = psutil.cpu_times()
        # A guest's time is part of user time already.
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        idle = times.idle + getattr(times, "iowait", 0.0)
        memory = psutil.virtual_memory()
        received = sent = 0
        for name, counters in psutil.net_io_counters(pernic=True).items():
            if name != "lo" and not name.startswith("Loopback"):
                received += counters.bytes_recv
                sent += counters.bytes_sent
        self._read_slow()
        return MachineReading(
            cpu_busy_ms=round((total - idle) * 1000),
            cpu_total_ms=round(total * 1000),
            memory_used_bytes=memory.total - memory.available,
            memory_total_bytes=memory.total,
            net_in_bytes=received,
            net_out_bytes=sent,
            disk_free_bytes=self._disk_free(),
            load1_milli=_load1_milli(),
            temperature_milli_c=self._temperature_milli_c,
            user_logged_in=self._user_logged_in,
            gpu_milli=self._gpu_use.read_milli(),
            energy_mj=self._energy_mj(),
        )

    def tree(self, root_pid: int) -> TreeReading | None:
        """Return the processes below a root now; None if the root is gone."""
        try:
            root = psutil.Process(root_pid)
            ended = root.cpu_times()
            children = descendants(root)
        except psutil.Error:
            return None
        # Waited-for children live on in their parents' counters, so nothing is lost when one ends.
        cpu_seconds = ended.children_user + ended.children_system
        private = shared = processes = 0
        for child in children:
            try:
                with child.oneshot():
                    times = child.cpu_times()
                    memory = child.memory_info()
                    running = child.status() != psutil.STATUS_ZOMBIE
            except psutil.Error:
                continue
            cpu_seconds += times.user + times.system + times.children_user + times.children_system
            common = min(memory.rss, getattr(memory, "shared", 0))
            private += memory.rss - common
            shared = max(shared, common)
            processes += running
        return TreeReading(
            cpu_ms=round(cpu_seconds * 1000), memory_bytes=private + shared, processes=processes
        )

    def own(self) -> TreeReading:
        """Return this process now."""
        process = psutil.Process()
        with process.oneshot():
            times = process.cpu_times()
            memory = process.memory_info()
        return TreeReading(
            cpu_ms=round((times.user + times.system) * 1000), memory_bytes=memory.rss, processes=1
        )

    def _energy_mj(self) -> int | None:
        with self._lock:
            return self._meter.read_mj()

    def _disk_free(self) -> int | None:
        try:
            return shutil.disk_usage(self._disk_path).free
        except OSError:
            return None

    def _read_slow(self) -> None:
        with self._lock:
            now = self._clock.monotonic_seconds()
            if self._slow_read_at is not None and now - self._slow_read_at < _SLOW_SECONDS:
                return
            self._slow_read_at = now
            self._temperature_milli_c = _temperature_milli_c()
            self._user_logged_in = _user_logged_in()


def _mhz() -> float:
    try:
        frequency = psutil.cpu_freq()
        return float(frequency.max or frequency.current)
    except (OSError, NotImplementedError, AttributeError):  # a machine that hides it gives None
        return 0.0


def _load1_milli() -> int | None:
    try:
        return round(psutil.getloadavg()[0] * 1000)
    except OSError:
        return None


def _temperature_milli_c() -> int | None:
    """Return the first disk's temperature."""
    found = celsius(_DISK_SENSORS)
    return None if found is None else int(found * 1000)


def _user_logged_in() -> bool | None:
    try:
        return bool(psutil.users())
    except (OSError, RuntimeError):
        return None


def addresses() -> tuple[str, ...]:
    """Return the machine's own addresses, loopback and link-local ones left out."""
    found: list[str] = []
    for of_interface in psutil.net_if_addrs().values():
        for one in of_interface:
            internet = one.family in {socket.AF_INET, socket.AF_INET6}
            if internet and not one.address.startswith(("127.", "::1", "fe80")):
                found.append(one.address)
    return tuple(sorted(found))


def mac_addresses() -> tuple[str, ...]:
    """Return the hardware addresses of the machine's network cards, as `0123456789ab`."""
    found: set[str] = set()
    for of_interface in psutil.net_if_addrs().values():
        for one in of_interface:
            plain = one.address.replace(":", "").replace("-", "").lower()
            if one.family == psutil.AF_LINK and len(plain) == 12 and plain.strip("0"):
                found.add(plain)
    return tuple(sorted(found))


def _nvidia_gpus() -> tuple[int, int]:
    """Return how many NVIDIA GPUs there are and the MiB of the smallest."""
    memories = [int(line) for line in asked("memory.total") if line.isdecimal()]
    return len(memories), min(memories, default=0)
