"""Messages of an MQTT broker, acknowledged by whoever keeps them."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from grange.kernel.units import Instant


class Message(NamedTuple):
    """One message, as it was delivered."""

    topic: str
    payload: bytes
    qos: int
    packet_id: int
    """Unique among the messages that are not acknowledged; 0 for QoS 0."""
    repeated: bool
    """The broker has sent this packet before and does not know whether it arrived."""
    retained: bool
    """An old value, kept by the broker for whoever subscribes."""
    connection: int
    """Which connection brought it: only that one can acknowledge it."""
    received_at: Instant


class FeedSink(Protocol):
    """Takes what a feed delivers. Called from the feed's own thread; none of it may block."""

    def connected(self, connection: int, *, session_present: bool) -> None:
        """A connection stands; without a session the broker remembers nothing of us."""
        ...

    def lost(self, reason: str) -> None:
        """The connection broke off; the feed connects again by itself."""
        ...

    def deliver(self, message: Message) -> None:
        """Take a message."""
        ...


class MqttFeed(Protocol):
    """A subscription with a persistent session."""

    def start(self, sink: FeedSink) -> None:
        """Connect and stay connected until `stop`, in a thread of its own."""
        ...

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Tell the broker that messages are kept; those of an earlier connection are left out."""
        ...

    def reconnect(self) -> None:
        """Break the connection off and connect again: the broker sends again what it may."""
        ...

    def stop(self) -> None:
        """Disconnect; the session stays."""
        ...
