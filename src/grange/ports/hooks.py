"""Ways out: commands, web addresses and people that are told of events; and secrets at rest."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from grange.ports.watch import Letter


class HookDoors(Protocol):
    """Where events go. Every method blocks."""

    def check_command(self, words: Sequence[str]) -> None:
        """Return if a command may be run.

        Raises:
            InvalidRequestError: it may not; says why.
        """
        ...

    def run(self, words: Sequence[str], variables: Mapping[str, str], body: bytes) -> None:
        """Run a command, which reads the event from its standard input.

        Raises:
            GrangeError: it did not end with 0; says why.
        """
        ...

    def post(self, address: str, headers: Mapping[str, str], body: bytes) -> None:
        """Send an event to a web address.

        Raises:
            UnreachableError: it was not taken.
        """
        ...

    def check_target(self, target: str) -> str:
        """Return an address of a person as it may be shown.

        Raises:
            InvalidRequestError: it is not understood, or not allowed.
        """
        ...

    def tell(self, letter: Letter, target: str) -> None:
        """Send a message to a person.

        Raises:
            GrangeError: it was not taken.
        """
        ...


class Sealing(Protocol):
    """Keeps text in the database so that the database alone does not tell it."""

    def seal(self, text: str) -> str:
        """Return a text sealed."""
        ...

    def unseal(self, sealed: str) -> str:
        """Return a sealed text.

        Raises:
            ConfigurationError: it was sealed with another master key.
        """
        ...
