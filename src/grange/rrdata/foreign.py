"""Taking a studio's past to the server (S0-60)."""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grange.kernel.batches import weighed
from grange.kernel.errors import CorruptDataError, NotFoundError
from grange.rrdata.console_format import FORMAT, VERSION
from grange.rrdata.door import Door

_BATCH_RECORDS = 1000
_BATCH_CHARACTERS = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What an exporter's file says of itself."""

    written_at: int
    counts: Mapping[str, int]


def read_past(path: Path) -> tuple[Past, list[dict[str, Any]]]:
    """Return the records of an exporter's file.

    Raises:
        NotFoundError: there is no such file.
        CorruptDataError: it is no such file, or it was not written to its end.
    """
    lines = list(_lines(path))
    if not lines or lines[0].get("format") != FORMAT or lines[0].get("version", 0) > VERSION:
        raise CorruptDataError(str(path), "it was not written by the script of grange rrdata")
    head, *records = lines
    if not records or records[-1].get("kind") != "end":
        raise CorruptDataError(str(path), "it is cut short; run the exporter again")
    counts = records.pop()["counts"]
    if len(records) != sum(counts.values()):
        raise CorruptDataError(str(path), "it holds another number of records than it says")
    return Past(written_at=int(head["dumped_at"]), counts=counts), records


def bring(
    door: Door, path: Path, *, source: str, tell: Callable[[str], None] = lambda _text: None
) -> Past:
    """Send a file's records to the server; doing it twice changes nothing.

    Raises:
        GrangeError: the file is no good, or as the server answers.
    """
    past, records = read_past(path)
    sent = 0
    sized = ((record, len(json.dumps(record))) for record in records)
    for batch in weighed(sized, size=_BATCH_RECORDS, weight=_BATCH_CHARACTERS):
        door.post(
            "/foreign-history",
            {"source": source, "written_at": past.written_at, "records": batch},
        )
        sent += len(batch)
        tell(f"{sent} of {len(records)} records")
    return past


def shown(
    door: Door, *, kind: str = "job", project: str | None = None, limit: int = 100
) -> dict[str, Any]:
    """Return records that were brought, newest first, and how many there are."""
    return door.get("/foreign-history", kind=kind, project=project, limit=limit)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with (
            gzip.open(path, "rt", encoding="utf-8")
            if packed
            else path.open(encoding="utf-8") as text
        ):
            for line in text:
                found = json.loads(line)
                if not isinstance(found, dict):
                    raise CorruptDataError(str(path), "a line is no object")
                yield found
    except FileNotFoundError as error:
        raise NotFoundError("file", str(path)) from error
    except (OSError, EOFError, ValueError) as error:
        raise CorruptDataError(str(path), str(error)) from error
