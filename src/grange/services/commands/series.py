"""Setting up series of logged values, changing and removing them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from grange.books.archives.profiles import checked
from grange.domain.farm import Farm
from grange.domain.series import ArchiveSpec, DataSource, Series
from grange.kernel.errors import (
    ConflictError,
    FieldProblem,
    InvalidRequestError,
    NotFoundError,
    QuotaExceededError,
)
from grange.kernel.ids import FarmId
from grange.services.draft import Draft
from grange.services.owner import Needs

MOST_SERIES = 10_000
MOST_SOURCES = 1000
MOST_STEP_SECONDS = 86_400 * 31
LONGEST_LABEL = 128

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PutSeries:
    """Set up a series, or change one. Answers {"name", "changed"}: False if it was so already.

    Labels, limits, heartbeat and where values come from may change, and sources may be added at the
    end. The step and the archives are what its files are made of: they stay.
    """

    farm_id: FarmId
    name: str
    step_seconds: int
    heartbeat_seconds: int
    sources: Sequence[DataSource]
    archives: Sequence[ArchiveSpec]
    profile: str = ""
    new: bool = False
    """True refuses a name that is taken."""
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the series."""
        draft.get(Farm, self.farm_id)
        wanted = Series(
            farm_id=self.farm_id,
            name=self.name,
            step_seconds=self.step_seconds,
            heartbeat_seconds=self.heartbeat_seconds,
            sources=tuple(self.sources),
            archives=tuple(self.archives),
            profile=self.profile,
            created_at=draft.now,
            created_by=self.by,
        )
        check_series(wanted)
        old = draft.find(Series, self.farm_id, self.name)
        if old is None:
            count = sum(1 for each in draft.all(Series) if each.farm_id == self.farm_id)
            if count >= MOST_SERIES:
                raise QuotaExceededError(
                    f"A farm has at most {MOST_SERIES} series; remove one.",
                    resource_type="series",
                    quota_code="SERIES",
                )
            draft.put(wanted)
            return {"name": self.name, "changed": True}
        if self.new:
            raise _conflict(self.name, f"There is a series {self.name!r} already.")
        after = replace(
            wanted,
            created_at=old.created_at,
            created_by=old.created_by,
            updated_at=old.updated_at,
            updated_by=old.updated_by,
        )
        if after == old:
            return {"name": self.name, "changed": False}
        _check_change(old, after)
        draft.put(replace(after, updated_at=draft.now, updated_by=self.by))
        return {"name": self.name, "changed": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveSeries:
    """Remove a series; its archives go with it, its values stay in the books. Answers {}."""

    farm_id: FarmId
    name: str
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Delete the row."""
        if draft.find(Series, self.farm_id, self.name) is None:
            raise NotFoundError("series", self.name)
        draft.delete(Series, self.farm_id, self.name)
        return {}


def check_series(series: Series) -> None:
    """Refuse a series that cannot be kept.

    Raises:
        InvalidRequestError: its name, step, heartbeat, sources or archives cannot be.
    """
    if not _NAME.fullmatch(series.name):
        raise _bad(
            "name",
            f"{series.name!r} cannot name a series: up to 100 letters, digits, dots, dashes and "
            "underscores, the first neither dot nor dash",
        )
    if not 1 <= series.step_seconds <= MOST_STEP_SECONDS:
        raise _bad("step_seconds", f"must be 1 to {MOST_STEP_SECONDS}")
    if not 1 <= series.heartbeat_seconds <= 100 * MOST_STEP_SECONDS:
        raise _bad("heartbeat_seconds", f"must be 1 to {100 * MOST_STEP_SECONDS}")
    if not 1 <= len(series.sources) <= MOST_SOURCES:
        raise _bad("sources", f"a series has 1 to {MOST_SOURCES} sources")
    if [source.index for source in series.sources] != list(range(len(series.sources))):
        raise _bad("sources", "their indexes must be 0, 1, 2 and so on")
    for source in series.sources:
        label = source.label
        if not label.strip() or len(label) > LONGEST_LABEL or "|" in label:
            raise _bad("sources", f"a label has 1 to {LONGEST_LABEL} characters and no bar")
        if (
            source.minimum is not None
            and source.maximum is not None
            and source.minimum >= source.maximum
        ):
            raise _bad("sources", f"the limits of {label!r} leave nothing between them")
    checked(series.archives)


def _check_change(old: Series, after: Series) -> None:
    if (old.step_seconds, old.archives) != (after.step_seconds, after.archives):
        raise _conflict(
            old.name,
            f"The step and the archives of {old.name!r} cannot change: its files are made of them. "
            "Set up another series, or remove this one first.",
        )
    kinds = [source.ds_type for source in old.sources]
    if [source.ds_type for source in after.sources][: len(kinds)] != kinds:
        raise _conflict(
            old.name,
            f"Sources of {old.name!r} can be added at the end; those there are keep their types.",
        )


def _conflict(name: str, message: str) -> ConflictError:
    return ConflictError(
        message, reason="RESOURCE_ALREADY_EXISTS", resource_type="series", resource_id=name
    )


def _bad(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{message}.", fields=[FieldProblem(name, message)])
