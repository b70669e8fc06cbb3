"""Reading a journal folder, also while another process writes it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grange.adapters.journal.format import (
    SEGMENT_HEADER,
    Damage,
    RawFrame,
    read_segment_header,
    scan,
)
from grange.adapters.journal.payload import decode_payload
from grange.kernel.errors import CorruptDataError
from grange.kernel.units import Instant
from grange.ports.journal import Frame, Segment


def segment_paths(folder: Path) -> list[Path]:
    """Return the segments of a folder, oldest first."""
    return sorted(folder.glob("*.journal"))


@dataclass(slots=True)
class _Place:
    """Where reading stopped: behind the frame with this sequence."""

    path: Path
    offset: int
    sequence: int


class JournalFolder:
    """The reader's side of a journal (`ports.journal.JournalReader`), for one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._place: _Place | None = None
        self._problems: dict[tuple[str, int], CorruptDataError] = {}

    def read(self, after: int = 0) -> Iterator[Frame]:
        """Yield the frames with a sequence above `after`; see `ports.journal`."""
        paths = segment_paths(self._folder)
        place = self._place
        known = place is not None and place.sequence <= after and place.path in paths
        for number, path in enumerate(paths):
            following = paths[number + 1] if number + 1 < len(paths) else None
            if known and place is not None:
                if path < place.path:
                    continue
            elif following is not None and int(following.stem) <= after + 1:
                continue
            offset, last = SEGMENT_HEADER.size, -1
            if known and place is not None and path == place.path:
                offset, last = place.offset, place.sequence
            for raw in self._frames(path, offset, last, final=following is None):
                self._place = _Place(path, raw.end, raw.sequence)
                if raw.sequence > after:
                    yield Frame(
                        raw.sequence,
                        raw.farm_id,
                        raw.table_name,
                        raw.catalog_version,
                        decode_payload(raw.table_name, raw.payload),
                    )

    def segments(self) -> Sequence[Segment]:
        """Return the kept files, oldest first."""
        found = []
        for path in segment_paths(self._folder):
            with path.open("rb") as file:
                header = read_segment_header(file.read(SEGMENT_HEADER.size))
            if header is not None:
                found.append(Segment(path.name, header[0], Instant(header[1]), path.stat().st_size))
        return found

    def problems(self) -> Sequence[CorruptDataError]:
        """Return the damage met so far."""
        return tuple(self._problems.values())

    def remove(self, segments: Sequence[Segment]) -> None:
        """Delete files, but never the newest."""
        old = {path.name: path for path in segment_paths(self._folder)[:-1]}
        for segment in segments:
            if segment.name in old:
                old[segment.name].unlink()

    def _frames(self, path: Path, offset: int, last: int, *, final: bool) -> Iterator[RawFrame]:
        shift = offset if offset > SEGMENT_HEADER.size else 0
        try:
            with path.open("rb") as file:
                file.seek(shift)
                data = file.read()
        except FileNotFoundError:
            return
        if not shift:
            header = read_segment_header(data)
            if header is None and final:
                return
            if header is None:
                self._note(path, 0, "the segment's header is damaged")
            last = int(path.stem) - 1
        for found in scan(data, offset - shift, last):
            if isinstance(found, RawFrame):
                yield RawFrame(
                    found.offset + shift, found.end + shift, found.sequence, found.group,
                    found.catalog_version, found.farm_id, found.table_name, found.payload,
                )  # fmt: skip
                continue
            # A torn end is cut before a following segment begins: in a closed one it is damage too.
            end = found.end if isinstance(found, Damage) else len(data)
            if isinstance(found, Damage) or not final:
                self._note(
                    path,
                    found.offset + shift,
                    f"bytes {found.offset + shift} to {end + shift} are damaged; facts that were "
                    "kept there are lost",
                )

    def _note(self, path: Path, offset: int, message: str) -> None:
        self._problems.setdefault((path.name, offset), CorruptDataError(str(path), message))
