"""The table of faults and outcomes in docs/faults.md, made of what a run observed."""

import re
from collections.abc import Mapping
from pathlib import Path

from tests.acceptance.injected import FAULTS, Fault, Observed

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
PARTITION = "The server cannot reach a worker"
_BEGIN = "<!-- faults: written by tests/acceptance/test_injected_faults.py -->\n"
_END = "<!-- end of faults -->"
_HEAD = (
    "| Fault | Injected as | Attempts at the frame | Booked as | Finding | Frames | The job |\n"
    "|---|---|---|---|---|---|---|\n"
)


def row_of(fault: Fault, seen: Observed) -> str:
    """Return the row of one fault, as it was observed."""
    attempts = seen.faulty()
    booked = []
    for one in attempts:
        if one["error_class"]:
            booked.append(f"`{one['error_class']}`, rule `{one['error_rule']}`")
        elif one["cause"]:
            booked.append(f"cause `{one['cause']}`")
    done = seen.job["counts"].get("SUCCEEDED", 0)
    if seen.status == "DONE":
        job = "done"
    elif seen.status == "ERROR":
        job = "given up and put aside"
    else:
        job = re.sub(r"in \d+ s\b", "within a minute", f"waits, {seen.reason}")
    cells = [
        fault.title,
        fault.made,
        " → ".join(one["status"] for one in attempts),
        "; ".join(dict.fromkeys(booked)) or "–",
        f"`{seen.finding}`" if seen.finding else "–",
        f"{done} of {fault.frames}",
        job,
    ]
    return f"| {' | '.join(cells)} |"


def partition_row(verdict: str) -> str:
    """Return the row of the fault that strikes no job."""
    made = "the worker's way to the server is cut, its neighbours' way to it is not"
    return f"| {PARTITION} | {made} | – | – | `{verdict}` | – | – |"


def committed(page: str) -> dict[str, str]:
    """Return the rows of the page by fault."""
    table = page.split(_BEGIN)[1].split(_END, 1)[0]
    rows = [line for line in table.splitlines()[2:] if line.startswith("|")]
    return {row[2:].split(" | ", 1)[0]: row for row in rows}


def with_rows(page: str, rows: Mapping[str, str]) -> str:
    """Return the page with the rows given; others stay."""
    known = {**committed(page), **rows}
    order = [*(fault.title for fault in FAULTS), PARTITION]
    lines = "".join(f"{known[title]}\n" for title in order if title in known)
    before, rest = page.split(_BEGIN)
    return before + _BEGIN + _HEAD + lines + _END + rest.split(_END)[1]
