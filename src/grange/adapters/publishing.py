"""The rule of publishing files of the books, shared by every store.

Two writers that fold the same parents (a repeated compaction, a re-collection) would count rows
twice; so only live files can be retired, once.
"""

from collections.abc import Mapping, Sequence

from grange.kernel.errors import ConflictError
from grange.ports.state import ManifestRow


def check_publication(
    known: Mapping[str, ManifestRow], add: Sequence[ManifestRow], retire: Sequence[str]
) -> bool:
    """Return True if the publication is new, False if it was made before.

    Args:
        known: the manifest's rows at the added and retired paths, retired ones included.
        add: the files to add.
        retire: the paths to retire.

    Raises:
        ConflictError: a file to retire is not live, or a path to add is taken by another file.
    """
    repeated = bool(add) and all(
        row.path in known and known[row.path].sha256 == row.sha256 for row in add
    )
    dead = [path for path in retire if path not in known or known[path].retired_at is not None]
    if repeated and len(dead) == len(retire):
        return False
    if dead:
        raise _conflict(dead[0], f"{dead[0]} is not a live file of the books; read them again.")
    for row in add:
        if row.path in known and row.path not in retire and known[row.path].sha256 != row.sha256:
            raise _conflict(row.path, f"{row.path} already is another file of the books.")
    return True


def _conflict(path: str, message: str) -> ConflictError:
    return ConflictError(
        message, reason="CONCURRENT_MODIFICATION", resource_type="file", resource_id=path
    )
