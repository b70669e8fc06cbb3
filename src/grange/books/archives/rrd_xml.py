"""Rings as the XML that `rrdtool dump` writes and `rrdtool restore` reads."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import numpy as np

from grange.books.archives.arithmetic import Floats, RingState, TierRows, TierState, fresh
from grange.books.archives.layout import RingSpec, Tier
from grange.books.archives.profiles import checked
from grange.domain.series import ArchiveSpec, Consolidation, DataSource, DsType
from grange.kernel.errors import FieldProblem, InvalidRequestError

LONGEST_NAME = 19
"""rrdtool refuses names of sources with more letters."""
TOTALS_VERSION = 1

Rows = Callable[[int, int, int], Floats]
"""Returns rows of a tier by number of the tier, number of the first row, count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an XML holds."""

    spec: RingSpec
    state: RingState
    rows: tuple[TierRows, ...]


def rrd_names(labels: Sequence[str]) -> list[str]:
    """Return names that rrdtool takes, each once: letters, digits and underscores, at most 19."""
    found: list[str] = []
    for place, label in enumerate(labels):
        name = re.sub(r"[^A-Za-z0-9_]+", "_", label)[:LONGEST_NAME].strip("_") or f"source{place}"
        number = 2
        while name in found:
            tail = f"_{number}"
            name = name[: LONGEST_NAME - len(tail)].rstrip("_0123456789") + tail
            number += 1
        found.append(name)
    return found


def emit_xml(spec: RingSpec, state: RingState, rows: Rows) -> str:
    """Return a ring as XML; every number with all its digits."""
    return "\n".join(_lines(spec, state, rows)) + "\n"


def emit_totals(spec: RingSpec, state: RingState, rows: Rows) -> dict[str, Any]:
    """Return what the XML has no room for: totals and known seconds, by tier."""
    tiers = []
    for number, tier in enumerate(spec.tiers):
        first = _first(spec, state, tier)
        found = rows(number, first, tier.rows)
        open_row = state.tiers[number]
        tiers.append(
            {
                "steps": tier.steps,
                "rows": tier.rows,
                "first": first,
                "total": _plain(found[:, :, tier.total]),
                "known_seconds": _plain(found[:, :, tier.known]),
                "open_total": open_row.totals.tolist(),
                "open_known_seconds": open_row.known.tolist(),
            }
        )
    return {"version": TOTALS_VERSION, "step_seconds": spec.step_seconds, "tiers": tiers}


def parse_xml(text: str, totals: Mapping[str, Any] | None = None) -> Imported:
    """Return the ring that an XML describes.

    Args:
        text: the output of `rrdtool dump`.
        totals: of `emit_totals`; without them totals of the past are unknown.

    Raises:
        InvalidRequestError: it is no such XML, or has sources or archives a ring cannot keep.
    """
    if "<!ENTITY" in text:
        raise _bad("defines entities")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - entities are refused above
    except ElementTree.ParseError as error:
        raise _bad(f"cannot be read: {error}") from error
    try:
        spec = _spec(root)
        state, rows = _contents(root, spec)
    except (ValueError, TypeError, OverflowError) as error:
        raise _bad(f"has a number that is none: {error}") from error
    if totals is not None:
        rows, state = _with_totals(spec, state, rows, totals)
    return Imported(spec=spec, state=state, rows=rows)


# ── out ───────────────────────────────────────────────────────────────────────────────────────────


def _lines(spec: RingSpec, state: RingState, rows: Rows) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield "<rrd>"
    yield "<version>0003</version>"
    yield f"<step>{spec.step_seconds}</step>"
    yield f"<lastupdate>{state.last}</lastupdate>"
    names = rrd_names([source.label for source in spec.sources])
    for place, (source, name) in enumerate(zip(spec.sources, names, strict=True)):
        yield f"<ds><name> {name} </name><type> {source.ds_type} </type>"
        yield f"<minimal_heartbeat>{spec.heartbeat_seconds}</minimal_heartbeat>"
        yield f"<min>{_number(source.minimum)}</min><max>{_number(source.maximum)}</max>"
        yield f"<last_ds>{_raw(float(state.raw[place]))}</last_ds>"
        yield f"<value>{_number(float(state.sums[place]))}</value>"
        yield f"<unknown_sec> {int(state.unknown[place])} </unknown_sec></ds>"
    for archive in spec.archives:
        number, tier, column = _place(spec, archive)
        open_row = state.tiers[number]
        yield f"<rra><cf>{archive.cf}</cf><pdp_per_row>{archive.steps}</pdp_per_row>"
        yield f"<params><xff>{archive.xff!r}</xff></params><cdp_prep>"
        for place in range(spec.width):
            value = float(open_row.values[place, column])
            yield (
                "<ds><primary_value>NaN</primary_value><secondary_value>NaN</secondary_value>"
                f"<value>{_number(value)}</value>"
                f"<unknown_datapoints>{int(open_row.unknown[place])}</unknown_datapoints></ds>"
            )
        yield "</cdp_prep><database>"
        kept = rows(number, _first(spec, state, tier), tier.rows)[:, :, column]
        for row in kept.tolist():
            yield f"<row>{''.join(f'<v>{_number(value)}</v>' for value in row)}</row>"
        yield "</database></rra>"
    yield "</rrd>"


def _first(spec: RingSpec, state: RingState, tier: Tier) -> int:
    """Return the number of the oldest row a tier keeps."""
    return state.last // (tier.steps * spec.step_seconds) - tier.rows


def _place(spec: RingSpec, archive: ArchiveSpec) -> tuple[int, Tier, int]:
    for number, tier in enumerate(spec.tiers):
        if (tier.steps, tier.rows) == (archive.steps, archive.rows):
            column = tier.column(archive.cf)
            if column is not None:
                return number, tier, column
    raise ValueError("an archive has no tier")


def _number(value: float | None) -> str:
    return "NaN" if value is None or math.isnan(value) else repr(float(value))


def _raw(value: float) -> str:
    if math.isnan(value):
        return "U"
    return str(int(value)) if value.is_integer() else repr(value)


def _plain(array: Floats) -> list[list[float | None]]:
    return [
        [None if math.isnan(value) else value for value in row] for row in array.T.tolist()
    ]  # fmt: skip


# ── in ────────────────────────────────────────────────────────────────────────────────────────────


def _spec(root: ElementTree.Element) -> RingSpec:
    if root.tag != "rrd":
        raise _bad("is not the output of rrdtool dump")
    sources = []
    heartbeats = set()
    for place, one in enumerate(root.findall("ds")):
        kind = _text(one, "type")
        if kind not in set(DsType):
            raise _bad(f"has a source of type {kind}; {', '.join(DsType)} can be kept")
        heartbeats.add(int(_text(one, "minimal_heartbeat")))
        sources.append(
            DataSource(
                index=place,
                label=_text(one, "name"),
                ds_type=DsType(kind),
                minimum=_limit(_text(one, "min")),
                maximum=_limit(_text(one, "max")),
            )
        )
    if len(heartbeats) != 1:
        raise _bad("has sources with different heartbeats; a series has one")
    archives = []
    for one in root.findall("rra"):
        cf = _text(one, "cf")
        if cf not in set(Consolidation):
            raise _bad(f"has an archive {cf}; {', '.join(Consolidation)} can be kept")
        archives.append(
            ArchiveSpec(
                cf=Consolidation(cf),
                steps=int(_text(one, "pdp_per_row")),
                rows=len(one.findall("database/row")),
                xff=float(_text(one, "params/xff")),
            )
        )
    step = int(_text(root, "step"))
    if step < 1 or min(heartbeats) < 1:
        raise _bad("has no step or no heartbeat")
    return RingSpec(
        step_seconds=step,
        heartbeat_seconds=heartbeats.pop(),
        sources=tuple(sources),
        archives=checked(archives),
    )


def _contents(root: ElementTree.Element, spec: RingSpec) -> tuple[RingState, tuple[TierRows, ...]]:
    last = int(_text(root, "lastupdate"))
    base = fresh(spec, last)
    tiers = spec.tiers
    kept = [np.full((tier.rows, spec.width, tier.width), np.nan) for tier in tiers]
    values = [one.values.copy() for one in base.tiers]
    unknown = [one.unknown.copy() for one in base.tiers]
    for archive, one in zip(spec.archives, root.findall("rra"), strict=True):
        number, _, column = _place(spec, archive)
        found = [
            [float(cell.text or "nan") for cell in row.findall("v")]
            for row in one.findall("database/row")
        ]
        if any(len(row) != spec.width for row in found):
            raise _bad("has a row with too few or too many values")
        kept[number][:, :, column] = found
        for place, prep in enumerate(one.findall("cdp_prep/ds")):
            if place >= spec.width:
                raise _bad("has more open rows than sources")
            value = float(_text(prep, "value"))
            values[number][place, column] = value if math.isfinite(value) else math.nan
            if archive.steps > 1:
                unknown[number][place] = int(_text(prep, "unknown_datapoints"))
    raw, sums, missing = [], [], []
    for one in root.findall("ds"):
        text = _text(one, "last_ds")
        raw.append(math.nan if text.startswith("U") else float(text))
        value = float(_text(one, "value"))
        sums.append(0.0 if math.isnan(value) else value)
        missing.append(int(_text(one, "unknown_sec")))
    state = RingState(
        last=last,
        raw=np.array(raw),
        sums=np.array(sums),
        unknown=np.array(missing, dtype=np.int64),
        tiers=tuple(
            TierState(values=a, unknown=b, totals=one.totals, known=one.known)
            for a, b, one in zip(values, unknown, base.tiers, strict=True)
        ),
    )
    rows = tuple(
        TierRows(first=_first(spec, state, tier), rows=found)
        for tier, found in zip(tiers, kept, strict=True)
    )
    return state, rows


def _with_totals(
    spec: RingSpec,
    state: RingState,
    rows: tuple[TierRows, ...],
    totals: Mapping[str, Any],
) -> tuple[tuple[TierRows, ...], RingState]:
    known = {(one["steps"], one["rows"]): one for one in totals.get("tiers", [])}
    states = []
    for tier, found, open_row in zip(spec.tiers, rows, state.tiers, strict=True):
        one = known.get((tier.steps, tier.rows))
        if (
            one is None
            or one["first"] != found.first
            or totals.get("step_seconds") != spec.step_seconds
        ):
            raise _bad("and the totals are not of one ring at one moment")
        for name, column in (("total", tier.total), ("known_seconds", tier.known)):
            cells = [[math.nan if v is None else float(v) for v in row] for row in one[name]]
            array = np.array(cells, dtype=np.float64).T
            if array.shape != found.rows.shape[:2]:
                raise _bad("and the totals have not as many rows")
            found.rows[:, :, column] = array
        states.append(
            TierState(
                values=open_row.values,
                unknown=open_row.unknown,
                totals=np.array(one["open_total"], dtype=np.float64),
                known=np.array(one["open_known_seconds"], dtype=np.float64),
            )
        )
    return rows, RingState(
        last=state.last,
        raw=state.raw,
        sums=state.sums,
        unknown=state.unknown,
        tiers=tuple(states),
    )


def _text(element: ElementTree.Element, path: str) -> str:
    found = element.findtext(path)
    if found is None:
        raise _bad(f"has no <{path}>")
    return found.strip()


def _limit(text: str) -> float | None:
    value = float(text)
    return None if math.isnan(value) else value


def _bad(problem: str) -> InvalidRequestError:
    return InvalidRequestError(f"The XML {problem}.", fields=[FieldProblem("xml", problem)])
