"""Sites: folders of static pages, and whoever draws the pictures in them."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol


class Site(Protocol):
    """A folder of static files. Names have `/` between parts and never leave the folder."""

    def names(self) -> list[str]:
        """Return the names of all files, ascending."""
        ...

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes; None if there is none, or no such name could be."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Put a file in place whole: whoever reads sees the old one or the new one."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is no error."""
        ...


class Sites(Protocol):
    """The sites of a server: one for each farm."""

    def of(self, farm_id: str) -> Site:
        """Return a farm's site; it may be empty."""
        ...


class Painters(Protocol):
    """Draw many pictures, several at once."""

    def paint(self, drawings: Sequence[Any], workers: int) -> Iterator[bytes]:
        """Yield the bytes of each picture, in order.

        Args:
            drawings: pairs of a `StreamPicture` and its panels.
            workers: how many may be drawn at the same time.
        """
        ...
