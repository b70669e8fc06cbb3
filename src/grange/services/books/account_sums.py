"""Machine time summed by group and slot: from rollups where they reach, else swept.

Rollups are used for whole hours that nothing unsealed touches, so the sums are the same either way.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from grange.books.accounts import Account, Ints, Totals
from grange.books.catalog.registry import table
from grange.books.catalog.rollup_tables import ACCOUNT_HOURS
from grange.books.catalog.schema import conformed
from grange.books.questions.reach import earlier_successes
from grange.books.rows import joined, within
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant
from grange.services.books.machine_time import machine_time
from grange.services.books.reach import Reach
from grange.services.books.rolling import rolled_until
from grange.services.books.shelf import View

WORTH_MS = 3 * MILLIS_PER_DAY
"""Shorter spans are swept, unless samples of theirs are no longer kept."""
_TOUCHING = ("events", "sessions", "session_actions", "thread_samples")

Group = tuple[str, int]
"""Worker, fleet or farm, and number of the slot."""
Sums = Mapping[Group, Totals]
GROUPS: Mapping[str, Callable[[str, str], str]] = {
    "worker": lambda worker_id, _fleet_id: worker_id,
    "fleet": lambda _worker_id, fleet_id: fleet_id,
    "farm": lambda _worker_id, _fleet_id: "farm",
}
"""How time is grouped → the group of a worker, by its own and its fleet's id."""


def account_sums(view: View, by: str, slots: Sequence[Span]) -> Sums:
    """Return thread time by group and slot.

    Args:
        view: the books.
        by: a name of `GROUPS`.
        slots: neighbouring spans, ascending, none reaching beyond now.
    """
    found: dict[Group, dict[tuple[Account, int], int]] = defaultdict(lambda: defaultdict(int))
    starts = np.array([slot.start for slot in slots], dtype=np.int64)
    hourly = all(slot.start % MILLIS_PER_HOUR == 0 for slot in slots[1:])
    whole = Span(slots[0].start, slots[-1].end)
    for span, use_rollup in _parts(view, whole) if hourly else ((whole, False),):
        if use_rollup:
            _add_rollup(view, span, by, starts, found)
        else:
            _add_swept(view, span, by, starts, found)
    return {group: Totals(thread_ms=dict(sums)) for group, sums in found.items()}


Found = dict[Group, dict[tuple[Account, int], int]]


def _parts(view: View, span: Span) -> Iterator[tuple[Span, bool]]:
    """Yield a span in parts, and whether each may be read from rollups."""
    first = Instant(-(-span.start // MILLIS_PER_HOUR) * MILLIS_PER_HOUR)
    last = min(settled_until(view), span.end - span.end % MILLIS_PER_HOUR)
    sampled = view.retention.computed_since(ACCOUNT_HOURS, view.now)
    if last - first < WORTH_MS and first >= sampled:
        yield span, False
        return
    for part, use_rollup in (
        (Span(span.start, first), False),
        (Span(first, Instant(last)), True),
        (Span(Instant(last), span.end), False),
    ):
        if part.millis:
            yield part, use_rollup


def settled_until(view: View) -> int:
    """Return up to when rollups hold: no unsealed fact reaches before it."""
    until = rolled_until((row for rows in view.files.values() for row in rows), view.farm_id)
    if until is None:
        return 0
    reach = Reach()
    for name in _TOUCHING:
        for rows in (view.fresh.rows(name), view.going.get(name)):
            if rows is not None and rows.num_rows:
                reach.add(table(name), rows)
    starts = [until, *reach.hours]
    if reach.lasting_from is not None:
        starts.append(reach.lasting_from)
    if reach.again:
        starts += view.ask(earlier_successes(sorted(reach.again))).column("start_at").to_pylist()
    least = min(starts)
    return int(least - least % MILLIS_PER_HOUR)


def _add_swept(view: View, span: Span, by: str, starts: Ints, found: Found) -> None:
    time = machine_time(view, span)
    group_of = GROUPS[by]
    cut = time.segments.cut(starts)
    place = np.searchsorted(starts, cut.start, side="right") - 1
    totals = cut.totals(cut.worker * len(starts) + place, len(cut.worker_ids) * len(starts))
    for number, total in enumerate(totals):
        if total.thread_ms:
            worker, slot = divmod(number, len(starts))
            group = group_of(cut.worker_ids[worker], cut.fleet_ids[worker])
            for key, millis in total.thread_ms.items():
                found[group, slot][key] += millis


def _add_rollup(view: View, span: Span, by: str, starts: Ints, found: Found) -> None:
    spec = ACCOUNT_HOURS
    rows: pa.Table = joined(
        spec,
        [
            within(spec, conformed(spec, view.blocks.read(file.path)), span.start, span.end)
            for file in view.files.get(spec.name, ())
            if file.start_at < span.end and file.end_at > span.start
        ],
    )
    slot = np.searchsorted(starts, rows.column("slot_at").to_numpy(), side="right") - 1
    keys = ["slot", "worker_id", "fleet_id", "threads", "account"]
    summed = (
        rows.append_column("slot", pa.array(slot))
        .group_by(keys, use_threads=False)
        .aggregate([("thread_ms", "sum")])
    )
    group_of = GROUPS[by]
    for row in summed.to_pylist():
        group = group_of(row["worker_id"], row["fleet_id"]), row["slot"]
        found[group][Account(row["account"]), row["threads"]] += row["thread_ms_sum"]
