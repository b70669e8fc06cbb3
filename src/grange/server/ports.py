"""What the server asks of parts that run in other processes: the books, and thumbnails."""

from collections.abc import Sequence
from typing import Any, Protocol


class BooksDoor(Protocol):
    """The books, which live in a process of their own."""

    async def ask(self, question: str, /, **arguments: Any) -> Any:
        """Put a question to the books; they know everything acknowledged before it.

        Args:
            question: the name of a question, e.g. `receipt`.
            arguments: its arguments; plain JSON values.

        Raises:
            GrangeError: as the books answer; UnreachableError while they are being restarted.
        """
        ...


class Previews(Protocol):
    """Makes thumbnails of rendered frames."""

    async def thumbnail(self, path: str, roots: Sequence[str], width: int) -> bytes:
        """Return a JPEG of the image file, at most `width` pixels wide.

        Args:
            path: the file a frame record named.
            roots: the folders it must lie in, links resolved.
            width: in pixels.

        Raises:
            NotFoundError: there is no such file, or it lies elsewhere.
            InvalidRequestError: the file is no image that can be read.
        """
        ...
