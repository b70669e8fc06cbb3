"""When a program handed something in last is known at once, and after a restart nearly so."""

from pathlib import Path

from grange.adapters.stream_contacts import ContactFiles
from grange.kernel.units import Instant
from grange.ports.watch import Collected, Contact


def contact(at: int, *, read: int | None = None) -> Contact:
    one = Collected(stream="a", kind="tx", machine="px1", until_at=Instant(read or 0))
    return Contact(
        program="datalog", machine="hub", at=Instant(at), collected=() if read is None else (one,)
    )


def test_the_newest_contact_is_known_although_few_are_written(tmp_path: Path):
    """Ledger S4-33: a logger that sends every second costs no file every second."""
    files = ContactFiles(tmp_path)
    files.note("farm-1", contact(1000))
    files.note("farm-1", contact(20_000))
    assert [one.at for one in files.all("farm-1")] == [20_000]
    assert [one.at for one in ContactFiles(tmp_path).all("farm-1")] == [1000]
    files.note("farm-1", contact(31_000))
    assert [one.at for one in ContactFiles(tmp_path).all("farm-1")] == [31_000]


def test_how_far_logs_were_read_is_written_at_once(tmp_path: Path):
    """Ledger S4-31: update times are in a backup."""
    files = ContactFiles(tmp_path)
    files.note("farm-1", contact(1000, read=5))
    files.note("farm-1", contact(1001, read=6))
    assert ContactFiles(tmp_path).all("farm-1")[0].collected[0].until_at == 6
    assert files.forget("farm-1", "datalog", "hub")
    assert not files.forget("farm-1", "datalog", "hub")
    assert files.all("farm-1") == []


def test_a_broken_file_is_as_good_as_none(tmp_path: Path):
    """Ledger S4-33."""
    files = ContactFiles(tmp_path)
    files.note("farm-1", contact(1000))
    next((tmp_path / "farm-1").glob("*.json")).write_bytes(b"{")
    assert ContactFiles(tmp_path).all("farm-1") == []
