"""When which collector and data logger handed something in last: one small file each."""

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from grange.ports.watch import Contact

_WRITE_MS = 30_000
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Contact).decode


class ContactFiles:
    """Implements `ports.watch.Contacts` in a folder of the data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._newest: dict[Path, Contact] = {}
        self._written: dict[Path, Contact] = {}
        self._lock = threading.Lock()

    def note(self, farm_id: str, contact: Contact) -> None:
        """Keep a contact in the place of the one before of the same program and machine.

        One that says no more than the time is written every half minute only.
        """
        path = self._path(farm_id, contact.program, contact.machine)
        with self._lock:
            self._newest[path] = contact
            last = self._written.get(path)
            if (
                last is None
                or last.collected != contact.collected
                or contact.at - last.at >= _WRITE_MS
            ):
                self._write(path, contact)

    def _write(self, path: Path, contact: Contact) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_bytes(_encode(contact))
        partial.replace(path)
        self._written[path] = contact

    def all(self, farm_id: str) -> Sequence[Contact]:
        """Return the contacts of a farm, by program and machine.

        A file that was cut short by a power failure is as good as none: the next contact mends it.
        """
        found = []
        for path in (self._folder / farm_id).glob("*.json"):
            try:
                written = _decode(path.read_bytes())
            except (FileNotFoundError, msgspec.DecodeError):
                continue
            with self._lock:
                newest = self._newest.get(path)
            found.append(newest if newest is not None and newest.at > written.at else written)
        return sorted(found, key=lambda one: (one.program, one.machine))

    def forget(self, farm_id: str, program: str, machine: str) -> bool:
        """Forget a program that was taken out of service; False if nobody knew it."""
        path = self._path(farm_id, program, machine)
        with self._lock:
            self._newest.pop(path, None)
            self._written.pop(path, None)
            try:
                path.unlink()
            except FileNotFoundError:
                return False
        return True

    def _path(self, farm_id: str, program: str, machine: str) -> Path:
        # Names come from other machines: only their hash becomes a path.
        name = hashlib.sha256(f"{program}\0{machine}".encode()).hexdigest()[:32]
        return self._folder / farm_id / f"{name}.json"
