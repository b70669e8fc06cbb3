"""Settings files of one flat table, as they are read."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from grange.kernel.errors import ConfigurationError


def read_document(path: Path) -> dict[str, Any]:
    """Return the keys of a TOML file; none if it does not exist.

    Raises:
        ConfigurationError: it cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The settings file {path} cannot be read: {error}.") from error


def unknown_key(path: Path, name: str, known: Iterable[str]) -> ConfigurationError:
    """Return the error of a key that a file does not have."""
    return ConfigurationError(f"{path}: unknown key {name!r}. Known: {', '.join(sorted(known))}.")
