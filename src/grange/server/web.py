"""The page: static files from the wheel, under a strict content policy.

Files are looked up in a table made at start, never on disk by what a request says, so that no path
can climb out. Any other path that a browser navigates to is the application's own and gets
`index.html`.
"""

import gzip
import mimetypes
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from grange.server.http import Request, takes_gzip, text_reply
from grange.wire.encode import Reply

SECURITY_HEADERS: tuple[tuple[str, str], ...] = (
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
        " media-src 'self';"
        " font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self';"
        " base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
)
"""Sent with every answer to a browser."""

_NOT_BUILT = (
    "<!doctype html><html lang=en><title>Grange</title><p>This installation has no page:"
    " the browser application was not built. Run ./dev setup, or install the wheel."
)


_PACKED_KINDS = ("text/", "application/javascript", "application/json", "image/svg+xml")
_LEAST_BYTES = 1024
"""Smaller files are sent as they are."""


@dataclass(frozen=True)
class _File:
    content: bytes
    content_type: str
    etag: str
    immutable: bool

    @cached_property
    def packed(self) -> bytes | None:
        """Compressed, once somebody wants it; None: it would not get smaller."""
        if len(self.content) < _LEAST_BYTES or not self.content_type.startswith(_PACKED_KINDS):
            return None
        return gzip.compress(self.content, mtime=0)


class WebFiles:
    """Answers requests for the page."""

    def __init__(self, folder: Path) -> None:
        self._files: dict[str, _File] = {}
        if folder.is_dir():
            for path in sorted(folder.rglob("*")):
                if path.is_file() and not path.is_symlink():
                    name = "/" + path.relative_to(folder).as_posix()
                    self._files[name] = _file(name, path.read_bytes())

    def reply(self, request: Request) -> Reply:
        """Return the file a path names, the application for its own paths, or 404."""
        if request.method not in {"GET", "HEAD"}:
            return text_reply(405, "Only GET is served here.\n", ("allow", "GET, HEAD"))
        file = self._files.get(request.raw_path)
        if file is None:
            last = request.raw_path.rpartition("/")[2]
            if "." in last or "%" in request.raw_path:
                return text_reply(404, "There is no such file.\n", *SECURITY_HEADERS)
            file = self._files.get("/index.html") or _file("/index.html", _NOT_BUILT.encode())
        caching = "public, max-age=31536000, immutable" if file.immutable else "no-cache"
        packed = file.packed if takes_gzip(request) else None
        etag = file.etag if packed is None else f'{file.etag[:-1]}-gzip"'
        headers: tuple[tuple[str, str], ...] = (
            ("content-type", file.content_type),
            ("cache-control", caching),
            ("etag", etag),
            ("vary", "accept-encoding"),
            *SECURITY_HEADERS,
        )
        if request.headers.get("if-none-match") == etag:
            return Reply(status=304, headers=headers, body=b"")
        if packed is None:
            return Reply(status=200, headers=headers, body=file.content)
        headers = (*headers, ("content-encoding", "gzip"))
        return Reply(status=200, headers=headers, body=packed)


def _file(name: str, content: bytes) -> _File:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if kind.startswith("text/") or kind in {"application/javascript", "application/json"}:
        kind += "; charset=utf-8"
    return _File(
        content=content,
        content_type=kind,
        etag=f'"{sha256(content).hexdigest()[:20]}"',
        immutable=name.startswith("/assets/"),
    )
