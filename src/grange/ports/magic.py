"""Waking machines over the network."""

from collections.abc import Sequence
from typing import Protocol

BROADCAST = "255.255.255.255"
PORT = 9


class MagicPackets(Protocol):
    """Sends magic packets (Wake-on-LAN)."""

    def send(
        self, mac_addresses: Sequence[str], *, host: str = BROADCAST, port: int = PORT
    ) -> None:
        """Send one packet for each hardware address.

        Args:
            mac_addresses: as `0123456789ab`.
            host: the broadcast address of the machines' network.
            port: 9 or 7 by custom; nobody listens.

        Raises:
            UnreachableError: the network takes no such packet.
        """
        ...
