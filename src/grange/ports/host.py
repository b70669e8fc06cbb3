"""The machine a worker runs on: its sensors and its processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What the machine is. None where it could not be found out."""

    host_name: str
    ip_addresses: tuple[str, ...]
    os_family: str
    """linux, windows or macos."""
    cpu_arch: str
    """x86_64 or arm64."""
    logical_cores: int
    physical_cores: int
    ghz: float | None
    memory_bytes: int
    gpus: int
    gpu_memory_mib: int
    """Of the smallest GPU; 0 without one."""
    scratch_bytes: int
    """Free on the disk that sessions work on."""
    mac_addresses: tuple[str, ...] = ()
    """Of its network cards, as `0123456789ab`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineReading:
    """The machine's counters at one moment. None is unknown, never zero."""

    cpu_busy_ms: int
    """CPU time spent by all cores since boot."""
    cpu_total_ms: int
    """CPU time all cores had since boot, idle included."""
    memory_used_bytes: int
    memory_total_bytes: int
    net_in_bytes: int
    """Received since boot, loopback left out."""
    net_out_bytes: int
    disk_free_bytes: int | None
    load1_milli: int | None
    temperature_milli_c: int | None
    user_logged_in: bool | None
    gpu_milli: int | None
    energy_mj: int | None = None
    """What the machine used since some moment, by its own meters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeReading:
    """The processes below a root, the root itself left out."""

    cpu_ms: int
    """CPU time of all processes there ever were below the root, ended ones included."""
    memory_bytes: int
    """Resident now; pages that several processes share are counted once."""
    processes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessIdentity:
    """A process that cannot be confused with a later one of the same number."""

    pid: int
    started: str
    """When it started, in the system's own words: two processes of one number differ in it."""


class Probe(Protocol):
    """Reads the machine. Thread-safe."""

    def inventory(self) -> Inventory:
        """Return what the machine is."""
        ...

    def machine(self) -> MachineReading:
        """Return the machine's counters now."""
        ...

    def tree(self, root_pid: int) -> TreeReading | None:
        """Return the processes below a root now; None if the root is gone."""
        ...


class Processes(Protocol):
    """Names and ends processes."""

    def identity(self, pid: int) -> ProcessIdentity | None:
        """Return who runs under this number now."""
        ...

    def below(self, root_pid: int) -> list[ProcessIdentity]:
        """Return every process below a root, the root left out."""
        ...

    def marked(self, variable: str, value: str) -> list[ProcessIdentity]:
        """Return the processes whose environment holds `variable=value`, where it can be read.

        The calling process is left out.
        """
        ...

    def kill(self, identities: Sequence[ProcessIdentity], *, user: str | None = None) -> int:
        """Kill processes and the process groups they lead, at once; returns how many there were.

        Args:
            identities: who; those that have ended since are left alone.
            user: the user they run as, if it is another: the signal is then sent through sudo.
        """
        ...

    def confine(self, root_pid: int, cores: Sequence[int] | None, memory_bytes: int | None) -> None:
        """Let a root and everything below it, now and later, use no more than this.

        Args:
            root_pid: the root.
            cores: numbers of the cores it may run on, of those the calling process may; None: all.
            memory_bytes: a process that asks for far more is refused by the system; None: no limit.
        """
        ...

    def oom_kills(self) -> int | None:
        """Return how many processes the system has killed for lack of memory since it started."""
        ...

    def adopt_orphans(self) -> None:
        """Become the parent of every process below this one whose parent ends, where possible."""
        ...

    def reap_orphans(self, seconds: float) -> None:
        """Take note of adopted processes that have ended, or end within `seconds`.

        Only while no child of its own runs.
        """
        ...

    def die_with_parent(self, parent_pid: int) -> None:
        """Have this process asked to end (SIGTERM) when its parent dies, where the system can.

        Args:
            parent_pid: the parent; if it is gone already, the signal comes at once.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorReading:
    """What the sensors of the machine's processor say. None where there is no such sensor."""

    temperature_celsius: float | None
    frequency_mhz: float | None
    voltage_volts: float | None


class Sensors(Protocol):
    """Reads the processor's sensors. Thread-safe."""

    def read(self) -> SensorReading:
        """Return what they say now."""
        ...
