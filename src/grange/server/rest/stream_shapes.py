"""What answers about log streams, logged values, their rings and pages look like."""

import msgspec

from grange.server.rest.shapes import OfFarm


class StreamRow(msgspec.Struct, frozen=True, kw_only=True):
    """A log stream on one machine."""

    stream: str
    kind: str
    machine: str
    first_at: int
    last_at: int
    lines: int
    errors: int
    bytes: int | None


class StreamsAnswer(OfFarm, frozen=True, kw_only=True):
    """The log streams that were heard."""

    streams: list[StreamRow]


class StreamHour(StreamRow, frozen=True, kw_only=True):
    """An hour of a log stream on one machine, and the hash of what its lines say."""

    start_at: int
    content: str


class StreamHours(OfFarm, frozen=True, kw_only=True):
    """Hour blocks of log streams."""

    hours: list[StreamHour]


class Extreme(msgspec.Struct, frozen=True, kw_only=True):
    """The line an extreme value comes of."""

    at: int
    object: str | None


class SlotFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A measure in one slot; null is what is not known or has no value."""

    min: int | None
    max: int | None
    mean: float | None
    median: float | None
    total: int | None
    count: int | None
    least: Extreme | None
    most: Extreme | None


class SlotTotal(msgspec.Struct, frozen=True, kw_only=True):
    """A count in one slot; null: nothing is known of it."""

    total: int | None


class StreamSlot(msgspec.Struct, frozen=True, kw_only=True):
    """One slot of a stream, with the measures that were asked for and are collected."""

    stream: str
    kind: str | None
    """Null: streams of all kinds, as one."""
    slot_at: int
    coverage_ms: int
    """So much of it is known."""
    latency: SlotFigures | msgspec.UnsetType = msgspec.UNSET
    bytes: SlotFigures | msgspec.UnsetType = msgspec.UNSET
    errors: SlotTotal | msgspec.UnsetType = msgspec.UNSET
    files: SlotTotal | msgspec.UnsetType = msgspec.UNSET
    late: SlotTotal | msgspec.UnsetType = msgspec.UNSET


class StreamSlots(OfFarm, frozen=True, kw_only=True):
    """Log streams in slots of one length."""

    step_ms: int
    measures: list[str]
    latency_limit_ms: int
    rows: list[StreamSlot]
    missing: list[str]
    """What was named, but has no line in the span."""
    read_until: int | None


class LinesPruned(OfFarm, frozen=True, kw_only=True):
    """The log lines that were deleted, or would be."""

    hours: int
    lines: int
    first_at: int | None
    dry_run: bool


class StreamRing(msgspec.Struct, frozen=True, kw_only=True):
    """A ring: of a series, or of a log stream on one machine."""

    series: str | None
    stream: str | None
    kind: str | None
    machine: str | None
    step_seconds: int
    sources: int
    archives: list[str]
    first_at: int
    last_at: int
    sequence: int
    byte_count: int
    problems: list[str]


class StreamRings(OfFarm, frozen=True, kw_only=True):
    """The rings of a farm."""

    rings: list[StreamRing]


class RingsFed(OfFarm, frozen=True, kw_only=True):
    """How many rings of series and of log streams have more now."""

    series: int
    streams: int
    late: int
    """Of these: rings in which past rows were computed again."""
    damaged: list[str]
    """Files that were put aside."""


class RingSource(msgspec.Struct, frozen=True, kw_only=True):
    """What a ring keeps of one source, a value for each row; null is unknown."""

    label: str
    ds_type: str
    total: list[float | None]
    known_seconds: list[float | None]
    average: list[float | None] | msgspec.UnsetType = msgspec.UNSET
    minimum: list[float | None] | msgspec.UnsetType = msgspec.UNSET
    maximum: list[float | None] | msgspec.UnsetType = msgspec.UNSET
    last: list[float | None] | msgspec.UnsetType = msgspec.UNSET
    mean: list[float | None] | msgspec.UnsetType = msgspec.UNSET
    """Of the latency of a log stream: the sum of all files' by their number."""


class RingRows(OfFarm, frozen=True, kw_only=True):
    """Rows of a ring: they begin at `starts_at` and are `step_seconds` long."""

    step_seconds: int
    machines: int
    starts_at: list[int]
    sources: list[RingSource]
    known_until: int


class RrdImported(OfFarm, frozen=True, kw_only=True):
    """The series that was made of an .rrd file."""

    name: str
    rows: int
    last_at: int


class StreamValuesAnswer(OfFarm, frozen=True, kw_only=True):
    """Values of a series as they came, oldest first, as columns."""

    series: str
    more: bool
    """There are more than were asked for."""
    sources: list[int]
    at: list[int]
    values: list[float]


class ValueSource(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one source of a series."""

    series: str
    source_index: int
    count: int
    first_at: int
    last_at: int
    least: float
    most: float
    last: float


class ValueSources(OfFarm, frozen=True, kw_only=True):
    """The sources that values came of."""

    series: list[ValueSource]


class WatchedHour(msgspec.Struct, frozen=True, kw_only=True):
    """An hour of a log stream on one machine."""

    stream: str
    kind: str
    machine: str
    hour_at: int
    lines: int
    errors: int
    byte_count: int | None
    first_at: int
    last_at: int
    first_error_at: int | None
    last_error_at: int | None
    latency_mean_ms: int | None


class WatchedGap(msgspec.Struct, frozen=True, kw_only=True):
    """A time without a line; explained: an error lies near it."""

    stream: str
    kind: str
    machine: str
    start_at: int
    end_at: int
    explained: bool


class LongestGap(msgspec.Struct, frozen=True, kw_only=True):
    """The longest time without a line."""

    stream: str
    kind: str
    machine: str
    millis: int


class WatchedValues(msgspec.Struct, frozen=True, kw_only=True):
    """An hour of one source of a series."""

    series: str
    source_index: int
    hour_at: int
    values: int
    """How many came."""
    least: float
    greatest: float
    mean: float
    last_at: int
    label: str
    heartbeat_seconds: int


class CollectedLog(msgspec.Struct, frozen=True, kw_only=True):
    """Until when a log stream of a machine has been read."""

    stream: str
    kind: str
    machine: str
    until_at: int


class StreamWriter(msgspec.Struct, frozen=True, kw_only=True):
    """A program that hands in lines or values, and when it last did."""

    program: str
    machine: str
    last_at: int


class StreamWatch(OfFarm, frozen=True, kw_only=True):
    """What a watch of streams looks at."""

    hours: list[WatchedHour]
    gaps: list[WatchedGap]
    longest: list[LongestGap]
    values: list[WatchedValues]
    collected: list[CollectedLog]
    writers: list[StreamWriter]


class PagesDrawn(OfFarm, frozen=True, kw_only=True):
    """What was done for the static pages."""

    drawn: list[str]
    kept: int
    left: int
    """Pictures that another run has yet to draw."""
    removed: list[str]
    pages: list[str]
    data_until_at: int | None


class PageFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the static pages."""

    name: str
    bytes: int
    sha256: str


class PageFiles(OfFarm, frozen=True, kw_only=True):
    """The files of the static pages."""

    files: list[PageFile]
    drawn_at: int | None
    data_until_at: int | None


class TierTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Totals and known seconds of the rows of one tier: a list for each source."""

    steps: int
    rows: int
    first: int
    total: list[list[float | None]]
    known_seconds: list[list[float | None]]
    open_total: list[float | None]
    """Of the row that is not over yet, by source."""
    open_known_seconds: list[float | None]


class SeriesTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What an .rrd file has no room for."""

    version: int
    step_seconds: int
    tiers: list[TierTotals]
