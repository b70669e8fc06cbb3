"""A finding: something a person should know, with how bad it is."""

from dataclasses import dataclass
from enum import StrEnum

from grange.kernel.units import Instant


class Severity(StrEnum):
    """How bad it is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Larger is worse."""
        return _RANKS[self]


_RANKS = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be.

    Two findings with the same key are the same finding, seen twice.
    """

    check: str
    """The check that found it."""
    subject: str
    """What it is about: a folder, a stream with its machine, a file."""
    severity: Severity
    text: str
    """One sentence for a person, with the figures."""
    since_at: Instant | None = None
    """Since when it has been so, where that is known."""
    machine: str | None = None
    """The machine it is about, where it is about one."""
    lasting: bool = True
    """False: it happened at a moment and is told once; it does not recover."""

    @property
    def key(self) -> tuple[str, str]:
        """Return what makes it the same finding tomorrow."""
        return (self.check, self.subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one check said."""

    check: str
    findings: tuple[Finding, ...]
    known: bool = True
    """False: it could not look, so what it found before stays as it is."""
