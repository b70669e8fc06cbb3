"""The processor's temperature, frequency and voltage, through psutil and sysfs (S3-25)."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import psutil

from grange.ports.host import SensorReading

_PROCESSOR_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "cpu-thermal", "acpitz")
_VOLTAGE_LABELS = ("vcore", "cpu", "vddcr", "vdd", "core")
_HWMON = Path("/sys/class/hwmon")


class HostSensors:
    """`Sensors` of this machine.

    Args:
        hwmon: the folder of the kernel's sensors.
    """

    def __init__(self, hwmon: Path = _HWMON) -> None:
        self._hwmon = hwmon

    def read(self) -> SensorReading:
        """Return what the sensors say now."""
        return SensorReading(
            temperature_celsius=celsius(_PROCESSOR_SENSORS),
            frequency_mhz=_frequency(),
            voltage_volts=self._voltage(),
        )

    def _voltage(self) -> float | None:
        """Return the processor's voltage: an input of hwmon whose label names it, in volts."""
        for label in sorted(self._hwmon.glob("hwmon*/in*_label")):
            with contextlib.suppress(OSError, ValueError):  # a sensor that cannot be read is none
                name = label.read_text(encoding="utf-8", errors="replace").strip().lower()
                if name.startswith(_VOLTAGE_LABELS):
                    value = label.with_name(label.name.replace("_label", "_input"))
                    return int(value.read_text(encoding="ascii")) / 1000
        return None


def celsius(names: Sequence[str]) -> float | None:
    """Return the temperature of the first sensor of these names that tells one, in °C."""
    read = getattr(psutil, "sensors_temperatures", None)
    if read is None:
        return None
    try:
        sensors = read()
    except OSError:
        return None
    for name in names:
        for one in sensors.get(name, ()):
            if one.current:
                return float(one.current)
    return None


def _frequency() -> float | None:
    try:
        found = psutil.cpu_freq()
    except (OSError, NotImplementedError, AttributeError):  # a machine that hides it gives None
        return None
    return float(found.current) or None
