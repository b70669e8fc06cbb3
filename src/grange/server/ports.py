"""What the server asks of parts elsewhere: the books process, the facts door, thumbnails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from grange.kernel.ids import FarmId, WorkerId


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


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was not taken in."""

    table: str
    index: int
    message: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a batch of facts."""

    accepted: int
    refused: tuple[Refusal, ...] = ()


class FactsDoor(Protocol):
    """Takes in the facts that workers send."""

    async def put(
        self,
        farm_id: FarmId,
        worker_id: WorkerId,
        tables: Mapping[str, Sequence[Mapping[str, Any]]],
    ) -> Accepted:
        """Take rows in; they are durable when this returns."""
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
