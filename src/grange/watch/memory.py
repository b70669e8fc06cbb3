"""What a watch remembers between two looks: open findings, untold news, fingerprints."""

import msgspec

from grange.kernel.errors import CorruptDataError
from grange.kernel.units import Instant
from grange.watch.findings import Finding, Severity

VERSION = 1


class OpenFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that is not over."""

    check: str
    subject: str
    severity: Severity
    text: str
    opened_at: Instant
    """When it was first seen."""
    since_at: Instant | None = None
    machine: str | None = None
    told_at: Instant | None = None
    """When it was last told; None: not yet."""

    @property
    def key(self) -> tuple[str, str]:
        """Return what makes it the same finding at the next look."""
        return (self.check, self.subject)


class News(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be told."""

    kind: str
    """new, worse, again, once, recovered or passed (it came and went before it was told)."""
    check: str
    subject: str
    severity: Severity
    text: str
    at: Instant


class Undelivered(msgspec.Struct, frozen=True, kw_only=True):
    """A message that not everybody has taken yet."""

    subject: str
    body: str
    targets: tuple[str, ...]
    """Who has not taken it."""
    written_at: Instant
    problem: str = ""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a watch remembers."""

    version: int = VERSION
    open: tuple[OpenFinding, ...] = ()
    waiting: tuple[News, ...] = ()
    letters: tuple[Undelivered, ...] = ()
    prints: dict[str, str | None] = {}
    digest_at: Instant | None = None
    """The moment of the last digest."""
    looked_at: Instant | None = None


def encode(memory: Memory) -> bytes:
    """Return a memory as JSON."""
    return msgspec.json.format(msgspec.json.encode(memory)) + b"\n"


def decode(content: bytes | None, name: str) -> Memory:
    """Return the memory that was saved; an empty one if there was none.

    Args:
        content: what was saved.
        name: the file's, for the message.

    Raises:
        CorruptDataError: it is not a memory of this version.
    """
    if content is None:
        return Memory()
    try:
        memory = msgspec.json.decode(content, type=Memory)
    except msgspec.DecodeError as error:
        raise CorruptDataError(
            name, f"is no memory of a watch ({error}). Move it away to begin anew."
        ) from error
    if memory.version != VERSION:
        raise CorruptDataError(name, f"has version {memory.version}; this Grange reads {VERSION}.")
    return memory


def opened(finding: Finding, now: Instant) -> OpenFinding:
    """Return a finding as it is remembered."""
    return OpenFinding(
        check=finding.check,
        subject=finding.subject,
        severity=finding.severity,
        text=finding.text,
        opened_at=now,
        since_at=finding.since_at,
        machine=finding.machine,
    )
