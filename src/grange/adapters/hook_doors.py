"""Hooks' ways out: programs of one folder, web addresses, and people through apprise."""

import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from typing import Any
from urllib.parse import urlsplit

import urllib3

from grange.adapters.notify import FILE, Messages, shown
from grange.kernel.clock import Clock
from grange.kernel.errors import (
    ConfigurationError,
    FieldProblem,
    GrangeError,
    InvalidRequestError,
    UnreachableError,
)
from grange.ports.watch import Letter

TIMEOUT_SECONDS = 20.0
NOBODY = "nobody"
_SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_NO_LOCAL = ("file", "syslog", "dbus", "gnome", "kde", "macosx", "windows", "glib", "qt")
"""Kinds of messages that stay on the server's machine: they would reach nobody."""
_ANY_REQUEST = ("json", "jsons", "xml", "xmls", "form", "forms", "apprise", "apprises")
"""Kinds that send what they like to any address, also to one that only the server can reach."""


class Doors:
    """Implements `ports.hooks.HookDoors`."""

    def __init__(
        self,
        commands: Path,
        clock: Clock,
        *,
        user: str = "",
        kinds: Sequence[str] = (),
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """Describe the ways out.

        Args:
            commands: the folder whose programs may be run, and no others.
            clock: dates messages.
            user: whom programs run as. Empty: whoever runs the server; `nobody` where that is root.
            kinds: of messages to people that are allowed. Empty: all but those that stay on this
                machine or send any request to any address.
            timeout_seconds: for each program and each web address.
        """
        self._commands = commands
        self._messages = Messages(clock)
        self._user = user
        self._kinds = tuple(kinds)
        self._timeout = timeout_seconds
        self._pool = urllib3.PoolManager(num_pools=8, retries=False, cert_reqs="CERT_REQUIRED")

    # Commands

    def check_command(self, words: Sequence[str]) -> None:
        """Return if the program is one of the folder that nobody else can have put there."""
        self._program(words)

    def run(self, words: Sequence[str], variables: Mapping[str, str], body: bytes) -> None:
        """Run a program in an empty folder, with no variable of the server's."""
        program = self._program(words)
        with tempfile.TemporaryDirectory(prefix="grange-hook-") as folder, _opened(program) as door:
            options = self._as_user(folder)
            command = [*_without_privileges(), door.path, *words[1:]]
            environment = {"PATH": _SEARCH_PATH, "LANG": "C.UTF-8", "HOME": folder, **variables}
            try:
                # Its words are fixed by whoever added the hook; what a job says is in the body.
                process = subprocess.Popen(  # noqa: S603
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    cwd=folder,
                    env=environment,
                    umask=0o077,
                    start_new_session=True,
                    pass_fds=door.files,
                    **options,
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise GrangeError(f"{words[0]} cannot be started: {error}.") from error
            try:
                _, said = process.communicate(body, timeout=self._timeout)
            except subprocess.TimeoutExpired:
                raise GrangeError(
                    f"{words[0]} was ended after {self._timeout:g} seconds."
                ) from None
            finally:
                with suppress(ProcessLookupError):  # it has ended, and so has all it started
                    os.killpg(process.pid, SIGKILL)
                process.wait()
                for pipe in (process.stdin, process.stderr):
                    if pipe is not None:
                        pipe.close()
        if process.returncode:
            last = said.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise GrangeError(f"{words[0]} ended with {process.returncode}: {last[0][:300]}")

    def _program(self, words: Sequence[str]) -> Path:
        if not words or not _NAME.match(words[0]):
            raise _bad("command", "must begin with the name of a program in the server's hooks")
        path = self._commands / words[0]
        try:
            found = path.lstat()
        except OSError:
            raise _bad("command", f"names {words[0]}, which is not in {self._commands}") from None
        if not stat.S_ISREG(found.st_mode) or not found.st_mode & 0o111:
            raise _bad("command", f"names {words[0]}, which is no program")
        folder = self._commands.stat()
        mine = {0, os.geteuid()}
        if any(one.st_uid not in mine or one.st_mode & 0o022 for one in (found, folder)):
            raise _bad("command", f"names {words[0]}, which others may change: forbid them to")
        return path

    def _as_user(self, folder: str) -> dict[str, Any]:
        name = self._user or (NOBODY if os.geteuid() == 0 else "")
        if not name:
            return {}
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            raise ConfigurationError(
                f"There is no user {name} for commands of hooks: set 'hook_user'."
            ) from None
        if entry.pw_uid == os.geteuid():
            return {}
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    # Web addresses

    def post(self, address: str, headers: Mapping[str, str], body: bytes) -> None:
        """Send a body; a redirect is an error, since the signature is for one address."""
        place = urlsplit(address).hostname or "The address"
        try:
            reply = self._pool.request(
                "POST",
                address,
                body=body,
                headers=dict(headers),
                redirect=False,
                timeout=urllib3.Timeout(connect=5.0, read=self._timeout),
                preload_content=False,
            )
            status = reply.status
            reply.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            reason = type(error).__name__  # its text may hold the address, and so a secret
            raise UnreachableError(f"{place} took nothing: {reason}.") from None
        if not 200 <= status < 300:
            raise UnreachableError(f"{place} answered {status}.")

    # People

    def check_target(self, target: str) -> str:
        """Return an address as it may be shown."""
        kind = target.partition(":")[0].lower()
        if target.startswith(FILE) or kind in _NO_LOCAL:
            raise _bad("to", f"of kind {kind!r} reaches nobody")
        allowed = kind in self._kinds if self._kinds else kind not in _ANY_REQUEST
        if not allowed:
            raise _bad("to", f"of kind {kind!r} is not allowed here: see 'message_kinds'")
        try:
            self._messages.check(target)
        except ConfigurationError as error:
            raise _bad("to", f"is not understood: {error}") from None
        return shown(target)

    def tell(self, letter: Letter, target: str) -> None:
        """Send a message."""
        self._messages.send(letter, target)


@dataclass(frozen=True, slots=True)
class _Door:
    """A program that can be run by somebody who may not look into its folder."""

    path: str
    files: tuple[int, ...]


@contextmanager
def _opened(program: Path) -> Iterator[_Door]:
    if not Path("/proc/self/fd").is_dir():
        yield _Door(str(program), ())
        return
    file = os.open(program, os.O_RDONLY)
    try:
        yield _Door(f"/proc/self/fd/{file}", (file,))
    finally:
        os.close(file)


def _without_privileges() -> list[str]:
    """Return the words that keep a program from ever gaining privileges, where the system can."""
    setpriv = shutil.which("setpriv", path=_SEARCH_PATH)
    return [] if setpriv is None else [setpriv, "--no-new-privs", "--"]


def _bad(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{field} {message}.", fields=[FieldProblem(field, message)])
