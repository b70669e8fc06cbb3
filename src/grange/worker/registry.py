"""The renderers of this machine: found on the search path and where they are usually installed."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from grange.domain.renderers import PROGRAMS, Program
from grange.worker.settings import WorkerSettings

_VERSION = re.compile(r"(?<![\w.])v?(\d+\.\d+(?:\.\d+)*(?:[a-z]\d*)?)")
_ASK_SECONDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A program of this machine."""

    key: str
    path: str


def programs_of(settings: WorkerSettings) -> tuple[Found, ...]:
    """Return the programs of a worker's machine as its jobs run them."""
    found = find_programs(settings.environment.get("PATH", ""), settings.renderers)
    return with_launchers(found, settings.state_dir / "programs")


def find_programs(
    search_path: str, given: Mapping[str, str] | None = None, programs: Iterable[Program] = PROGRAMS
) -> tuple[Found, ...]:
    """Return the programs of this machine.

    Args:
        search_path: folders, as in PATH.
        given: key → path, where the administrator knows better; an empty path hides a program.
        programs: what to look for.
    """
    found = []
    for program in programs:
        if given is not None and program.key in given:
            path = given[program.key] or None
        else:
            path = _path_of(program, search_path)
        if path is not None:
            found.append(Found(key=program.key, path=path))
    known = {program.key for program in programs}
    more = (given or {}).items()
    found += [Found(key=key, path=path) for key, path in more if key not in known and path]
    return tuple(found)


def with_launchers(found: Iterable[Found], folder: Path) -> tuple[Found, ...]:
    """Return programs that can be run by their names.

    A Python with the module bpy is Blender: it gets a file called `blender` that runs it so.

    Args:
        found: the programs.
        folder: where such files are written.
    """
    return tuple(_launched(one, folder) if _is_module(one) else one for one in found)


def _is_module(found: Found) -> bool:
    return found.key == "blender" and Path(found.path).name.startswith("python")


def _launched(found: Found, folder: Path) -> Found:
    folder.mkdir(parents=True, exist_ok=True)
    launcher = folder / "blender"
    words = " ".join(shlex.quote(word) for word in _module_command(found))
    partial = folder / f".blender.{os.getpid()}"
    partial.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
    partial.chmod(0o755)
    partial.replace(launcher)
    return Found(key=found.key, path=str(launcher))


def _module_command(found: Found) -> list[str]:
    script = Path(str(files("grange"))) / "environments" / "blender"
    return [found.path, str(script)]


def path_with(search_path: str, found: Iterable[Found]) -> str:
    """Return a search path on which every program that was found is found."""
    folders = [folder for folder in search_path.split(os.pathsep) if folder]
    for one in found:
        folder, name = str(Path(one.path).parent), Path(one.path).name
        if shutil.which(name, path=os.pathsep.join(folders)) is None and folder not in folders:
            folders.append(folder)
    return os.pathsep.join(folders)


def version_of(found: Found) -> str | None:
    """Return the version a program tells; None if it does not."""
    program = next((one for one in PROGRAMS if one.key == found.key), None)
    if program is None or not program.version:
        return None
    try:
        told = subprocess.run(  # noqa: S603 - found by its name, asked for its version
            [*(_module_command(found) if _is_module(found) else [found.path]), *program.version],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search((told.stdout + told.stderr).decode("utf-8", "replace"))
    return match[1] if match else None


def _path_of(program: Program, search_path: str) -> str | None:
    for name in program.names:
        path = shutil.which(name, path=search_path)
        if path is not None:
            return path
    for pattern in program.places:
        places = Path("/").glob(pattern.removeprefix("/"))
        for place in sorted(places, reverse=True):  # the newest, by its name
            if place.is_file() and os.access(place, os.X_OK):
                return str(place)
    return None
