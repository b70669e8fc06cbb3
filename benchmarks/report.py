"""The tables of a run: printed, and kept as JSON with the machine's description."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.contest import Goal, Table

RESULTS = Path(__file__).parent / "results"


def text_of(table: Table) -> str:
    """Return a table as lines: median, range, and how each compares with the first."""
    lines = [f"\n{table.title} [{table.unit}]"]
    first = next(iter(table.figures))
    for name, figures in table.figures.items():
        median = statistics.median(figures)
        spread = f"{_number(min(figures))}-{_number(max(figures))}"
        ratio = median / table.median(first) if table.median(first) else 0.0
        lines.append(f"  {name:<40} {_number(median):>12}  {spread:>19}  {ratio:8.2f} x")
    lines += [f"  {note}" for note in table.notes]
    return "\n".join(lines)


def text_of_goals(goals: Sequence[Goal]) -> str:
    """Return the goals and whether they were met."""
    lines = ["\nGoals"]
    for goal in goals:
        sign = "<=" if goal.at_most else ">="
        word = "met" if goal.met else "MISSED"
        lines.append(f"  {word:<7} {goal.what:<58} {goal.found:9.4g} {sign} {goal.wanted:g}")
    return "\n".join(lines)


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def keep(name: str, about: dict[str, Any], tables: Sequence[Table], goals: Sequence[Goal]) -> Path:
    """Write the run to `results/` and return the file."""
    RESULTS.mkdir(exist_ok=True)
    target = RESULTS / f"{name}.json"
    document = {
        **about,
        "tables": [
            {
                "title": table.title,
                "unit": table.unit,
                "higher_is_better": table.higher_is_better,
                "figures": {
                    who: {
                        "median": _rounded(statistics.median(figures)),
                        "rounds": [_rounded(figure) for figure in figures],
                    }
                    for who, figures in table.figures.items()
                },
                "notes": table.notes,
            }
            for table in tables
        ],
        "goals": [
            {
                "what": goal.what,
                "wanted": f"{'<=' if goal.at_most else '>='} {goal.wanted:g}",
                "found": _rounded(goal.found),
                "met": goal.met,
            }
            for goal in goals
        ],
    }
    target.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return target


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
