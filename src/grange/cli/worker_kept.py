"""What a machine was told when it joined, kept in the worker's folder for `grange worker run`."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from grange.cli.worker_options import WorkerOptions
from grange.config.documents import read_document, unknown_key
from grange.kernel.errors import ConfigurationError

FILE = "worker.toml"
"""In the worker's folder."""
_KINDS: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "threads": int,
    "job_user": str,
    "allow_root": bool,
    "watts": (int, float),
    "pass_env": list,
    "renderers": list,
    "contain": bool,
    "copy_rate": (int, float),
    "hail": bool,
    "hail_port": int,
    "shutdown_command": str,
    "restart_command": str,
}
"""Option that is kept → what it is in the file. Server, key, farm and fleet are kept elsewhere."""


def kept_text(options: WorkerOptions) -> str:
    """Return those options that the command line gave, as the text of the file."""
    values = {name: getattr(options, name) for name in _KINDS if name in options.given}
    return "".join(
        f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items()
    )


def with_kept(options: WorkerOptions) -> WorkerOptions:
    """Return options, with what was kept for those that the command line did not give.

    Raises:
        ConfigurationError: the file cannot be read, or holds something else.
    """
    path = options.folder / FILE
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in _read(path).items()
        if name not in options.given
    }
    return replace(options, **values)


def _read(path: Path) -> dict[str, Any]:
    document = read_document(path)
    for name, value in document.items():
        kind = _KINDS.get(name)
        if kind is None:
            raise unknown_key(path, name, _KINDS)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ConfigurationError(f"{path}: {name!r} is of the wrong kind.")
    return document
