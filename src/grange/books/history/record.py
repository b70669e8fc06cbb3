"""A record of the job history in plain values, put together from what the questions found."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Any

import msgspec

from grange.books.frame_ranges import expand
from grange.domain.rates import PricedWork, RateCard, RateUnit, machine_line
from grange.kernel.units import MILLIS_PER_HOUR, decimal_of, half_even_divide

_IDENTITY = (
    "farm_id",
    "queue_id",
    "job_id",
    "layer_id",
    "layer_index",
    "job",
    "layer",
    "user",
    "submit_machine",
    "project",
    "shot",
    "sequence",
    "version",
    "scene",
    "priority",
    "submitted_at",
    "started_at",
    "finished_at",
    "first_finished_at",
    "changed_at",
    "state",
    "status",
    "resets",
    "reset_at",
)
_SAID = (
    "scene_database",
    "custom_scene",
    "job_type",
    "camera",
    "aov",
    "scene_state",
    "scene_take",
    "tracker_id",
    "color",
    "scene_os",
    "paths_os",
)
_COUNTS = ("sent", "crashed", "aborted", "frames_returned")
_ZERO: Mapping[str, int] = dict.fromkeys(
    (*_COUNTS, "succeeded", "render_ms", "ps_milli_ms", "ghz_milli_ms", "watt_milli_ms"), 0
)


def short_id(layer_id: str) -> str:
    """Return the short name of a record: usually, not surely, its own (ledger S0-50)."""
    return layer_id[-8:]


def number_of(layer_id: str) -> int:
    """Return the integer of a record's id."""
    digits = layer_id.rpartition("-")[2]
    return int(digits, 16)


def identity(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return who, what and when (ledger S0-44, S0-50), with app, image and sequence."""
    said = detail_of(row)
    layer_id = row["layer_id"]
    return {
        **{name: row[name] for name in _IDENTITY},
        **{name: said.get(name) for name in _SAID},
        "short_id": short_id(layer_id),
        # As text: it has 128 bits, more than messages and browsers count exactly.
        "number": str(number_of(layer_id)),
        "app": application(row, said),
        "image": image(said),
        "frames": frames(row, said),
        "sent": row["sent"],
        "crashed": row["crashed"],
        "aborted": row["aborted"],
        "errors": row["errors"],
        "render_ms": row["render_ms"],
        "memory_bytes": row["memory_bytes"],
    }


def detail_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rest of what was said about a layer."""
    found: dict[str, Any] = msgspec.json.decode(row["detail"]) if row["detail"] else {}
    return found


def application(row: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the application of a layer (ledger S0-55)."""
    return {
        "name": row["app"],
        "version": row["app_version"],
        "version_minor": said.get("app_version_minor"),
        "renderer": row["renderer"],
        "renderer_version": said.get("renderer_version"),
        "variant": said.get("app_variant"),
        "render_type": row["render_type"],
        "execute_type": said.get("execute_type") or _execute_type(row["render_type"]),
    }


def _execute_type(render_type: str) -> str:
    return {
        "execute_once": "once",
        "execute_each": "each_worker",
        "execute_frames": "per_frame",
    }.get(render_type, "none")


def image(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is written (ledger S0-45)."""
    return {
        "dir": said.get("image_dir"),
        "name": said.get("image_name"),
        "name_variables": said.get("image_name_variables"),
        "extension": said.get("image_extension"),
        "padding": _number(said.get("image_padding")),
        "width": _number(said.get("image_width")),
        "height": _number(said.get("image_height")),
        "is_data": _flag(said.get("image_is_data")),
        "tiles": _number(said.get("image_tiles")) or 1,
        "single_file": _flag(said.get("image_single_file")),
        "aa_percent": _number(said.get("aa_percent")),
    }


def frames(row: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sequence (ledger S0-46): as it was said, else as the layer's frames show."""
    known = sorted(set(expand(row["frames"]))) if row["frames"] else []
    steps = {b - a for a, b in pairwise(known)}
    start = _number(said.get("seq_start"))
    end = _number(said.get("seq_end"))
    step = _number(said.get("seq_step"))
    tiles = _number(said.get("image_tiles")) or 1
    start = start if start is not None else (known[0] if known else None)
    end = end if end is not None else (known[-1] if known else None)
    step = step if step is not None else (min(steps) if steps else 1 if known else None)
    one_tile = None if start is None or end is None or not step else (end - start) // step + 1
    return {
        "start": start,
        "end": end,
        "step": step,
        "file_offset": _number(said.get("seq_offset")) or 0,
        "frame_set": said.get("frame_set") or row["frames"],
        "sub_frames": _number(said.get("sub_frames")),
        "tiles": tiles,
        "total": None if one_tile is None else one_tile * tiles,
        "total_one_tile": one_tile,
        "total_frame_set": row["frame_count"],
    }


def _number(text: Any) -> int | None:
    try:
        return None if text is None else int(float(text))
    except ValueError:
        return None


def _flag(text: Any) -> bool:
    return str(text).lower() in ("1", "true", "yes") if text is not None else False


def sums(found: Mapping[str, Any] | None, busy: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what attempts add up to, ever or since the last reset (ledger S0-48)."""
    of = found or _ZERO
    return {
        **{name: of[name] for name in _COUNTS},
        "render_ms": of["render_ms"],
        "wall_ms": 0 if busy is None else busy["wall_ms"],
        "ps_seconds": of["ps_milli_ms"] / 1e6,
        "ghz_hours": _over(of["ghz_milli_ms"], 3_600_000_000),
        "watt_seconds": _over(of["watt_milli_ms"], 1_000_000),
    }


def _over(value: int | None, unit: int) -> float | None:
    return None if value is None else value / unit


def usage(
    row: Mapping[str, Any],
    total: Mapping[str, Any] | None,
    busy: Mapping[str, Any] | None,
    figures: Mapping[str, Any] | None,
    traffic: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return how a layer used workers (ledger S0-47); what is not known is None."""
    of, by_frame = figures or {}, traffic or {}
    returned = 0 if total is None else total["frames_returned"]
    mean = of["render_ms_sum"] / of["frames"] if of.get("frames") else None
    if mean is None and total is not None and returned:
        mean = total["render_ms"] / returned
    memory = [each for each in (of.get("memory_bytes"), row["memory_bytes"]) if each is not None]
    return {
        "mean_workers": busy["worker_ms"] / busy["wall_ms"] if busy and busy["wall_ms"] else None,
        "mean_ps": busy["ps_milli"] / 1000 if busy and busy["ps_milli"] is not None else None,
        "mean_frame_ms": None if mean is None else round(mean),
        "max_memory_bytes": max(memory, default=None),
        "max_cores": None if of.get("cores_milli") is None else of["cores_milli"] / 1000,
        "min_cpu": None if of.get("cpu_milli_min") is None else of["cpu_milli_min"] / 1000,
        "max_cpu": None if of.get("cpu_milli_max") is None else of["cpu_milli_max"] / 1000,
        "min_traffic_bytes": by_frame.get("traffic_bytes_min"),
        "max_traffic_bytes": by_frame.get("traffic_bytes_max"),
    }


def ps_cost(rows: Iterable[Mapping[str, Any]], cards: Mapping[str, RateCard]) -> int | None:
    """Return lifetime PS·h × the price of a PS-hour, each at the price of its own time.

    None where no card in force ever had such a price (ledger S0-49, rule 11.6).
    """
    total: Fraction | None = None
    for row in rows:
        card = cards.get(row["card_id"] or "")
        if card is None:
            continue
        lines = [line for line in card.lines if line.unit is RateUnit.PS_HOUR]
        line = machine_line(lines, PricedWork(fleet_id=row["fleet_id"], app=row["app"]))
        if line is None:
            continue
        part = Fraction(line.billionths_per_hour * row["ps_milli_ms"], 1000 * MILLIS_PER_HOUR)
        total = (total or Fraction(0)) + part / row["threads"]
    return None if total is None else half_even_divide(total.numerator, total.denominator)


def money(billionths: int | None) -> str | None:
    """Return an amount as decimal text."""
    return None if billionths is None else f"{decimal_of(billionths):f}"
