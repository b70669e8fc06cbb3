"""Whether what is foretold of jobs comes true: 80 of 100 ends must lie in their intervals."""

from benchmarks.contest import Goal, Table
from benchmarks.eta_month import MONTH_MS, Month, coverage

FARMS = ((20, 0.5, (11, 111, 211)), (40, 1.0, (12, 112, 212)), (100, 2.0, (13,)))
"""(threads, 500 jobs times this in a month, seeds). A month of a small farm has so few jobs that
chance alone moves its share by some hundredths: the goals are held to all months together."""


def contests(scale: float) -> tuple[list[Table], list[Goal]]:
    """Let months of each farm pass and count what held."""
    table = Table("Finish times over simulated months", "share inside the 80 % interval")
    results = []
    for threads, size, seeds in FARMS:
        jobs, span = max(60, round(500 * size * scale)), round(MONTH_MS * min(1.0, scale))
        for seed in seeds:
            found = Month(threads=threads, jobs=jobs, seed=seed, span_ms=span).run()
            table.figures[f"{threads} threads, {len(found)} jobs, seed {seed}"] = [coverage(found)]
            results += found
    share = coverage(results)
    early = sum(one.ended_at < one.low_at for one in results) / max(1, len(results))
    table.figures[f"all, {len(results)} jobs"] = [share]
    table.notes.append(f"{early:.1%} ended before their interval, {1 - share - early:.1%} after it")
    return [table], [
        Goal("finishes inside the 80 % interval", 0.75, share),
        Goal("finishes inside the 80 % interval", 0.85, share, at_most=True),
    ]
