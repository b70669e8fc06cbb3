"""The parts of a Parquet file (its row groups), and which of them may hold workers' rows."""

from collections.abc import Sequence
from typing import Any

import pyarrow.parquet as pq

from grange.kernel.intervals import Span


class FileParts:
    """The end of a file, and the bounds of its parts."""

    def __init__(self, metadata: pq.FileMetaData) -> None:
        self.metadata = metadata
        self.names = {
            metadata.schema.column(number).path.partition(".")[0]
            for number in range(metadata.num_columns)
        }
        self._bounds: dict[str, list[tuple[Any, Any] | None]] = {}

    def groups_of(self, worker_ids: Sequence[str], time_column: str, span: Span) -> list[int]:
        """Return the parts that may hold rows of any of some workers in a span."""
        workers, times = self._of("worker_id"), self._of(time_column)
        return [
            number
            for number in range(self.metadata.num_row_groups)
            if _meets(times[number], span.start, span.end - 1)
            and any(_meets(workers[number], one, one) for one in worker_ids)
        ]

    def _of(self, name: str) -> list[tuple[Any, Any] | None]:
        if name not in self._bounds:
            place = next(
                number
                for number in range(self.metadata.num_columns)
                if self.metadata.schema.column(number).path == name
            )
            self._bounds[name] = [
                _bounds(self.metadata.row_group(number).column(place).statistics)
                for number in range(self.metadata.num_row_groups)
            ]
        return self._bounds[name]


def _bounds(statistics: Any) -> tuple[Any, Any] | None:
    if statistics is None or not statistics.has_min_max:
        return None
    return statistics.min, statistics.max


def _meets(bounds: tuple[Any, Any] | None, least: Any, most: Any) -> bool:
    return bounds is None or (bounds[0] <= most and bounds[1] >= least)
