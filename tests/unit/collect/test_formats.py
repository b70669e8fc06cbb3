"""What each format reads in its lines."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grange.collect.formats.known import format_of
from grange.collect.formats.px import PxFormat
from grange.config.streams import read_streams
from grange.config.streams_collect import LogStream, OwnFormat
from grange.kernel.errors import ConfigurationError
from tests.unit.collect.lines import as_bytes, px_lines, slow_px


def millis(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def px(line: str, kind: str = "tx", **settings: bool | str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = (
        PxFormat(**settings).parse(line.encode() + b"\n", 0, kind).rows.to_pylist()  # type: ignore[arg-type]
    )
    return rows


NAME = "SAXX31_CWAO_021015___0007:feedA:CWAO:SA:3:Direct:20240502101505"
AT = "2024-05-02T10:15:07.120"


def test_the_golden_lines_of_the_grammar():
    """Ledger S4-04, S4-05, S4-09: every line of the grammar, and what it means."""
    sent = {
        "at": millis(AT), "latency_ms": 2000, "bytes": 512, "error": False,
        "product": "SAXX31_CWAO_021015___0007", "object_name": NAME, "offset": 0,
    }  # fmt: skip
    head = "2024-05-02 10:15:07,120 [INFO] (512 Bytes)"
    assert px(f"{head} Bulletin {NAME}  delivered (lat=2.120,speed=90211.4)") == [sent]
    assert px(f"{head} Bulletin {NAME}  delivered") == [sent]
    assert px(f"{head} File {NAME} delivered to ftp://user@host/dir/out") == [sent]
    assert px(f"{head} Message {NAME}  delivered") == [sent]
    got = f"{head} Ingested in DB as /spool/20240502/SA/feedA/CWAO/{NAME}"
    assert px(got, "rx") == [sent | {"latency_ms": None}]
    error = "2024-05-02 10:15:07,120 [ERROR] Unable to connect to hostb (user:px)"
    assert px(error) == [
        {"at": millis(AT), "latency_ms": None, "bytes": 0, "error": True,
         "product": None, "object_name": None, "offset": 0}
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "2024-05-02 10:15:07,120 [INFO] (512 Bytes) 3 files/sec",
        f"2024-05-02 10:15:07,120 [INFO] (512 Bytes) File Segment {NAME}",
        f"2024-05-02 10:15:07,120 [INFO] (512 Bytes) File {NAME} SEND TIMEOUT",
        f"2024-05-02 10:15:07,120 [WARNING] (512 Bytes) File {NAME} delivered",
        "2024-05-02 10:15:07,120 [INFO] Nothing happened",
        "Traceback (most recent call last):",
        '  File "/apps/px/lib/x.py", line 10, in y',
        "",
    ],
)
def test_other_lines_tell_nothing_and_are_not_counted_as_damaged(line):
    """Ledger S4-04: excluded words, other levels, tracebacks."""
    found = PxFormat().parse(line.encode() + b"\n", 0, "tx")
    assert found.rows.num_rows == found.dropped == 0


@pytest.mark.parametrize(
    "line",
    [
        f"2024-05-02 10:15:07,120 [INFO] (5x2 Bytes) File {NAME} delivered",
        "2024-05-02 10:15:07,120 [INFO] (512 Bytes) File only:six:fields:in:this:name delivered",
        "2024-05-02 10:15:07,120 [INFO] (512 Bytes) File a:b:c:d:e:f:20241302101505 delivered",
        "2024-05-02 10:15:07,120 [INFO] (512 Bytes) File",
    ],
)
def test_a_malformed_value_drops_the_line_and_is_counted(line):
    """Ledger S4-04: a malformed value drops the line."""
    found = PxFormat().parse(line.encode() + b"\n", 0, "tx")
    assert (found.rows.num_rows, found.dropped) == (0, 1)


def test_latency_is_whole_seconds_never_negative_or_as_told():
    """Ledger S4-05: whole seconds since reception; `prefer_lat`: as the line says."""
    early = NAME.replace("101505", "101509")
    line = (
        f"2024-05-02 10:15:07,990 [INFO] (1 Bytes) Bulletin {early}  delivered (lat=0.040,speed=1)"
    )
    assert px(line)[0]["latency_ms"] == 0
    assert px(line, prefer_lat=True)[0]["latency_ms"] == 40
    told = f"2024-05-02 10:15:07,120 [INFO] (1 Bytes) Bulletin {NAME}  delivered (lat=12.3456,x=1)"
    assert px(told, prefer_lat=True)[0]["latency_ms"] == 12_345
    untold = f"2024-05-02 10:15:07,120 [INFO] (1 Bytes) File {NAME} delivered to ftp://(x)"
    assert px(untold, prefer_lat=True)[0]["latency_ms"] == 2000


@pytest.mark.parametrize("kind", ["tx", "rx"])
def test_many_lines_read_at_once_are_those_read_one_by_one(kind):
    """Ledger S4-04: columns say what a loop over lines says."""
    data = as_bytes(px_lines(3000, seed=5, kind=kind))
    found = PxFormat().parse(data, 100, kind)
    wanted = [row | {"offset": row["offset"] + 100} for row in slow_px(data, kind)]
    assert found.rows.to_pylist() == wanted
    assert found.dropped == 0


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=70), max_size=8), st.integers(0, 2**32))
def test_no_bytes_break_a_format(junk, seed):
    """Ledger S4-04: damaged logs lose the damaged lines only."""
    good = px_lines(4, seed=seed)
    lines = [line.encode() for line in good]
    for number, piece in enumerate(junk):
        lines.insert(number % (len(lines) + 1), piece.replace(b"\n", b" "))
    data = b"\n".join(lines) + b"\n"
    found = PxFormat().parse(data, 0, "tx").rows.to_pylist()
    wanted = {row["object_name"] for row in slow_px(as_bytes(good), "tx")}
    assert wanted <= {row["object_name"] for row in found}
    for name in ("nginx", "s3", "rsync", "rclone", "grange"):
        format_of(LogStream(path="x", format=name), {}).parse(data, 0, "other")


def other(name: str, text: str, **own: OwnFormat) -> list[dict[str, object]]:
    made = format_of(LogStream(path="x", format=name), own)
    rows: list[dict[str, object]] = made.parse(text.encode(), 0, "tx").rows.to_pylist()
    return rows


def test_access_logs_of_web_servers():
    """Ledger S4-04: nginx and Apache; a status from 400 on is an error."""
    text = (
        '10.0.0.1 - - [22/Nov/2026:10:00:00 +0100] "GET /plates/a.exr?x=1 HTTP/1.1" 200 4096 "-" '
        '"curl/8" rt=0.125\n'
        '10.0.0.1 - ann [22/Nov/2026:09:00:01 +0000] "PUT /cache/b HTTP/1.1" 503 17 "-" "x"\n'
        "not a line of an access log\n"
    )
    first, second = other("nginx", text)
    assert first["at"] == millis("2026-11-22T09:00:00")
    assert (first["bytes"], first["latency_ms"], first["product"]) == (4096, 125, "plates")
    assert first["object_name"] == "/plates/a.exr?x=1"
    assert (second["error"], second["bytes"], second["product"]) == (True, 0, None)
    assert [row["bytes"] for row in other("apache", text)] == [4096, 0]


def test_logs_of_copies():
    """Ledger S4-04: S3's access log, rsync's and rclone's own logs."""
    s3 = (
        "79a5 bucket [06/Feb/2019:00:00:38 +0000] 192.0.2.3 79a5 3E57 REST.PUT.OBJECT shots/a.exr "
        '"PUT /bucket/shots/a.exr HTTP/1.1" 200 - 113 113 70 10 "-" "S3Console/0.4" -\n'
    )
    (row,) = other("s3", s3)
    assert row["at"] == millis("2019-02-06T00:00:38")
    assert (row["bytes"], row["latency_ms"], row["product"]) == (113, 70, "REST.PUT.OBJECT")
    rsync = (
        "2026/11/22 10:00:00 [123] building file list\n"
        "2026/11/22 10:00:01 [123] >f+++++++++ 1048576 shots/a 1.exr\n"
        "2026/11/22 10:00:02 [123] rsync error: timeout in data send (code 30)\n"
    )
    first, second = other("rsync", rsync)
    assert (first["bytes"], first["object_name"], first["product"]) == (
        1_048_576, "shots/a 1.exr", "shots",
    )  # fmt: skip
    assert second["error"] is True
    rclone = (
        '{"level":"info","msg":"Copied (new)","object":"a/b.exr","size":77,'
        '"time":"2026-11-22T10:00:00.5+00:00"}\n'
        "half a line {\n"
        '{"level":"error","msg":"Failed","object":"c","time":"2026-11-22T10:00:01Z"}\n'
    )
    first, second = other("rclone", rclone)
    assert (first["at"], first["bytes"]) == (millis("2026-11-22T10:00:00.500"), 77)
    assert (second["error"], second["bytes"]) == (True, 0)


def test_granges_own_transfer_log():
    """Ledger S4-04: one JSON object for each file that was copied."""
    text = (
        '{"at":"2026-11-22T10:00:00.123Z","level":"INFO","bytes":9,"latency_ms":1500,'
        '"product":"comp","object":"/out/a.png"}\n'
        '{"at":"2026-11-22T10:00:01Z","level":"ERROR","object":"/out/b.png"}\n'
    )
    first, second = other("grange", text)
    assert (first["latency_ms"], first["product"], first["bytes"]) == (1500, "comp", 9)
    assert (second["error"], second["latency_ms"], second["product"]) == (True, None, None)


def test_formats_of_your_own():
    """Ledger S4-04: a regular expression or JSON keys, from TOML."""
    settings = read_streams(
        "[collect.formats.licences]\n"
        "pattern = '^(?P<at>\\d+) (?P<product>\\w+) (?P<bytes>\\d+) (?P<latency>[\\d.]+)$'\n"
        "error_pattern = '^(?P<at>\\d+) FAIL'\n"
        'time_format = "epoch_s"\nlatency_unit = "ms"\n'
        '[collect.formats.json]\nkeys = { at = "t", bytes = "n" }\ntime_format = "epoch_ms"\n'
    ).collect.formats
    rows = other("licences", "1000 nuke 5 2.4\n1001 FAIL\n1002 nuke x 1\n", **settings)
    assert [(row["at"], row["error"], row["latency_ms"]) for row in rows] == [
        (1_000_000, False, 2), (1_001_000, True, None),
    ]  # fmt: skip
    assert other("json", '{"t": 5, "n": 7}\n', **settings)[0]["bytes"] == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pattern = '(?P<at>x'", "mine"),
        ("pattern = 'x'", "must tell at"),
        ("pattern = '(?P<at>x)(?P<colour>y)'", "colour"),
        ('keys = { at = "t" }\npattern = "x"', "either a pattern or keys"),
        ('keys = { at = "t" }\ntime_format = "stardate"', "time_format is one of"),
    ],
)
def test_a_format_that_cannot_work_says_why(text, said):
    """Ledger S4-04: settings are checked before anything is read."""
    own = read_streams(f"[collect.formats.mine]\n{text}\n").collect.formats
    with pytest.raises(ConfigurationError, match=said):
        format_of(LogStream(path="x", format="mine"), own)
    with pytest.raises(ConfigurationError, match="known are"):
        format_of(LogStream(path="x", format="nope"), {})


def test_times_without_a_zone_are_the_streams():
    """Ledger S4-04: local times of a log become UTC, at both changes of the clock."""
    format_ = PxFormat(zone="Europe/Berlin")
    lines = [f"2026-{day} [ERROR] x" for day in (
        "01-10 12:00:00,000", "07-10 12:00:00,000", "10-25 02:30:00,000",
    )]  # fmt: skip
    found = format_.parse(as_bytes(lines), 0, "tx").rows["at"].to_pylist()
    assert found == [
        millis("2026-01-10T11:00:00"), millis("2026-07-10T10:00:00"), millis("2026-10-25T00:30:00"),
    ]  # fmt: skip
