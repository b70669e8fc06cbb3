"""Growing logs, where they lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """One file, as it was when it was looked at."""

    path: str
    size: int
    """Bytes of the file; a packed log says more than that."""
    inode: str
    """Tells the file from others of the machine; a rotated log keeps it."""
    changed_ns: int
    packed: bool = False
    """True if the log is in it packed; it is read as if it were not."""


class LogFiles(Protocol):
    """Finds and reads logs. Others write and rename them at any time."""

    def find(self, pattern: str) -> Sequence[LogFile]:
        """Return the files that a path with wildcards names, by path."""
        ...

    def read(self, path: str, offset: int, size: int) -> bytes:
        """Return at most `size` bytes of what a log says, from `offset` on, unpacked.

        Fewer at the end, none if it is gone.
        """
        ...


class Mirror(Protocol):
    """Brings the logs of another machine here."""

    def fetch(self, source: str, target: str) -> None:
        """Make a folder the same as a remote one; what is gone there goes here first.

        Raises:
            UnreachableError: the other machine does not answer, or has no such folder.
        """
        ...
