"""Reading job bundles from disk, and those that come with Grange."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from grange.cli.submit_bundle import Bundle
from grange.kernel.errors import ConfigurationError, InvalidRequestError

_MOST_BYTES = 4 * 1024 * 1024


def bundled_folder(name: str) -> Path | None:
    """Return the folder of a bundle that comes with Grange, unless one is here by that name."""
    if Path(name).exists() or not name.isidentifier():
        return None
    folder = Path(str(files("grange"))) / "bundles" / name
    return folder if folder.is_dir() else None


def read_bundle(folder: Path) -> Bundle:
    """Read an OpenJD job bundle.

    Raises:
        ConfigurationError: the folder does not exist, holds no template, or a file cannot be read.
        InvalidRequestError: a file does not hold what it should.
    """
    folder = folder.absolute()
    if folder.is_file():
        raise ConfigurationError(
            f"{folder} is no scene of a known kind and no job bundle. grange apps lists the kinds"
            " of scenes; --renderer names the renderer of one with another ending; a job bundle is"
            " a folder with template.yaml or template.json."
        )
    if not folder.is_dir():
        raise ConfigurationError(
            f"There is no {folder}. Name a scene, or a job bundle: a folder with template.yaml or"
            " template.json."
        )
    template = _one_of(folder, "template")
    if template is None:
        raise ConfigurationError(f"{folder} has neither template.yaml nor template.json.")
    path, document = template
    values = _one_of(folder, "parameter_values")
    return Bundle(
        folder=folder,
        template=path.read_text(encoding="utf-8"),
        template_type="JSON" if path.suffix == ".json" else "YAML",
        document=document,
        values={} if values is None else _values(*values),
        has_asset_references=any((folder / f"asset_references{end}").exists() for end in _ENDS),
    )


_ENDS = (".json", ".yaml", ".yml")


def _one_of(folder: Path, stem: str) -> tuple[Path, dict[str, Any]] | None:
    found = [folder / f"{stem}{end}" for end in _ENDS if (folder / f"{stem}{end}").exists()]
    if len(found) > 1:
        raise ConfigurationError(
            f"{folder} has both {found[0].name} and {found[1].name}; keep one."
        )
    if not found:
        return None
    path = found[0]
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InvalidRequestError(f"{path} is larger than {_MOST_BYTES // 1024**2} MiB.")
        text = path.read_text(encoding="utf-8")
        parsed = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidRequestError(f"{path} cannot be read: {error}") from error
    if not isinstance(parsed, dict):
        raise InvalidRequestError(f"{path} must hold names and values.")
    return path, parsed


def _values(path: Path, document: dict[str, Any]) -> dict[str, Any]:
    entries = document.get("parameterValues", [])
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and {"name", "value"} <= set(entry) for entry in entries
    ):
        raise InvalidRequestError(f"{path}: parameterValues must be a list of names and values.")
    return {str(entry["name"]): entry["value"] for entry in entries}
