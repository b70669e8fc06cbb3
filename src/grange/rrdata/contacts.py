"""When workers were last heard of, their addresses and wake attempts (S0-35 to S0-37)."""

import ipaddress
from datetime import datetime

import msgspec

from grange.rrdata.files import FileProblem, Kind
from grange.rrdata.loading import as_path, load, pick
from grange.rrdata.place import UNSET

MAX_IPS = 10
MAX_WAKES = 10


class _IP(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An address; the empty one is not valid."""

    text: str = ""

    def _address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        try:
            return ipaddress.ip_address(self.text)
        except ValueError:
            return None

    def isValid(self) -> bool:
        return self._address() is not None

    def isIP4(self) -> bool:
        return isinstance(self._address(), ipaddress.IPv4Address)

    def asString(self) -> str:
        return self.text

    def asInt32(self) -> int:
        """The four bytes of an IPv4 address, the first the highest; 0 for any other."""
        address = self._address()
        return int(address) if isinstance(address, ipaddress.IPv4Address) else 0


class _Client_WOLInfo(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A wake attempt."""

    bootTime: int = 0
    dateTime: datetime = UNSET
    success: bool = False


class SeenAddress(msgspec.Struct, kw_only=True):
    """An address and when it was first reported."""

    address: _IP
    since: datetime


class _Client_Info_save(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is known of a worker's contact."""

    WOLTryCount: int = 0
    lastConnect: datetime = UNSET
    lastWOLTry: datetime = UNSET
    saveNameCopy: str = ""
    saveVersionCopy: str = ""
    addresses: list[SeenAddress] = []
    """Newest first."""
    wakes: list[_Client_WOLInfo] = []
    """Newest first."""

    def maxIPCount(self) -> int:
        return MAX_IPS

    def maxWOLCount(self) -> int:
        return MAX_WAKES

    def lastIPs(self, index: int) -> _IP:
        return self._seen(index).address

    def lastIPDate(self, index: int) -> datetime:
        return self._seen(index).since

    def lastWOLs(self, index: int) -> _Client_WOLInfo:
        return pick(self.wakes[:MAX_WAKES], index, _Client_WOLInfo())

    def _seen(self, index: int) -> SeenAddress:
        return pick(self.addresses[:MAX_IPS], index, SeenAddress(address=_IP(), since=UNSET))


class ContactsFile(msgspec.Struct, kw_only=True):
    """What the file holds."""

    written: datetime = UNSET
    workers: list[_Client_Info_save] = []


class _server_clientInfo:
    """All workers the server has heard of."""

    def __init__(self) -> None:
        self._file = ContactsFile()
        self._error = ""

    def loadFromFile(self, FileName: str) -> bool:
        self._file, self._error = ContactsFile(), ""
        try:
            self._file = load(as_path(FileName), Kind.CONTACTS, ContactsFile)
        except FileProblem as problem:
            self._error = str(problem)
            return False
        return True

    def errorStr(self) -> str:
        return self._error

    def fileTime(self) -> datetime:
        return self._file.written

    def count(self) -> int:
        return len(self._file.workers)

    def info(self, index: int) -> _Client_Info_save:
        return pick(self._file.workers, index, _Client_Info_save())
