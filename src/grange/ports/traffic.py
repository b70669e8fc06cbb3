"""What a server's connections hold."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficReading:
    """The buffers of a server's connections at one moment. None is unknown, never zero."""

    receive_buffer_bytes: int | None
    """Received and not read yet."""
    send_buffer_bytes: int | None
    """Written and not sent yet."""
    largest_reply_bytes: int | None
    """The largest reply since the reading before; None: there was none."""
