"""Write docs/rrdata-coverage.md: every documented member of Royal Render's statistics classes."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from tools.environment import ROOT
from tools.rrdata_documented import DOCUMENTED

PAGE = ROOT / "docs" / "rrdata-coverage.md"
TESTS = ROOT / "tests" / "unit" / "rrdata"
TEST = "tests/unit/rrdata/test_members.py"

_CLASS = re.compile(r'^    "(\w+)": Table\(\s+"([^"]+)",', re.MULTILINE)
_USE = re.compile(r"\b(_\w+)\.(\w+)\b")

_HEAD = """\
# Royal Render's statistics classes: what is covered

Generated from `tools/rrdata_documented.py` and the tests; a test keeps it current.
To write it anew: `python -m tools.rrdata_coverage`.

Every class and every member that Royal Render documents for its statistics files works in
`grange.rrdata`. Each has a row in a table of expected values, and a test of its own that checks it:
`{test}`, with the id in the last column.

{classes} classes, {members} members.
"""


def tables() -> Mapping[str, tuple[str, str]]:
    """Return the file that holds each class's table of expected values, and its ledger rows."""
    return {
        name: (path.name, rows)
        for path in sorted(TESTS.glob("table_*.py"))
        for name, rows in _CLASS.findall(path.read_text(encoding="utf-8"))
    }


def scripts() -> Mapping[tuple[str, str], Sequence[str]]:
    """Return the further tests that name a member as `_class.member` in a docstring."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in sorted(TESTS.glob("test_*.py")):
        for pair in sorted(set(_USE.findall(path.read_text(encoding="utf-8")))):
            if pair[0] in DOCUMENTED:
                found[pair].append(path.name)
    return found


def page() -> str:
    """Return the page."""
    where, used = tables(), scripts()
    count = sum(len(one.properties) + len(one.functions) for one in DOCUMENTED.values())
    lines = [_HEAD.format(test=TEST, classes=len(DOCUMENTED), members=count)]
    for name, members in DOCUMENTED.items():
        lines += [
            f"## `{name}`",
            "",
            "Expected values: `{}`. Ledger: {}.".format(*where.get(name, ("none", "none"))),
            "",
            "| Member | Kind | Test |",
            "|---|---|---|",
        ]
        for member in (*members.properties, *members.functions):
            kind = "property" if member in members.properties else "function"
            more = "".join(f", `{path}`" for path in used.get((name, member), ()))
            lines.append(f"| `{member}` | {kind} | `[{name}.{member}]`{more} |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
