"""Which rows of the ledger (S0-04, …) the tests name."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from tools.console import say
from tools.environment import ROOT

ROW = re.compile(r"\bS\d{1,2}-\d{2}[a-z]?\b")


def rows_in_tests() -> Mapping[str, Sequence[str]]:
    """Return each row that a test names, with the files that name it."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for row in sorted(set(ROW.findall(path.read_text(encoding="utf-8")))):
            found[row].append(str(path.relative_to(ROOT)))
    return dict(sorted(found.items()))


def main(_arguments: Sequence[str]) -> int:
    """Print the rows and where they are tested."""
    rows = rows_in_tests()
    for row, files in rows.items():
        say(f"{row:8} {', '.join(files)}")
    say(f"{len(rows)} rows")
    return 0
