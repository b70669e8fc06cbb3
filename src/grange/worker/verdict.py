"""What the latest test of a worker's machine found, kept in its folder."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from grange.kernel.units import Instant, iso8601
from grange.worker.identity import write_atomically

FILE = "test.json"
"""In the worker's folder: what the latest test found."""


class Outcome(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"
    """There was nothing to try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One check and what it found."""

    name: str
    outcome: Outcome
    text: str


def keep_result(folder: Path, checks: Sequence[Checked], at: Instant) -> Path:
    """Keep what a test found where the worker looks for it; return the file."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    document = {"at": iso8601(at), "checks": [asdict(one) for one in checks]}
    write_atomically(folder / FILE, json.dumps(document, indent=2).encode())
    return folder / FILE


def failed_checks(folder: Path) -> tuple[str, ...]:
    """Return the checks that failed in the latest test of a worker's folder.

    A file that cannot be read says nothing: no test is no reason to refuse work.
    """
    try:
        document = json.loads((folder / FILE).read_bytes())
        checks: Sequence[Mapping[str, Any]] = document["checks"]
        return tuple(str(one["name"]) for one in checks if one["outcome"] == Outcome.FAILED)
    except (OSError, ValueError, KeyError, TypeError):
        return ()
