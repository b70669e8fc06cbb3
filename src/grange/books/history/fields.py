"""What a query over the job history may name, and its filters (ledger S0-42, S0-43)."""

from dataclasses import dataclass
from datetime import tzinfo

from grange.books.history.codes import STATES, JobState, TimeMode, states_of
from grange.books.where import (
    AnyOf,
    Compare,
    Every,
    Field,
    Fields,
    Kind,
    Node,
    Op,
    parse,
)
from grange.kernel.units import MILLIS_PER_HOUR, Instant

FIELDS = Fields(
    (
        Field(name="user", kind=Kind.TEXT, searched=True, aliases=("user_name",)),
        Field(name="project", kind=Kind.TEXT, searched=True, aliases=("company_project_name",)),
        Field(name="job", kind=Kind.TEXT, searched=True, aliases=("job_name", "name")),
        Field(name="layer", kind=Kind.TEXT, searched=True, aliases=("layer_name",)),
        Field(name="scene", kind=Kind.PATH, searched=True, aliases=("scene_file", "scene_name")),
        Field(name="shot", kind=Kind.TEXT, searched=True),
        Field(name="sequence", kind=Kind.TEXT, searched=True, aliases=("seq",)),
        Field(name="version", kind=Kind.TEXT, searched=True),
        Field(name="app", kind=Kind.TEXT, searched=True, aliases=("software",)),
        Field(name="app_version", kind=Kind.TEXT),
        Field(name="renderer", kind=Kind.TEXT, aliases=("renderer_plugin",)),
        Field(name="render_type", kind=Kind.TEXT, aliases=("type",)),
        Field(name="machine", kind=Kind.TEXT, key="submit_machine", aliases=("submit_machine",)),
        Field(name="state", kind=Kind.TEXT, choices=tuple(STATES)),
        Field(name="status", kind=Kind.TEXT),
        Field(name="job_id", kind=Kind.TEXT),
        Field(name="layer_id", kind=Kind.TEXT),
        Field(name="frames", kind=Kind.NUMBER, key="frame_count"),
        Field(name="tasks", kind=Kind.NUMBER, key="task_count"),
        Field(name="priority", kind=Kind.NUMBER),
        Field(name="sent", kind=Kind.NUMBER),
        Field(name="crashed", kind=Kind.NUMBER),
        Field(name="aborted", kind=Kind.NUMBER),
        Field(name="errors", kind=Kind.NUMBER),
        Field(name="resets", kind=Kind.NUMBER),
        Field(name="time", kind=Kind.DURATION, key="render_ms", aliases=("render_time",)),
        Field(name="memory", kind=Kind.BYTES, key="memory_bytes"),
        Field(name="submitted", kind=Kind.INSTANT, key="submitted_at", aliases=("sent_at",)),
        Field(name="started", kind=Kind.INSTANT, key="started_at"),
        Field(name="finished", kind=Kind.INSTANT, key="finished_at"),
        Field(name="changed", kind=Kind.INSTANT, key="changed_at"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFilter:
    """Which records are wanted; everything that is said must hold."""

    user: str = ""
    app: str = ""
    renderer: str = ""
    render_type: str = ""
    age_hours: float | None = None
    """Changed within this many hours."""
    text: str = ""
    """A query; its words may be turned around with `invert`."""
    invert: bool = False
    states: int = JobState.ALL
    start: Instant | None = None
    """From when, as the mode says; None: from the beginning."""
    end: Instant | None = None
    """Until before when; None: until now."""
    mode: TimeMode = TimeMode.NONE

    def node(self, zone: tzinfo, now: Instant) -> Node:
        """Return the filter as a query's tree.

        Raises:
            WhereError: the text cannot be read.
        """
        wanted: list[Node] = [
            Compare(field=FIELDS[name], op=Op.EQUAL, value=getattr(self, name))
            for name in ("user", "app", "renderer", "render_type")
            if getattr(self, name)
        ]
        if self.text.strip():
            wanted.append(parse(self.text, FIELDS, zone=zone, now=now, invert=self.invert))
        if self.age_hours is not None:
            since = now - round(self.age_hours * MILLIS_PER_HOUR)
            wanted.append(Compare(field=FIELDS["changed"], op=Op.MORE_EQUAL, value=since))
        names = states_of(self.states)
        if len(names) < len(STATES):
            wanted.append(
                AnyOf(
                    tuple(Compare(field=FIELDS["state"], op=Op.EQUAL, value=name) for name in names)
                )
            )
        wanted.extend(self._times())
        return Every(tuple(wanted))

    def _times(self) -> list[Node]:
        fields = {
            TimeMode.NONE: (),
            TimeMode.SUBMITTED: ("submitted",),
            TimeMode.FINISHED: ("finished",),
            TimeMode.BOTH: ("submitted", "finished"),
            TimeMode.CHANGED: ("changed",),
        }[self.mode]
        found: list[Node] = []
        for name in fields:
            least = 0 if self.start is None else self.start
            found.append(Compare(field=FIELDS[name], op=Op.MORE_EQUAL, value=least))
            if self.end is not None:
                found.append(Compare(field=FIELDS[name], op=Op.LESS, value=self.end))
        return found
