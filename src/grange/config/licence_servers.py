"""`licences.toml`: the commands that ask licence servers, read again when the file changes."""

import logging
import tomllib
from pathlib import Path

from grange.domain.licence_servers import LicenceServer, read_servers
from grange.kernel.errors import ConfigurationError

_log = logging.getLogger(__name__)


class LicenceServersFile:
    """The servers in a file, which may not exist."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._servers: tuple[LicenceServer, ...] = ()

    def servers(self) -> tuple[LicenceServer, ...]:
        """Return the servers; those read last, if the file cannot be read now."""
        try:
            about = self._path.stat()
        except FileNotFoundError:
            self._stamp, self._servers = None, ()
            return ()
        stamp = (about.st_mtime_ns, about.st_size)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._servers = self._read()
            except ConfigurationError as error:
                _log.warning(
                    "Licence servers cannot be read; those from before stay.",
                    extra={"action": "licence_servers_unreadable", "reason": str(error)},
                )
        return self._servers

    def _read(self) -> tuple[LicenceServer, ...]:
        try:
            document = tomllib.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigurationError(f"{self._path}: {error}") from error
        return read_servers(document, self._path.name)
