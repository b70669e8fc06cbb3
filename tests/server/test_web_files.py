"""The page's own files: compressed for whoever takes that, as they are for others."""

import gzip
from pathlib import Path

import pytest

from grange.server.http import Request
from grange.server.web import WebFiles
from grange.wire.encode import Reply

SCRIPT = b"export const farm = 1;\n" * 200
FONT = bytes(range(256)) * 20


@pytest.fixture
def files(tmp_path: Path) -> WebFiles:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "index-1.js").write_bytes(SCRIPT)
    (tmp_path / "assets" / "inter-1.woff2").write_bytes(FONT)
    (tmp_path / "index.html").write_bytes(b"<!doctype html>")
    return WebFiles(tmp_path)


def asked(files: WebFiles, path: str, **headers: str) -> tuple[Reply, dict[str, str]]:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(method="GET", raw_path=path, raw_query="", headers=given, request_id="1")
    reply = files.reply(request)
    return reply, dict(reply.headers)


def test_a_script_is_compressed_for_a_browser_and_plain_for_others(files: WebFiles):
    packed, headers = asked(files, "/assets/index-1.js", accept_encoding="gzip, deflate, br")
    assert gzip.decompress(packed.body) == SCRIPT
    assert len(packed.body) < len(SCRIPT) / 10
    assert (headers["content-encoding"], headers["vary"]) == ("gzip", "accept-encoding")
    for taken in ("", "br", "gzip;q=0"):
        plain, plainly = asked(files, "/assets/index-1.js", accept_encoding=taken)
        assert plain.body == SCRIPT, taken
        assert "content-encoding" not in plainly
        assert plainly["etag"] != headers["etag"], "a cache may not take one for the other"


def test_what_is_small_or_compressed_already_is_sent_as_it_is(files: WebFiles):
    for path, content in (("/assets/inter-1.woff2", FONT), ("/jobs", b"<!doctype html>")):
        reply, headers = asked(files, path, accept_encoding="gzip")
        assert reply.body == content
        assert "content-encoding" not in headers


def test_a_browser_that_has_the_compressed_file_is_not_sent_it_again(files: WebFiles):
    _, first = asked(files, "/assets/index-1.js", accept_encoding="gzip")
    again, _ = asked(
        files, "/assets/index-1.js", accept_encoding="gzip", if_none_match=first["etag"]
    )
    assert (again.status, again.body) == (304, b"")
