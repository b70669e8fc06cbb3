"""The machines of the studio: what they are, and when somebody sits at them or they are off."""

import random
from dataclasses import dataclass

from grange.simulation.plan import StudioPlan

NODES = "nodes"
STATIONS = "stations"
GPUS = "gpus"
FLEETS = (NODES, STATIONS, GPUS)

GIB = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One machine."""

    name: str
    fleet: str
    threads: int
    cores: int
    ghz: float
    speed: float
    """1.0 is a machine of usual speed."""
    watts: float
    memory_gib: int
    flaky: float
    """How much more often attempts fail on it; 1 is usual."""
    loses_power_every_days: float
    skew_ms: int
    """Its clock less the server's."""
    saves_power: bool
    """It is switched off when there is nothing to do at night and at weekends."""

    @property
    def amounts(self) -> dict[str, float]:
        """What its agent says it offers."""
        return {
            "amount.worker.vcpu": float(self.cores * 2),
            "amount.worker.memory": self.memory_gib * 1024.0,
            "amount.worker.gpu": 1.0 if self.fleet == GPUS else 0.0,
            "grange:amount.worker.jobthreads": float(self.threads),
            "grange:amount.worker.cores": float(self.cores),
            "grange:amount.worker.ghz": self.ghz,
            "grange:amount.worker.ps": self.speed,
            "grange:amount.worker.watts": self.watts,
        }

    @property
    def attributes(self) -> dict[str, tuple[str, ...]]:
        """What its agent says it is."""
        return {
            "attr.worker.os.family": ("linux",),
            "attr.worker.cpu.arch": ("x86_64",),
            "attr.worker.instanceType": (f"{self.fleet[:-1]}-{self.cores}c",),
        }


def machines_of(plan: StudioPlan) -> tuple[Machine, ...]:
    """Return the machines: six of ten are nodes, three work stations, one has a GPU."""
    rng = random.Random(f"machines {plan.seed}")  # noqa: S311 - a simulation, no secrets
    gpus = max(1, round(plan.workers * 0.1)) if plan.workers > 2 else 0
    stations = round(plan.workers * 0.3) if plan.workers > 1 else 0
    found = []
    for number in range(plan.workers):
        if number < gpus:
            fleet, label, index = GPUS, "gpu", number
        elif number < gpus + stations:
            fleet, label, index = STATIONS, "ws", number - gpus
        else:
            fleet, label, index = NODES, "node", number - gpus - stations
        old = rng.random() < 0.3
        found.append(
            Machine(
                name=f"{label}{index + 1:03d}",
                fleet=fleet,
                threads=2 if fleet == NODES else 1,
                cores=(16 if old else 32) if fleet == NODES else 12,
                ghz=2.9 if old else 3.6,
                speed=round(rng.gauss(0.75 if old else 1.1, 0.05), 3),
                watts={NODES: 420.0, STATIONS: 260.0, GPUS: 650.0}[fleet],
                memory_gib=128 if fleet == NODES else 64,
                flaky=8.0 if rng.random() < 0.03 else rng.uniform(0.6, 1.4),
                loses_power_every_days=rng.uniform(25, 120),
                skew_ms=rng.randrange(-400, 401),
                saves_power=fleet == NODES and rng.random() < 0.4,
            )
        )
    return tuple(found)
