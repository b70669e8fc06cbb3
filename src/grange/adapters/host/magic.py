"""Magic packets, through wakeonlan."""

from collections.abc import Sequence

import wakeonlan

from grange.kernel.errors import UnreachableError
from grange.ports.magic import BROADCAST, PORT


class UdpMagicPackets:
    """Sends magic packets as UDP broadcasts of this machine."""

    def send(
        self, mac_addresses: Sequence[str], *, host: str = BROADCAST, port: int = PORT
    ) -> None:
        """Send one packet for each hardware address; see `MagicPackets.send`."""
        try:
            wakeonlan.wake(*mac_addresses, host=host, port=port)
        except OSError as error:
            raise UnreachableError(
                f"No magic packet could be sent to {host}, port {port} ({error}). "
                "Name the broadcast address of the machine's network."
            ) from error
