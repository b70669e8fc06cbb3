"""Whether what is foretold of jobs comes true: 80 of 100 ends must lie in their intervals."""

from benchmarks.contest import Goal, Table
from benchmarks.eta_month import MONTH_MS, Month, coverage

FARMS = ((20, 0.5), (40, 1.0), (100, 2.0))
"""(threads, jobs in hundreds of a month)."""


def contests(scale: float) -> tuple[list[Table], list[Goal]]:
    """Let a month of each farm pass and count what held."""
    table = Table("Finish times over a simulated month", "share inside the 80 % interval")
    results = []
    for seed, (threads, hundreds) in enumerate(FARMS, 11):
        jobs, span = max(60, round(500 * hundreds * scale)), round(MONTH_MS * min(1.0, scale))
        found = Month(threads=threads, jobs=jobs, seed=seed, span_ms=span).run()
        table.figures[f"{threads} threads, {len(found)} jobs"] = [coverage(found)]
        results += found
    share = coverage(results)
    table.figures[f"all, {len(results)} jobs"] = [share]
    return [table], [
        Goal("finishes inside the 80 % interval", 0.75, share),
        Goal("finishes inside the 80 % interval", 0.85, share, at_most=True),
    ]
