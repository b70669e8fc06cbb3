"""How long each table is kept, and from when on rollups can be computed again.

A rollup may outlive the facts it was made of. From then on its rows are the only ones there are:
they are neither computed again nor compared, and a fact that late is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from grange.books.catalog.model import TableSpec
from grange.books.catalog.registry import FACT_TABLES, table
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant

LEAST_DAYS = 3
"""A shorter time would touch what is not put together yet."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What one farm keeps."""

    set_days: Mapping[str, int | None] = field(default_factory=dict)
    """Table → days, where the farm set them; None: for ever."""

    def days(self, spec: TableSpec) -> int | None:
        """Return how many days a table is kept; None: for ever."""
        if spec.lasting:
            return None
        return self.set_days.get(spec.name, spec.kept_days)

    def kept_since(self, spec: TableSpec, now: Instant) -> Instant:
        """Return from which UTC hour on a table is kept (0: for ever)."""
        if spec.kept_hours is not None:
            return Instant(now - now % MILLIS_PER_HOUR - spec.kept_hours * MILLIS_PER_HOUR)
        days = self.days(spec)
        if days is None:
            return Instant(0)
        return Instant(max(0, now - now % MILLIS_PER_HOUR - days * MILLIS_PER_DAY))

    def taken_since(self, spec: TableSpec, now: Instant) -> Instant:
        """Return from which UTC hour on late facts of a table are taken.

        A table that is kept for ever takes them for as long as everything is kept that its rollups
        are computed from.
        """
        if self.days(spec) is not None:
            return self.kept_since(spec, now)
        return Instant(max(self.kept_since(fact, now) for fact in FACT_TABLES if not fact.apart))

    def computed_since(self, spec: TableSpec, now: Instant) -> Instant:
        """Return from which UTC hour on a rollup is kept and its facts are, too."""
        facts = (
            self.kept_since(fact, now)
            for fact in FACT_TABLES
            if (fact.name in spec.made_of if spec.made_of else not fact.apart)
        )
        return Instant(max(self.kept_since(spec, now), *facts))


def check_days(table_name: str, days: int | None) -> None:
    """Refuse a time that a table cannot be kept for.

    Raises:
        InvalidRequestError: all accounts and costs are computed from the table, or the time is too
            short or fixed.
        NotFoundError: there is no such table.
    """
    spec = table(table_name)
    message = None
    if spec.lasting:
        message = "is kept for ever: accounts and costs are computed from it"
    elif spec.kept_hours is not None:
        message = f"is always kept {spec.kept_hours} hours"
    elif days is not None and days < LEAST_DAYS:
        message = f"can be kept {LEAST_DAYS} days or longer"
    if message is not None:
        raise InvalidRequestError(
            f"{table_name} {message}.", fields=[FieldProblem("days", message)]
        )
