"""Rings: files of fixed size that keep archives for years."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from grange.books.archives.arithmetic import Advance, Floats, Ints, RingState
from grange.books.archives.layout import RingSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class RingHead:
    """Where a ring stands."""

    first: int
    """The second it begins at: nothing before it is known."""
    sequence: int
    """The last sequence of the journal whose facts are in it."""
    state: RingState


class Ring(Protocol):
    """One open ring. One thread at a time."""

    @property
    def spec(self) -> RingSpec:
        """What the ring is made of."""
        ...

    @property
    def head(self) -> RingHead:
        """Where the ring stands."""
        ...

    @property
    def torn(self) -> bool:
        """True if its writer died while it wrote: what came after `head` must be put in again."""
        ...

    def apply(self, advance: Advance, *, sequence: int, since: Sequence[int] | None = None) -> None:
        """Write the rows a batch finished, then where the ring stands.

        Args:
            advance: what the batch changes.
            sequence: the last sequence of the journal that is in it.
            since: by tier: rows of lower numbers stay as they are.

        Raises:
            CorruptDataError: what is in the file is damaged where the rows would go.
        """
        ...

    def rows(self, tier: int, first: int, count: int) -> Any:
        """Return rows by number: an array by row, source, number kept; what is not kept is NaN.

        Args:
            tier: which tier of the spec.
            first: number of the first row: row n ends at (n + 1) × steps × step seconds.
            count: how many.
        """
        ...

    def restore(self, tier: int, first: int, rows: Any) -> None:
        """Write rows by number, e.g. those of a ring that this one takes the place of."""
        ...

    def problems(self) -> Sequence[str]:
        """Return what is damaged, for a person to read; nothing if the file is whole."""
        ...

    def close(self) -> None:
        """Give the file back."""
        ...


class Rings(Protocol):
    """The rings of a data folder, by path: names of letters and digits with slashes between."""

    def create(self, path: str, spec: RingSpec, *, start: int) -> Ring:
        """Make an empty ring that begins at a second; one that is there is replaced.

        Raises:
            StorageFullError: there is no room.
        """
        ...

    def open(self, path: str) -> Ring | None:
        """Return a ring; None if there is no such file.

        Raises:
            CorruptDataError: the file is no ring, or its head is damaged.
        """
        ...

    def advance(
        self,
        rings: Sequence[Ring],
        specs: Sequence[RingSpec],
        times: Ints,
        values: Sequence[Floats],
        *,
        sequence: int,
    ) -> None:
        """Put values of the same times into several rings, as if into each alone.

        Args:
            rings: of this folder, alike (`books.archives.together.alike`), at the same last second.
            specs: what the rings are made of now: labels, bounds, heartbeat may have changed.
            times: seconds, ascending, each at least a second after the last.
            values: of each ring, by time and source; NaN is unknown.
            sequence: the last sequence of the journal that is in the values.

        Raises:
            CorruptDataError: what is in a file is damaged where rows would go.
        """
        ...

    def put_aside(self, path: str) -> str:
        """Give a damaged ring another name and return it: nothing reads it any more."""
        ...

    def size(self, path: str) -> int:
        """Return how many bytes a ring has."""
        ...

    def note(self, name: str) -> bytes | None:
        """Return what was kept beside the rings under a name."""
        ...

    def keep_note(self, name: str, content: bytes) -> None:
        """Keep something small beside the rings, whole or not at all."""
        ...

    def remove(self, path: str) -> None:
        """Delete a ring; one that is gone is no error."""
        ...

    def paths(self, under: str = "") -> Sequence[str]:
        """Return the paths of all rings below a path."""
        ...
