"""Hashing passwords, slowly and with much memory, so that a stolen hash is of little use."""

from typing import Protocol


class PasswordHasher(Protocol):
    """Makes and checks hashes; never on the event loop."""

    async def hash(self, password: str) -> str:
        """Return the hash of a password with its salt and parameters, as a PHC string."""
        ...

    async def matches(self, phc: str | None, password: str) -> bool:
        """Tell whether a password is the one of a hash.

        Args:
            phc: the hash; None: there is none, which takes as long to tell.
            password: what was typed.
        """
        ...

    def outdated(self, phc: str) -> bool:
        """Tell whether a hash was made with other parameters than are used today."""
        ...
