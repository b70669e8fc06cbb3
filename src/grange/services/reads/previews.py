"""Which files of a job people may see: those in the folders it writes to."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from grange.domain.work import Job
from grange.kernel.errors import NotFoundError

_TOO_WIDE = frozenset({"/", "/home", "/root", "/etc", "/usr", "/var", "/tmp", "/opt", "/srv"})  # noqa: S108


def preview_roots(job: Job, configured: Sequence[str]) -> list[str]:
    """Return the folders a job writes to: those its path parameters and attachments name.

    Args:
        job: the job.
        configured: the setting `preview_roots`; if given, nothing else is allowed.
    """
    if configured:
        return list(configured)
    roots: list[str] = []
    for value in job.parameters.values():
        path = value.get("path")
        if isinstance(path, str):
            roots += _folder(path)
    for manifest in job.settings.get("attachments", {}).get("manifests", ()):
        for relative in manifest.get("outputRelativeDirectories", ()):
            roots.append(str(PurePosixPath(manifest["rootPath"]) / relative))
    return [root for root in roots if root not in _TOO_WIDE]


def _folder(path: str) -> list[str]:
    """Return a path that names a folder, or the folder of a path that names a file."""
    pure = PurePosixPath(path)
    if not pure.is_absolute() or ".." in pure.parts:
        return []
    return [str(pure.parent if pure.suffix else pure)]


def file_inside(path: str, roots: Sequence[str], kinds: frozenset[str], what: str) -> Path:
    """Return the real path of a file of some kinds inside one of some folders, links resolved.

    Raises:
        NotFoundError: there is none, or it lies elsewhere.
    """
    file = Path(path)
    if not file.is_absolute() or file.suffix.lower() not in kinds:
        raise NotFoundError(what, file.name)
    real = file.resolve()
    inside = any(real.is_relative_to(Path(root).resolve()) for root in roots)
    if not inside or real.suffix.lower() not in kinds or not real.is_file():
        raise NotFoundError(what, file.name)
    return real
