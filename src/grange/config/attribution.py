"""`attribution.toml`: rules that say what work belongs to, read again when the file changes."""

import logging
import tomllib
from pathlib import Path

from grange.domain.attribution import AttributionRule, read_rules
from grange.kernel.errors import ConfigurationError

FILE_NAME = "attribution.toml"

_log = logging.getLogger(__name__)


class AttributionFile:
    """The rules in a file, which may not exist."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._rules: tuple[AttributionRule, ...] = ()

    def rules(self, *farm: str) -> tuple[AttributionRule, ...]:
        """Return the rules for a farm; those read last, if the file cannot be read now.

        Args:
            farm: its name and id.
        """
        try:
            return self.checked(*farm)
        except ConfigurationError as error:
            _log.warning(
                "Attribution rules cannot be read; those from before stay.",
                extra={"action": "attribution_unreadable", "reason": str(error)},
            )
            return self._for(farm)

    def checked(self, *farm: str) -> tuple[AttributionRule, ...]:
        """Return the rules for a farm.

        Raises:
            ConfigurationError: the file is not what it should be.
        """
        try:
            about = self._path.stat()
        except FileNotFoundError:
            self._stamp, self._rules = None, ()
            return ()
        stamp = (about.st_mtime_ns, about.st_size)
        if stamp != self._stamp:
            self._rules = self._read()
            self._stamp = stamp
        return self._for(farm)

    def _for(self, farm: tuple[str, ...]) -> tuple[AttributionRule, ...]:
        return tuple(rule for rule in self._rules if rule.farm is None or rule.farm in farm)

    def _read(self) -> tuple[AttributionRule, ...]:
        try:
            document = tomllib.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigurationError(f"{self._path}: {error}") from error
        return read_rules(document, self._path.name)
