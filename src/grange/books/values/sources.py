"""Which logged value feeds which data source of which series.

The text of a source is janitoo's: address, value id, index, type and label, joined by bars, e.g.
`0001/0000|temperature|0|GAUGE|Room`.
"""

import re

import msgspec

from grange.domain.series import DsType
from grange.kernel.errors import FieldProblem, InvalidRequestError

DEFAULT_STEP_SECONDS = 300
"""janitoo's."""
HEARTBEAT_STEPS = 2
MOST_SOURCES = 1000

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_PARTS = 5

SourceKey = tuple[str, str, int]
"""Address, value id, index: what a message names."""


class LoggedSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One data source of a series, and the value that feeds it."""

    address: str
    """The node that sends it, e.g. 0001/0000; without one in the message: the topic's first
    levels."""
    value_id: str
    index: int = 0
    """Which of several values of one id."""
    ds_type: DsType = DsType.GAUGE
    label: str = ""
    minimum: float | None = None
    """Smaller values are unknown; None: no bound."""
    maximum: float | None = None

    @property
    def key(self) -> SourceKey:
        """What a message names to feed this source."""
        return (self.address, self.value_id, self.index)


class LoggedSeries(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One series: a name, a step, and sources that are kept together."""

    name: str
    step_seconds: int = DEFAULT_STEP_SECONDS
    heartbeat_seconds: int = 0
    """The longest silence that is still known; 0: twice the step."""
    sources: tuple[LoggedSource, ...]
    archives: str = "janitoo"
    """The profile of its ring: metpx, janitoo, or a text of RRA."""

    @property
    def heartbeat(self) -> int:
        """Seconds of silence after which values are unknown."""
        return self.heartbeat_seconds or HEARTBEAT_STEPS * self.step_seconds

    @property
    def step_ms(self) -> int:
        """The step in milliseconds."""
        return self.step_seconds * 1000

    @property
    def labels(self) -> tuple[str, ...]:
        """What to call the sources; one without a label is called by its value id and index."""
        return tuple(one.label or f"{one.value_id}-{one.index}" for one in self.sources)


def parse_source(text: str) -> LoggedSource:
    """Return the source that janitoo's text names.

    Raises:
        InvalidRequestError: it is no such text.
    """
    parts = [part.strip() for part in text.split("|")]
    if len(parts) != _PARTS:
        raise _wrong("sources", f"{text!r} is not ADDRESS|VALUE|INDEX|TYPE|LABEL")
    address, value_id, index, ds_type, label = parts
    if not address or not value_id:
        raise _wrong("sources", f"{text!r} names no address or no value")
    if not index.isascii() or not index.isdigit():
        raise _wrong("sources", f"the index in {text!r} must be a whole number")
    if ds_type not in set(DsType):
        raise _wrong("sources", f"the type in {text!r} must be one of {', '.join(DsType)}")
    return LoggedSource(
        address=address,
        value_id=value_id,
        index=int(index),
        ds_type=DsType(ds_type),
        label=label,
    )


def source_text(source: LoggedSource) -> str:
    """Return the text of a source, as `parse_source` reads it."""
    return "|".join(
        (source.address, source.value_id, str(source.index), source.ds_type, source.label)
    )


def check_series(series: LoggedSeries) -> None:
    """Refuse a series that cannot be kept.

    Raises:
        InvalidRequestError: its name could leave its folder, or something else is wrong with it.
    """
    if not _NAME.fullmatch(series.name):
        raise _wrong(
            "name",
            f"{series.name!r} must be up to 100 letters, digits, dots, dashes and underscores, and"
            " begin with none of dot and dash",
        )
    if series.step_seconds < 1:
        raise _wrong("step_seconds", "must be 1 or more")
    if series.heartbeat_seconds < 0:
        raise _wrong("heartbeat_seconds", "must be 1 or more, or 0 for twice the step")
    if not 1 <= len(series.sources) <= MOST_SOURCES:
        raise _wrong("sources", f"a series has 1 to {MOST_SOURCES} sources")
    for source in series.sources:
        if "|" in source.label or "|" in source.value_id or "|" in source.address:
            raise _wrong("sources", f"{source.label or source.value_id!r} must not hold a bar")
    keys = [source.key for source in series.sources]
    if len(set(keys)) < len(keys):
        raise _wrong("sources", f"{series.name} names one value twice")


def _wrong(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{name}: {message}.", fields=[FieldProblem(name, message)])
