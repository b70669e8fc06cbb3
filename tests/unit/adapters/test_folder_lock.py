import subprocess
import sys
from pathlib import Path

import pytest

from grange.adapters.folder_lock import FolderLock, holder_of
from grange.kernel.errors import ConflictError
from grange.kernel.units import Instant

HOLD = (
    "import sys; from pathlib import Path; from grange.adapters.folder_lock import FolderLock\n"
    "lock = FolderLock(Path(sys.argv[1]), started_at=1_767_225_600_000); lock.take()\n"
    "lock.say('http://127.0.0.1:8765'); print('held', flush=True); sys.stdin.read()"
)


def test_a_second_server_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    words = [sys.executable, "-c", HOLD, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        second = FolderLock(folder, started_at=Instant(5))
        told = rf"process {other.pid} on .* at http://127.0.0.1:8765, started at 2026-01-01T"
        with pytest.raises(ConflictError, match=told):
            second.take()
        other.kill()
        other.wait()
        second.take()
    holder = holder_of(folder)
    assert holder is not None
    assert holder.started_at == 5
    second.release()


def test_the_address_replaces_what_was_written_before(tmp_path: Path) -> None:
    with FolderLock(tmp_path, started_at=Instant(5)) as lock:
        lock.say("http://a-rather-long-name.example:8765")
        lock.say("http://b:1")
        holder = holder_of(tmp_path)
        assert holder is not None
        assert holder.address == "http://b:1"
        with pytest.raises(ConflictError, match="is in use by process"):
            FolderLock(tmp_path, started_at=Instant(6)).take()
    with FolderLock(tmp_path, started_at=Instant(7)):
        pass


def test_a_folder_nobody_took_has_no_holder(tmp_path: Path) -> None:
    assert holder_of(tmp_path) is None
    (tmp_path / "lock").write_text("{half")
    assert holder_of(tmp_path) is None
    with pytest.raises(RuntimeError, match="not held"):
        FolderLock(tmp_path, started_at=Instant(5)).say("http://a")
