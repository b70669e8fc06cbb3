"""Where finished reports go."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A report on its way."""

    name: str
    """Name of the file."""
    media_type: str
    content: bytes
    subject: str
    text: str
    """What a mail says beside the file."""


class Deliveries(Protocol):
    """Folders and mail."""

    def check(self, to: str) -> None:
        """Return if a report may go there.

        Raises:
            InvalidRequestError: it may not, or there is no way.
        """
        ...

    def deliver(self, parcel: Parcel, to: str) -> str:
        """Deliver a report; returns where it is now. Blocks.

        Raises:
            GrangeError: it could not be delivered; says why.
        """
        ...
