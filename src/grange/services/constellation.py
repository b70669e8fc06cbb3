"""A Constellation database as records of another system, which the books keep and never price."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from grange.domain.constellation import APP, Constellation, LayerRecord
from grange.kernel.units import Instant

SOURCE = "constellation"


def records_of(found: Constellation, zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    """Yield one record for each layer, chunk, log row and client, every column kept.

    Args:
        found: what the database holds.
        zone: the farm's zone, in which the books take times without one.
    """
    for layer in found.layers:
        yield _layer(layer, zone)
    for job in found.jobs:
        yield {
            "kind": "chunk",
            "id": job.job_id or f"{job.uuid}/{job.frame_start}",
            "at": _local(job.registered_at, zone),
            "row": asdict(job),
        }
    for row in found.log:
        yield {
            "kind": "log",
            "id": row.log_id,
            "at": _local(row.at, zone),
            "row": asdict(row),
        }
    for client in found.clients:
        yield {"kind": "worker", "id": client.client_id or client.name, "row": asdict(client)}


def _layer(layer: LayerRecord, zone: ZoneInfo) -> dict[str, Any]:
    first = layer.chunks[0]
    progress = layer.progress
    registered = [one.registered_at for one in layer.chunks if one.registered_at is not None]
    return {
        "kind": "job",
        "id": layer.uuid,
        "at": _local(min(registered, default=None), zone),
        "project": first.project,
        "soft": {"name": APP[first.software], "rendererName": first.software.value},
        "values": {
            "userName": first.user,
            "layer": first.layer,
            "framesTotal": layer.frames,
            "infoRenderTimeSum_seconds_disobeyReset": layer.render_seconds,
        },
        "constellation": {
            "status": progress.status,
            "chunks": progress.chunks,
            "queued_percent": progress.percent(progress.queued),
            "rendering_percent": progress.percent(progress.rendering),
            "done_percent": progress.percent(progress.done),
            "error_percent": progress.percent(progress.errors),
            "priority": first.priority,
            "class": first.job_class,
            "camera": first.camera,
            "blocked": first.blocked.value,
            "script_path": first.script_path,
            "output": first.output,
        },
    }


def _local(at: Instant | None, zone: ZoneInfo) -> str | None:
    """Return a time as the clock on the farm's wall showed it."""
    if at is None:
        return None
    return datetime.fromtimestamp(at / 1000, zone).replace(tzinfo=None).isoformat()
