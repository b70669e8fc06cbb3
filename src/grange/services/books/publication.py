"""What is about to be published: files to add and files whose place they take."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from grange.books.catalog.model import CATALOG_VERSION, TableSpec
from grange.books.manifest import PRODUCER, Form
from grange.kernel.intervals import Span
from grange.kernel.units import Instant
from grange.ports.blocks import WrittenFile
from grange.ports.state import ManifestRow


@dataclass(slots=True)
class Publication:
    """Files to add and to retire in one transaction."""

    add: list[ManifestRow] = field(default_factory=list)
    retire: list[str] = field(default_factory=list)


def manifest_row(
    spec: TableSpec,
    farm_id: str,
    form: Form,
    span: Span,
    *,
    written: WrittenFile,
    provenance: Mapping[str, Any],
    now: Instant,
    producer: str = PRODUCER,
) -> ManifestRow:
    """Return the manifest's row of a written file."""
    return ManifestRow(
        farm_id=farm_id,
        path=written.path,
        form=form.value,
        table_name=spec.name,
        start_at=span.start,
        end_at=span.end,
        producer=producer,
        catalog_version=CATALOG_VERSION,
        row_count=written.row_count,
        byte_count=written.byte_count,
        sha256=written.sha256,
        provenance=provenance,
        created_at=now,
    )
