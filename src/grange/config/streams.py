"""`streams.toml`: which logs are collected, which values logged, what is drawn of them.

Each section is a strict structure in a module of its own; a key nobody knows is an error that names
the place.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec
import platformdirs

from grange.config.streams_collect import CollectSection
from grange.config.streams_datalog import DatalogSection
from grange.config.streams_graphs import GraphsSection
from grange.config.streams_watch import CycleSection, WatchSection
from grange.kernel.errors import ConfigurationError

FILE_NAME = "streams.toml"


class StreamsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file: one member for each section."""

    collect: CollectSection = CollectSection()
    graphs: GraphsSection = GraphsSection()
    datalog: DatalogSection = DatalogSection()
    watch: WatchSection = WatchSection()
    cycle: CycleSection = CycleSection()


def streams_file(environ: Mapping[str, str] | None = None) -> Path:
    """Return where the file is looked for: `GRANGE_STREAMS`, or the platform's folder."""
    named = (os.environ if environ is None else environ).get("GRANGE_STREAMS")
    return Path(named) if named else platformdirs.user_config_path("grange") / FILE_NAME


def load_streams(file: Path | None = None) -> StreamsConfig:
    """Return the settings of streams.

    Args:
        file: the file, which must exist then; default: `streams_file()`, which need not.

    Raises:
        ConfigurationError: the file cannot be read, or something in it is wrong.
    """
    path = file or streams_file()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if file is not None:
            raise ConfigurationError(f"The file {path} does not exist.") from None
        return StreamsConfig()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The file {path} cannot be read: {error}.") from error
    return read_streams(text, str(path))


def read_streams(text: str, name: str = FILE_NAME) -> StreamsConfig:
    """Return the settings that a text holds.

    Raises:
        ConfigurationError: it is not TOML, or something in it is wrong; the message names it.
    """
    try:
        return msgspec.convert(tomllib.loads(text), StreamsConfig)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{name} is not TOML: {error}.") from error
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigurationError(f"{name}: {error}.") from error
