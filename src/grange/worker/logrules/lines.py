"""Bytes to lines, as they come."""

_LONGEST = 64_000


class LineSplitter:
    """Cuts a growing byte stream at carriage returns and line feeds.

    What is not UTF-8 is replaced, never refused. A line longer than 64,000 bytes is cut.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that `data` completes, without their ends; empty ones are left out."""
        *whole, self._rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        while len(self._rest) > _LONGEST:
            whole.append(self._rest[:_LONGEST])
            self._rest = self._rest[_LONGEST:]
        return [line.decode("utf-8", "replace") for line in whole if line]

    def finish(self) -> list[str]:
        """Return the last line, if it never ended."""
        rest, self._rest = self._rest, b""
        return [rest.decode("utf-8", "replace")] if rest else []
