"""A whole watch on this machine: real files, a real mail server, a memory on disk."""

import asyncio
import os
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.controller import Controller

from grange.adapters.notify import Messages, shown
from grange.adapters.watched import Machine, MemoryFile
from grange.kernel.clock import VirtualClock
from grange.kernel.errors import ConfigurationError, UnreachableError
from grange.kernel.units import Instant
from grange.ports.watch import Letter
from grange.watch.limits import FolderLimit, Limits, PagesLimit
from grange.watch.notices import Policy
from grange.watch.run import Look, Watch, Watched
from tools.ports import free_port

START = Instant(1_767_225_600_000)


class Mailbox:
    """What a mail server took."""

    def __init__(self) -> None:
        self.letters: list[Message] = []

    async def handle_DATA(  # noqa: N802 - the name aiosmtpd calls
        self, _server: object, _session: object, envelope: object
    ) -> str:
        self.letters.append(message_from_bytes(envelope.content))  # type: ignore[attr-defined]
        return "250 taken"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    """A mail server on a free port, and the target that is delivered to it."""
    box = Mailbox()
    port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield (
            box,
            f"mailto://127.0.0.1:{port}?from=grange@farm.example&to=ana@farm.example&mode=insecure",
        )
    finally:
        controller.stop()


class Room:
    """A machine with a watched folder, a settings file, pages and a schedule."""

    def __init__(self, folder: Path, *targets: str) -> None:
        self.folder = folder
        self.clock = VirtualClock(START)
        self.targets = targets
        self.settings = folder / "streams.toml"
        self.settings.write_text("[watch]\n")
        self.crontab = folder / "crontab.txt"
        self.crontab.write_text("8 * * * * grange streams cycle\n")
        self.pages = folder / "www"
        self.pages.mkdir()
        self.publish()
        self.warn_percent = 100.1

    def publish(self) -> None:
        page = self.pages / "dailyGraphs.html"
        page.write_text("<p>")
        os.utime(page, (self.clock.now() / 1000, self.clock.now() / 1000))

    def watched(self) -> Watched:
        limits = Limits(
            folders=(
                FolderLimit(
                    path=str(self.folder), warn_percent=self.warn_percent, critical_percent=101
                ),
            ),
            pages=(PagesLimit(path=str(self.pages), seconds=3600),),
        )
        policy = Policy(targets=self.targets, zone=ZoneInfo("UTC"))
        return Watched(limits=limits, policy=policy, files=(str(self.settings),))

    def step(self) -> Look:
        """Look once, with a watch that was just started."""
        memory = MemoryFile(self.folder / "state" / "watch.json")
        machine = Machine("hub", schedules={"crontab": ("cat", str(self.crontab))})
        watch = Watch(
            self.watched, surroundings=machine, books=None, memory=memory, memory_name=memory.name,
            notifier=Messages(self.clock), clock=self.clock,
        )  # fmt: skip
        return watch.step()


def test_a_real_mail_server_takes_each_finding_once(tmp_path, mailbox):
    """Ledger S4-34: mail report; the subject states machine and severity."""
    box, target = mailbox
    room = Room(tmp_path, target)
    room.step()
    assert box.letters == []
    room.clock.advance(2 * 3600)
    room.crontab.write_text("0 * * * * something else\n")
    assert len(room.step().letters) == 1
    room.step()
    assert [letter["Subject"] for letter in box.letters] == ["[Grange] WARNING on hub: 2 new"]
    assert box.letters[0]["To"] == "ana@farm.example"
    body = box.letters[0].get_payload(decode=True)
    assert isinstance(body, bytes)
    text = body.decode()
    assert "The crontab has changed on hub." in text
    assert f"The pages in {room.pages} are 2.0 h old." in text
    room.publish()
    room.step()
    assert box.letters[-1]["Subject"] == "[Grange] OK on hub: 1 recovered"
    assert len(box.letters) == 2


def test_a_mail_server_that_is_down_gets_the_message_later(tmp_path, mailbox):
    """Ledger S4-34: nothing that was to be told is lost; nobody is told twice."""
    box, target = mailbox
    dry = tmp_path / "dry-run.txt"
    room = Room(tmp_path, "mailto://127.0.0.1:9?from=a@farm.example&to=b@farm.example&mode=insecure",
                f"file:{dry}")  # fmt: skip
    room.warn_percent = 0.0
    look = room.step()
    assert [letter.targets for letter in look.undelivered] == [(room.targets[0],)]
    assert "took no message" in look.undelivered[0].problem
    room.targets = (target,)  # new messages go there; the old one still knows its own
    assert room.step().undelivered != ()
    assert box.letters == []
    assert dry.read_text().count("Subject: ") == 1


def test_a_dry_run_writes_a_file(tmp_path):
    """Ledger S4-34: dry-run file."""
    dry = tmp_path / "deep" / "dry-run.txt"
    room = Room(tmp_path, f"file:{dry}")
    room.warn_percent = 0.0
    room.step()
    assert "Subject: [Grange] WARNING on hub: 1 new\n" in dry.read_text()
    assert f"The disk of {tmp_path} is " in dry.read_text()


def test_what_is_watched_is_read_from_the_machine(tmp_path):
    """Ledger S4-33: folders, checksums, crontab and pages as they are."""
    room = Room(tmp_path)
    machine = Machine("hub", schedules={"crontab": ("cat", str(room.crontab)), "no": ("no-such",)})
    disk = os.statvfs(tmp_path)
    seen = machine.room(str(tmp_path))
    assert seen is not None
    used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    assert seen.byte_count - seen.free_bytes == pytest.approx(used, rel=0.05)
    assert machine.room(str(tmp_path / "none")) is None
    before = machine.fingerprint(str(room.settings))
    room.settings.touch()
    assert machine.fingerprint(str(room.settings)) == before
    room.settings.write_text("[watch]\ndays = 3\n")
    assert machine.fingerprint(str(room.settings)) != before
    assert machine.fingerprint(str(tmp_path / "none")).sha256 is None
    assert [one.name for one in machine.schedule()] == ["crontab"]
    assert machine.pages(str(room.pages)).newest_at == START
    assert machine.pages(str(tmp_path / "none")).newest_at is None


def test_targets_that_are_not_understood_are_refused_and_passwords_stay_hidden(tmp_path):
    """Ledger S4-34."""
    messages = Messages(VirtualClock(START))
    messages.check("file:x.txt")
    messages.check("mailto://ana:secret@farm.example")
    for wrong in ("file:", "nonsense://x:secret@y"):
        with pytest.raises(ConfigurationError) as caught:
            messages.check(wrong)
        assert "secret" not in str(caught.value)
    assert "secret" not in shown("mailto://ana:secret@farm.example")
    with pytest.raises(UnreachableError):
        messages.send(Letter(subject="x", body="y"), f"file:{tmp_path}")


def test_a_watch_goes_on_after_a_look_that_failed(tmp_path, caplog):
    """Ledger S4-33."""
    room = Room(tmp_path)
    looks: list[int] = []
    remembered = asyncio.Event()
    loop = asyncio.new_event_loop()
    loop.close()

    def watched() -> Watched:
        looks.append(room.clock.now())
        if len(looks) == 1:
            raise ConfigurationError("streams.toml is not TOML.")
        return room.watched()

    class Noticed(MemoryFile):
        def save(self, content: bytes) -> None:
            super().save(content)
            loop.call_soon_threadsafe(remembered.set)

    memory = Noticed(tmp_path / "watch.json")
    watch = Watch(
        watched, surroundings=Machine("hub", schedules={}), books=None, memory=memory,
        memory_name=memory.name, notifier=Messages(room.clock), clock=room.clock,
    )  # fmt: skip

    async def run() -> None:
        nonlocal loop
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(watch.run(600))
        while len(looks) < 2:
            await asyncio.sleep(0)
            room.clock.advance(1)
        await asyncio.wait_for(remembered.wait(), 100)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    assert looks[1] - looks[0] >= 600_000
    assert "A look was put off." in caplog.text
