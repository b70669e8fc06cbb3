"""What errors have in common: their text without numbers, paths, ids and times. Pure.

Two failures with one signature are the same trouble. What differs from attempt to attempt is
replaced by a word in angle brackets; everything else stays, so that a signature reads like the
error itself.
"""

import re
from functools import lru_cache
from hashlib import sha256

LONGEST = 200
NOTHING_SAID = "no error text"
"""The signature of an error nobody said anything about."""

_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.ASCII), word)
    for pattern, word in (
        (r"\x1b\[[0-9;?]*[A-Za-z]", ""),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?", "<time>"),
        (r"\b\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?\b", "<time>"),
        (r"\b[a-z]+-[0-9a-f]{32}(?:-\d+)*\b", "<id>"),
        (
            r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b",
            "<id>",
        ),
        (r"\b(?:https?|ftp|s3|file)://[^\s\"'<>|]+", "<address>"),
        (r"(?<![\w<])[A-Za-z]:[\\/](?:[^\\/\"'<>|\r\n]+[\\/])*[^\\/\s\"'<>|:,;)]*", "<path>"),
        (r"\\\\[^\s\"'<>|]+", "<path>"),
        (r"(?<![\w<>./])\.{0,2}(?:/[^\s/\"'<>|:,;()]+)+/?", "<path>"),
        (r"\b0[xX][0-9a-fA-F]+\b", "<n>"),
        (r"\b[0-9a-fA-F]{16,}\b", "<id>"),
        (r"(?<![A-Za-z])[-+]?\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?%?", "<n>"),
        (r"(?<=[A-Za-z_])\d{2,}", "<n>"),
        (r"(?:<n>[\s,]+){2,}<n>", "<n> …"),
        (r"\s+", " "),
    )
)
_FULL = re.compile(
    r"no space left|disk (?:is )?(?:nearly )?full|disk quota exceeded|quota exceeded|enospc"
    r"|not enough (?:disk )?space|there is not enough space on the disk",
    re.IGNORECASE,
)


@lru_cache(maxsize=8192)
def signature(text: str) -> str:
    """Return what an error text has in common with others of its kind.

    Args:
        text: what a program said; the first line that says something counts.
    """
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    for pattern, word in _RULES:
        first = pattern.sub(word, first)
    first = first.strip(" .:!-")
    return first[:LONGEST].rstrip() or NOTHING_SAID


def cluster_id(kind: str, name: str) -> str:
    """Return the short id of a cluster: the same trouble has the same id tomorrow."""
    digest = sha256(f"{kind}\n{name}".encode()).hexdigest()
    return f"{kind}-{digest[:12]}"


def says_disk_is_full(text: str) -> bool:
    """True if an error text speaks of a disk without room."""
    return _FULL.search(text) is not None
