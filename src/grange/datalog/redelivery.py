"""Which packets are kept already, so that the broker may send them again (S3-13, S3-21).

A broker sends a packet again, marked as a repeat and under the same packet id, if the connection
ended before it heard our acknowledgement. It is known by (session, packet id) and by what it says.
"""

from collections.abc import Iterable
from hashlib import blake2b

from grange.ports.mqtt import Message

MOST_PACKETS = 65_535


def digest(message: Message) -> int:
    """Return what a message says, as 63 bits."""
    found = blake2b(message.topic.encode() + b"\0" + message.payload, digest_size=8)
    return int.from_bytes(found.digest(), "big") >> 1


class Redelivery:
    """The packets that were kept last in this session.

    Args:
        window: how many are remembered: there are no more packet ids than this.
    """

    def __init__(self, window: int = MOST_PACKETS) -> None:
        self._window = window
        self._kept: dict[int, int] = {}
        self.session = 0

    def new_session(self, number: int) -> None:
        """Forget everything: the broker begins anew."""
        self.session = number
        self._kept.clear()

    def is_repeat(self, message: Message, said: int) -> bool:
        """Return True if this packet is kept already.

        A packet that is no repeat takes over its id: what was kept under it is forgotten.
        """
        if not message.qos:
            return False
        if message.repeated:
            return self._kept.get(message.packet_id) == said
        self._kept.pop(message.packet_id, None)
        return False

    def note(self, packets: Iterable[int], digests: Iterable[int]) -> None:
        """Remember packets that are kept now."""
        for packet, said in zip(packets, digests, strict=True):
            self._kept.pop(packet, None)  # to the end
            self._kept[packet] = said
        while len(self._kept) > self._window:
            del self._kept[next(iter(self._kept))]

    def snapshot(self) -> tuple[list[int], list[int]]:
        """Return packet ids and digests, oldest first."""
        return list(self._kept), list(self._kept.values())
