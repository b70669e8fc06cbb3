"""How many layers and jobs showed what at the end of each slot.

Every change of a layer holds for a run of slots, so what holds is counted at the two ends of each
run, and summed along the slots: the cost grows with changes plus slots, not with their product.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from grange.kernel.intervals import Span

Ints = npt.NDArray[np.int64]

FINISHED = ("SUCCEEDED", "CANCELED")
_NOT_RENDERING = (*FINISHED, "FAILED", "SUSPENDED", "READY", "PENDING", "NOT_COMPATIBLE")
_STATE_OF = {
    "SUCCEEDED": "done", "CANCELED": "disabled", "FAILED": "disabled", "SUSPENDED": "disabled",
    "READY": "idle", "PENDING": "waiting", "NOT_COMPATIBLE": "waiting",
}  # fmt: skip
STATES = ("disabled", "done", "idle", "rendering", "waiting")
_SUBJECTS = {"user": "user_name", "project": "project", "app": "app"}


class LayerSlots:
    """What layers showed in the slots of a span."""

    def __init__(self, changes: pa.Table, span: Span, width_ms: int) -> None:
        """Find the run of slots at whose ends each change held.

        Args:
            changes: the answer of `questions.rings.layer_changes`.
            span: whole slots.
            width_ms: of a slot.
        """
        self._span = span
        self._width = width_ms
        self._count = span.millis // width_ms
        status = np.array(changes.column("status").to_pylist(), dtype=object)
        since = changes.column("since").to_numpy()
        until = changes.column("until").to_numpy()
        first = np.maximum((since - span.start) // width_ms, 0)
        last = np.minimum((until - span.start) // width_ms, self._count) - 1
        held = first <= last
        self._first, self._last, self._status = first[held], last[held], status[held]
        self._changes = changes.filter(pa.array(held))

    def farm(self) -> list[dict[str, Any]]:
        """Return the layers and jobs there were, those unfinished, and those rendering, by slot."""
        jobs = np.unique(self._changes.column("job_id").to_pylist(), return_inverse=True)[1]
        unfinished = ~np.isin(self._status, FINISHED)
        rendering = ~np.isin(self._status, _NOT_RENDERING)
        chosen = {
            "total": np.ones(len(self._status), dtype=bool),
            "unfinished": unfinished,
            "rendering": rendering,
        }
        columns = {}
        for name, which in chosen.items():
            first, last = self._first[which], self._last[which]
            columns[f"layers_{name}"] = self._along(first, last)
            columns[f"jobs_{name}"] = self._along(*_once(first, last, jobs[which], self._count))
        return [
            {"slot_at": self._at(slot)}
            | {name: int(found[slot]) for name, found in columns.items()}
            for slot in np.nonzero(columns["layers_total"])[0].tolist()
        ]

    def of_subjects(self) -> list[dict[str, Any]]:
        """Return the layers in each state by slot and user, project or app."""
        states = np.array(
            [STATES.index(_STATE_OF.get(status, "rendering")) for status in self._status],
            dtype=np.int64,
        )
        rows = []
        for subject, column in _SUBJECTS.items():
            names, own = np.unique(self._changes.column(column).to_pylist(), return_inverse=True)
            edges = np.zeros((len(names), len(STATES), self._count + 1), dtype=np.int64)
            np.add.at(edges, (own, states, self._first), 1)
            np.add.at(edges, (own, states, self._last + 1), -1)
            counts = np.cumsum(edges, axis=2)[:, :, : self._count]
            for name, slot in zip(*np.nonzero(counts.any(axis=1)), strict=True):
                found = counts[name, :, slot].tolist()
                rows.append(
                    {"slot_at": self._at(int(slot)), "subject": subject, "name": str(names[name])}
                    | {f"layers_{state}": n for state, n in zip(STATES, found, strict=True)}
                )
        return rows

    def _at(self, slot: int) -> int:
        return self._span.start + slot * self._width

    def _along(self, first: Ints, last: Ints) -> Ints:
        """Return by slot how many runs cover it."""
        edges = np.zeros(self._count + 1, dtype=np.int64)
        np.add.at(edges, first, 1)
        np.add.at(edges, last + 1, -1)
        return np.cumsum(edges)[: self._count]


def _once(first: Ints, last: Ints, owner: Ints, count: int) -> tuple[Ints, Ints]:
    """Return runs in which those of one owner that overlap are one."""
    if not len(first):
        return first, last
    begin = owner * (count + 1) + first  # the runs of different owners lie apart
    end = owner * (count + 1) + last
    order = np.argsort(begin, kind="stable")
    begin, end = begin[order], np.maximum.accumulate(end[order])
    fresh = np.concatenate([[True], begin[1:] > end[:-1]])
    starts = np.nonzero(fresh)[0]
    ends = np.concatenate([starts[1:], [len(begin)]]) - 1
    return begin[starts] % (count + 1), end[ends] % (count + 1)
