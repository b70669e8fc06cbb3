"""Reads settings: command line over environment over TOML file over default, each with its origin.

A settings class is a frozen dataclass with a `SECTION`. Its fields are the keys of that table in
the TOML file; `GRANGE_<SECTION>_<KEY>` is the environment variable of the same key. A key nobody
knows is an error wherever it stands, because a misspelt setting that is ignored is worse than one
that is refused.
"""

import dataclasses
import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar, get_type_hints

import msgspec
import platformdirs

from grange.kernel.errors import ConfigurationError

PREFIX = "GRANGE_"


class Settings(Protocol):
    """A frozen dataclass that settings can be read into."""

    SECTION: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class Loaded(Generic[S]):
    """Settings and, for every key, where its value came from."""

    settings: S
    origin: Mapping[str, str]
    """Key → `default`, `file <path>`, `environment <NAME>` or `command line`."""

    def given(self, key: str) -> bool:
        """Return True if somebody set this key, whatever the value."""
        return self.origin[key] != "default"


def config_file(environ: Mapping[str, str] | None = None) -> Path:
    """Return the path of the TOML file: `GRANGE_CONFIG`, or the platform's configuration folder."""
    named = (os.environ if environ is None else environ).get("GRANGE_CONFIG")
    return Path(named) if named else platformdirs.user_config_path("grange") / "grange.toml"


def load(
    kind: type[S],
    *,
    command_line: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> Loaded[S]:
    """Return the settings of one program.

    Args:
        kind: the settings class.
        command_line: values given as options; None values count as not given.
        environ: the environment; default: this process's.
        file: the TOML file; default: `config_file()`, which need not exist.

    Raises:
        ConfigurationError: a key is unknown, a value has the wrong type or is not allowed.
    """
    environ = os.environ if environ is None else environ
    types = get_type_hints(kind)
    names = [item.name for item in dataclasses.fields(kind)]
    values: dict[str, Any] = {}
    origin = dict.fromkeys(names, "default")
    layers = (
        _from_file(kind, file, environ),
        _from_environment(kind, environ),
        {
            name: (value, "command line")
            for name, value in (command_line or {}).items()
            if value is not None
        },
    )
    for layer in layers:
        for name, (raw, where) in layer.items():
            if name not in origin:
                raise ConfigurationError(_unknown(name, where, names))
            values[name] = _converted(raw, types[name], name, where)
            origin[name] = where
    try:
        return Loaded(kind(**values), origin)
    except TypeError as error:
        missing = [
            item.name
            for item in dataclasses.fields(kind)
            if item.name not in values
            and item.default is dataclasses.MISSING
            and item.default_factory is dataclasses.MISSING
        ]
        raise ConfigurationError(
            f"[{kind.SECTION}] lacks settings that have no default: {', '.join(missing)}."
        ) from error


def _from_file(
    kind: type[S], file: Path | None, environ: Mapping[str, str]
) -> dict[str, tuple[Any, str]]:
    path = file or config_file(environ)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if file is not None or environ.get("GRANGE_CONFIG"):
            raise ConfigurationError(f"The settings file {path} does not exist.") from None
        return {}
    except OSError as error:
        raise ConfigurationError(f"The settings file {path} cannot be read: {error}.") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"The settings file {path} is not TOML: {error}.") from error
    section = document.get(kind.SECTION, {})
    if not isinstance(section, dict):
        raise ConfigurationError(f"{path}: [{kind.SECTION}] must be a table.")
    return {name: (value, f"file {path}") for name, value in section.items()}


def _from_environment(kind: type[S], environ: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    prefix = f"{PREFIX}{kind.SECTION.upper()}_"
    return {
        name[len(prefix) :].lower(): (value, f"environment {name}")
        for name, value in environ.items()
        if name.startswith(prefix)
    }


def _unknown(name: str, where: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(sorted(names))}."
    return f"Unknown setting {name!r} ({where}).{hint}"


def _converted(raw: Any, kind: Any, name: str, where: str) -> Any:
    lenient = isinstance(raw, str)
    if lenient and "tuple" in str(kind):
        raw = [part.strip() for part in raw.split(",") if part.strip()]
    if isinstance(raw, Path):
        raw = str(raw)
    try:
        return msgspec.convert(raw, kind, strict=not lenient, dec_hook=_path)
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigurationError(f"Setting {name!r} ({where}) is wrong: {error}.") from error


def _path(kind: type[Any], value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value).expanduser()
    raise ValueError(f"expected a path, got {value!r}")
