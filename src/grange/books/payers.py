"""Who pays: the client, or the house for what was the house's fault.

What came to nothing has a cause class, and every cause class has a payer.
"""

from collections.abc import Mapping
from enum import StrEnum


class Outcome(StrEnum):
    """What became of the time of a tile."""

    USEFUL = "useful"
    """An attempt that succeeded, or still runs."""
    OVERHEAD = "overhead"
    """Environments, input, output copies, gaps."""
    FAILED = "failed"
    ABORTED = "aborted"
    """Interrupted or canceled."""
    SUPERSEDED = "superseded"
    """A success that a later one took the place of although nobody asked for it."""
    RERENDERED = "rerendered"
    """A success of which somebody asked for another rendering."""
    IDLE = "idle"
    """Machine time without work, and costs that no work caused."""


WASTE = (Outcome.FAILED, Outcome.ABORTED, Outcome.SUPERSEDED, Outcome.RERENDERED)


class Payer(StrEnum):
    """Who pays."""

    CLIENT = "client"
    HOUSE = "house"


class CauseClass(StrEnum):
    """Whose fault it was."""

    NONE = "none"
    """Nothing went wrong."""
    CLIENT = "client"
    """The work itself, or what a person asked for."""
    MACHINE = "machine"
    FARM = "farm"
    LICENCE = "licence"
    NETWORK = "network"
    STORAGE = "storage"


PAYERS: Mapping[str, Payer] = {
    CauseClass.NONE: Payer.CLIENT,
    CauseClass.CLIENT: Payer.CLIENT,
    CauseClass.MACHINE: Payer.HOUSE,
    CauseClass.FARM: Payer.HOUSE,
    CauseClass.LICENCE: Payer.HOUSE,
    CauseClass.NETWORK: Payer.HOUSE,
    CauseClass.STORAGE: Payer.HOUSE,
}
"""Who pays where a rate card says nothing else."""

OF_ERRORS: Mapping[str, CauseClass] = {
    "licence": CauseClass.LICENCE,
    "network": CauseClass.NETWORK,
    "storage": CauseClass.STORAGE,
    "output": CauseClass.STORAGE,
    "gpu": CauseClass.MACHINE,
    "killed": CauseClass.MACHINE,
    "setup": CauseClass.FARM,
}
"""Class of the error found in the log → cause class; every other error is the work's own."""

OF_CAUSES: Mapping[str, CauseClass] = {
    "worker_": CauseClass.MACHINE,
    "fleet stopped": CauseClass.FARM,
    "environment_failed": CauseClass.FARM,
    "preempted": CauseClass.FARM,
}
"""Begin of the cause an action ended for → cause class."""


def cause_class(outcome: str, cause: str, error_class: str | None) -> CauseClass:
    """Return whose fault it was that time came to nothing."""
    match outcome:
        case Outcome.FAILED | Outcome.ABORTED:
            for begin, found in OF_CAUSES.items():
                if cause.startswith(begin):
                    return found
            return OF_ERRORS.get(error_class or "", CauseClass.CLIENT)
        case Outcome.SUPERSEDED:
            return CauseClass.FARM
        case Outcome.RERENDERED:
            return CauseClass.CLIENT
        case _:
            return CauseClass.NONE


def payers(changes: Mapping[str, str]) -> dict[str, str]:
    """Return the payer of every cause class, as a rate card has it."""
    return {cause: changes.get(cause, PAYERS[cause]) for cause in CauseClass}
