"""The page about errors names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_case_names_a_test_that_exists():
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 12
    for row in rows:
        named = re.findall(r"`(tests/[^`]+)`", row.split(" | ")[-1])
        assert named, row
        assert all((ROOT / path).is_file() for path in named), row
