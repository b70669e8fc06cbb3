"""Backups hold the rings of streams, what is known of collectors, and this machine's cursors."""

import asyncio
import threading
from pathlib import Path

import numpy as np

from grange.adapters.backups import BackupFolders, contents_of
from grange.adapters.cursor_files import CursorFiles
from grange.adapters.restoring import checked, restore
from grange.adapters.rings.files import RingFolder
from grange.adapters.stream_contacts import ContactFiles
from grange.books.archives.layout import RingSpec
from grange.domain.series import ArchiveSpec, Consolidation, DataSource
from grange.kernel.units import Instant
from grange.ports.cursors import StreamCursor
from grange.ports.rings import Ring
from grange.ports.watch import Contact

SPEC = RingSpec(
    step_seconds=60,
    heartbeat_seconds=120,
    sources=(DataSource(index=0, label="a"),),
    archives=(ArchiveSpec(cf=Consolidation.AVERAGE, steps=1, rows=500),),
)


def vault(folder: Path) -> BackupFolders:
    return BackupFolders(folder / "backups", folder / "data", {"cursors": folder / "cursors"})


def make(folder: Path, name: str) -> Path:
    """Make a backup of what lies in files only; state is empty."""
    backups = vault(folder)
    backups.begin(name)
    backups.add_loose()
    (Path(backups.state_folder()) / "state.db").write_bytes(b"")
    backups.copied_manifest = list  # type: ignore[method-assign]
    backups.finish(created_at=Instant(0), version="1", state="sqlite", revision="1")
    return folder / "backups" / name


def bring_back(folder: Path, backup: Path) -> Path:
    return asyncio.run(
        restore(
            backup, checked(backup, "sqlite"), folder / "data", stamp="before",
            beside={"cursors": folder / "cursors"},
        )
    )  # fmt: skip


def cursor(offset: int) -> StreamCursor:
    return StreamCursor(
        stream="feedA", kind="tx", machine="px1", since=Instant(0), updated_at=Instant(offset)
    )


def test_rings_contacts_and_cursors_come_back_and_the_present_is_kept(tmp_path: Path):
    """Ledger S4-31, S4-32: databases and update times; the current ones are archived first."""
    data = tmp_path / "data"
    rings, cursors = RingFolder(data / "rings"), CursorFiles(tmp_path / "cursors")
    contacts = ContactFiles(data / "streams" / "contacts")
    rings.create("px/feedA", SPEC, start=600).close()
    cursors.save(cursor(1))
    contacts.note("farm-1", Contact(program="collect", machine="px1", at=Instant(1)))
    (data / "streams" / "pages").mkdir()
    (data / "streams" / "pages" / "a.html").write_text("stays")
    backup = make(tmp_path, "2026-01-01T00-00-00Z")
    good = (data / "rings" / "px" / "feedA.ring").read_bytes()
    # Later everything goes on, and goes wrong.
    rings.create("px/feedA", SPEC, start=1200).close()
    rings.create("px/feedB", SPEC, start=1200).close()
    cursors.save(cursor(2))
    contacts.note("farm-1", Contact(program="collect", machine="px1", at=Instant(2)))
    kept = bring_back(tmp_path, backup)
    assert (data / "rings" / "px" / "feedA.ring").read_bytes() == good
    assert rings.paths() == ["px/feedA"]
    assert cursors.load("feedA", "tx", "px1") == cursor(1)
    again = ContactFiles(data / "streams" / "contacts")  # as the server that starts on it
    assert [one.at for one in again.all("farm-1")] == [1]
    assert (data / "streams" / "pages" / "a.html").read_text() == "stays"
    assert sorted(RingFolder(kept / "rings").paths()) == ["px/feedA", "px/feedB"]
    assert CursorFiles(kept / "cursors").load("feedA", "tx", "px1") == cursor(2)
    # The chosen backup is kept, and nothing of it changes when the restored ring is written on.
    ring = rings.open("px/feedA")
    assert ring is not None
    ring.restore(0, 20, np.ones((3, 1, ring.spec.tiers[0].width)))
    ring.close()
    checked(backup, "sqlite")


def test_a_ring_that_is_what_it_was_is_on_the_disk_once(tmp_path: Path):
    """Ledger S4-31: twenty backups of ten-year archives do not take twenty times the room."""
    rings = RingFolder(tmp_path / "data" / "rings")
    rings.create("same", SPEC, start=600).close()
    rings.create("other", SPEC, start=600).close()
    first = make(tmp_path, "2026-01-01T00-00-00Z")
    rings.create("other", SPEC, start=1200).close()
    second = make(tmp_path, "2026-01-02T00-00-00Z")
    assert (first / "rings" / "same.ring").samefile(second / "rings" / "same.ring")
    assert not (first / "rings" / "other.ring").samefile(second / "rings" / "other.ring")
    assert not (first / "rings" / "same.ring").samefile(tmp_path / "data" / "rings" / "same.ring")
    checked(first, "sqlite")
    checked(second, "sqlite")


def test_a_ring_is_whole_in_a_backup_that_is_made_while_it_is_written(tmp_path: Path):
    """Ledger S4-31: every copied page belongs to the head that was copied with it."""
    rings = RingFolder(tmp_path / "data" / "rings")
    rings.create("busy", SPEC, start=600).close()
    over = threading.Event()
    written = [0]

    def write(ring: Ring) -> None:
        while not over.is_set():
            for sequence in range(40):
                rows = np.full((400, 1, ring.spec.tiers[0].width), float(written[0]))
                ring.restore(0, 10, rows)
                written[0] += 1
                over.wait(0.0 if sequence % 8 else 0.002)

    ring = rings.open("busy")
    assert ring is not None
    writer = threading.Thread(target=write, args=(ring,))
    writer.start()
    try:
        copies: list[Ring | None] = []
        while len(copies) < 6 or (written[0] <= 40 and len(copies) < 60):
            backup = make(tmp_path, f"2026-01-01T00-00-{len(copies):02}Z")
            copies.append(RingFolder(backup / "rings").open("busy"))
    finally:
        over.set()
        writer.join()
        ring.close()
    assert written[0] > 40
    for copy in copies:
        assert copy is not None
        assert copy.torn or not copy.problems()
        copy.close()


def test_a_backup_from_before_streams_leaves_cursors_alone(tmp_path: Path):
    """Ledger S4-32."""
    cursors = CursorFiles(tmp_path / "cursors")
    cursors.save(cursor(5))
    old = BackupFolders(tmp_path / "backups", tmp_path / "data")
    old.begin("2026-01-01T00-00-00Z")
    (Path(old.state_folder()) / "state.db").write_bytes(b"")
    old.copied_manifest = list  # type: ignore[method-assign]
    old.finish(created_at=Instant(0), version="1", state="sqlite", revision="1")
    (tmp_path / "data").mkdir()
    bring_back(tmp_path, tmp_path / "backups" / "2026-01-01T00-00-00Z")
    assert cursors.load("feedA", "tx", "px1") == cursor(5)
    assert contents_of(tmp_path / "backups" / "2026-01-01T00-00-00Z").beside == ()


def test_cursors_that_were_not_there_yet_go_when_such_a_backup_comes_back(tmp_path: Path):
    """Ledger S4-32: collecting begins anew, as it did then."""
    (tmp_path / "data").mkdir()
    backup = make(tmp_path, "2026-01-01T00-00-00Z")
    cursors = CursorFiles(tmp_path / "cursors")
    cursors.save(cursor(5))
    kept = bring_back(tmp_path, backup)
    assert list(cursors.all()) == []
    assert CursorFiles(kept / "cursors").load("feedA", "tx", "px1") == cursor(5)
