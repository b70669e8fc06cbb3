"""Which rows of the ledger (S0-04, …) the tests name, and which of those asked for they do not."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from tools.console import say
from tools.environment import ROOT

ROW = re.compile(r"\bS\d{1,2}-\d{2}[a-z]?\b")
_RANGE = re.compile(r"\b(S\d{1,2})-(\d{2}) (?:to|–) (?:S\d{1,2}-)?(\d{2})\b")

ASKED: Mapping[str, int] = {"S0": 60, "S1": 22, "S2": 18, "S3": 26, "S4": 43}
"""Sections whose every row, from 01 to this number, a test must name."""


def rows_in(text: str) -> set[str]:
    """Return the rows that a text names one by one; the ends of `S0-01 to S0-07` are not that."""
    return set(ROW.findall(_RANGE.sub("", text)))


def rows_in_tests() -> Mapping[str, Sequence[str]]:
    """Return each row that a test names, with the files that name it."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for row in sorted(rows_in(path.read_text(encoding="utf-8"))):
            found[row].append(str(path.relative_to(ROOT)))
    return dict(sorted(found.items()))


def gaps(rows: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the rows asked for that no test names."""
    asked = [
        f"{section}-{number:02}" for section, last in ASKED.items() for number in range(1, last + 1)
    ]
    return [row for row in asked if row not in rows]


def main(_arguments: Sequence[str]) -> int:
    """Print the rows, where they are tested, and those that are not; 1 if there are any."""
    rows = rows_in_tests()
    for row, files in rows.items():
        say(f"{row:8} {', '.join(files)}")
    missing = gaps(rows)
    whole = ", ".join(f"{section}-01 to {section}-{last:02}" for section, last in ASKED.items())
    say(f"{len(rows)} rows")
    if missing:
        say(f"{len(missing)} of {whole} that no test names: {', '.join(missing)}")
        return 1
    say(f"every row of {whole} is named by a test")
    return 0
