"""All tables, by name."""

from grange.books.catalog.foreign_tables import FOREIGN_RECORDS
from grange.books.catalog.licence_tables import LICENCE_USES
from grange.books.catalog.model import TableSpec
from grange.books.catalog.ring_tables import (
    FARM_MINUTES,
    FARM_QUARTERS,
    FRAME_MINUTES,
    FRAME_QUARTERS,
    NAMED_GROUP_SLOTS,
    THREAD_QUARTERS,
)
from grange.books.catalog.rollup_tables import (
    ACCOUNT_HOURS,
    GROUP_SLOTS,
    JOB_SLOTS,
    WORKER_HOURS,
    WORKER_MINUTES,
    WORKER_QUARTERS,
)
from grange.books.catalog.stream_tables import LOG_LINES, STREAM_VALUES
from grange.books.catalog.submission_tables import SUBMISSIONS
from grange.books.catalog.telemetry_tables import (
    FRAMES,
    SERVER_SAMPLES,
    THREAD_SAMPLES,
    WORKER_SAMPLES,
)
from grange.books.catalog.work_tables import EVENTS, SESSION_ACTIONS, SESSIONS
from grange.kernel.errors import NotFoundError

FACT_TABLES: tuple[TableSpec, ...] = (
    SESSION_ACTIONS,
    SESSIONS,
    EVENTS,
    LICENCE_USES,
    SUBMISSIONS,
    FOREIGN_RECORDS,
    FRAMES,
    WORKER_SAMPLES,
    THREAD_SAMPLES,
    SERVER_SAMPLES,
    LOG_LINES,
    STREAM_VALUES,
)
ROLLUP_TABLES: tuple[TableSpec, ...] = (
    WORKER_MINUTES,
    WORKER_HOURS,
    JOB_SLOTS,
    GROUP_SLOTS,
    ACCOUNT_HOURS,
    WORKER_QUARTERS,
    FARM_MINUTES,
    FARM_QUARTERS,
    FRAME_MINUTES,
    FRAME_QUARTERS,
    THREAD_QUARTERS,
    NAMED_GROUP_SLOTS,
)
TABLES: dict[str, TableSpec] = {spec.name: spec for spec in FACT_TABLES + ROLLUP_TABLES}


def table(name: str) -> TableSpec:
    """Return the table of this name.

    Raises:
        NotFoundError: if the books have no such table.
    """
    spec = TABLES.get(name)
    if spec is None:
        raise NotFoundError("table", name)
    return spec
