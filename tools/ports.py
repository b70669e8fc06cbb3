"""Ports for programs that have to be told one before they listen."""

import random
import socket

LOWEST, HIGHEST = 20_000, 32_000
"""Below those that a system gives to connections that go out (Linux: from 32,768).

One of those may be given away between the look and the program's start, or while the program is
being started again; and a client that tries it meanwhile may even be connected to itself.
"""
_dice = random.SystemRandom()  # the other begins with the same seed in every test process


def free_port() -> int:
    """Return a port of loopback at which nobody listens, and which no client is given."""
    while True:
        port = _dice.randrange(LOWEST, HIGHEST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
