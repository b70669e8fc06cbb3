"""The measures of log streams that graphs, pages and tables show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grange.kernel.errors import FieldProblem, InvalidRequestError


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measure: what it is called in requests and in folders of pictures."""

    key: str
    folder: str
    counts: bool
    """True: counted in each slot, so that totals mean something; False: a reading."""
    of_kinds: tuple[str, ...] = ("rx", "tx", "other")


MEASURES: Mapping[str, Measure] = {
    one.key: one
    for one in (
        Measure(key="latency", folder="latency", counts=False, of_kinds=("tx", "other")),
        Measure(key="bytes", folder="bytecount", counts=True),
        Measure(key="files", folder="filecount", counts=True),
        Measure(key="errors", folder="errors", counts=True),
        Measure(
            key="late",
            folder="filesOverMaxLatency",
            counts=True,
            of_kinds=("tx", "other"),
        ),
    )
}
"""By key, in the order in which they are drawn."""


def measures_of(kind: str | None) -> tuple[str, ...]:
    """Return the measures a kind of stream has: sources (rx) know no latency."""
    return tuple(key for key, one in MEASURES.items() if kind is None or kind in one.of_kinds)


def chosen_measures(names: Sequence[str], kind: str | None) -> tuple[str, ...]:
    """Return measures in the order in which they are drawn; no names: all of the kind.

    Raises:
        InvalidRequestError: there is no such measure, or this kind of stream has none.
    """
    own = measures_of(kind)
    for name in names:
        if name not in MEASURES:
            raise _bad(f"{name!r} must be one of {', '.join(MEASURES)}")
        if name not in own:
            raise _bad(f"{name!r} is not measured for streams of kind {kind}")
    return tuple(key for key in own if not names or key in names)


def _bad(message: str) -> InvalidRequestError:
    return InvalidRequestError(f"measures: {message}.", fields=[FieldProblem("measures", message)])
