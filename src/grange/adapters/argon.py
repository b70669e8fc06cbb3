"""Passwords hashed with argon2id, a few at a time, in threads."""

import asyncio

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE = 2
"""Each takes `memory_kib` and a processor for a while."""


class Argon2Passwords:
    """A `PasswordHasher` with the parameters of RFC 9106 for machines with little memory."""

    def __init__(self, *, time_cost: int = 3, memory_kib: int = 65_536, lanes: int = 4) -> None:
        self._hasher = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_kib, parallelism=lanes, type=Type.ID
        )
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._nobodys = ""

    async def hash(self, password: str) -> str:
        """Return the hash of a password with its salt and parameters, as a PHC string."""
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, phc: str | None, password: str) -> bool:
        """Tell whether a password is the one of a hash; without a hash it takes as long."""
        if phc is None and not self._nobodys:
            self._nobodys = await self.hash("nobody has this password")
        async with self._turn:
            same = await asyncio.to_thread(self._verify, phc or self._nobodys, password)
        return same and phc is not None

    def outdated(self, phc: str) -> bool:
        """Tell whether a hash was made with other parameters than are used today."""
        return self._hasher.check_needs_rehash(phc)

    def _verify(self, phc: str, password: str) -> bool:
        try:
            return self._hasher.verify(phc, password)
        except (VerificationError, InvalidHashError):
            return False
