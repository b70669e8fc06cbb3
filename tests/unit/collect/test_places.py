"""Where logs lie and how they are called; mirrors of other machines; reading from the end."""

import getpass
import gzip
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grange.adapters.cursor_files import CursorFiles
from grange.adapters.log_files import FolderLogs
from grange.adapters.rsync import RsyncMirror
from grange.collect.backwards import last_lines, lines_backwards
from grange.collect.names import chosen, find_sources
from grange.config.streams import load_streams, read_streams
from grange.config.streams_collect import CollectSection, LogStream
from grange.kernel.errors import ConfigurationError, CorruptDataError, UnreachableError
from grange.kernel.units import Instant
from grange.ports.cursors import StreamCursor
from grange.wiring.collect import collecting
from tools.ports import free_port


def sources(*streams: LogStream):
    found = find_sources(CollectSection(streams=streams), FolderLogs(), "here")
    return {
        (one.stream, one.kind, one.machine): [Path(file.path).name for file in one.files]
        for one in found
    }


def test_names_of_files_tell_stream_and_kind_and_rotated_ones_belong_to_them(tmp_path):
    """Ledger S4-02: tx_client.log, rx_source.log and their rotated names."""
    for name in (
        "tx_amis.log",
        "tx_amis.log.1",
        "tx_amis.log.2.gz",
        "rx_satnet-ice.log",
        "rx_satnet-ice.log.2026-11-20",
        "tx_a_b.log",
        "other.jsonl",
    ):
        (tmp_path / name).write_text("x\n")
    assert sources(LogStream(path=f"{tmp_path}/*")) == {
        ("amis", "tx", "here"): ["tx_amis.log", "tx_amis.log.1", "tx_amis.log.2.gz"],
        ("satnet-ice", "rx", "here"): ["rx_satnet-ice.log", "rx_satnet-ice.log.2026-11-20"],
        ("a_b", "tx", "here"): ["tx_a_b.log"],
        ("other", "other", "here"): ["other.jsonl"],
    }


def test_paths_may_tell_stream_and_machine(tmp_path):
    """Ledger S4-02: `{stream}` and `{machine}` stand for parts of a path."""
    for path in ("m1/web/access.log", "m1/web/access.log.1", "m2/cache/access.log"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x\n")
    where = f"{tmp_path}/{{machine}}/{{stream}}/access.log*"
    assert sources(LogStream(path=where, kind="other")) == {
        ("web", "other", "m1"): ["access.log", "access.log.1"],
        ("cache", "other", "m2"): ["access.log"],
    }
    named = LogStream(path=f"{tmp_path}/m[!2]/**/acc?ss.log", name="n", machine="x")
    assert sources(named) == {("n", "other", "x"): ["access.log"]}
    with pytest.raises(ConfigurationError, match="No log of nobody"):
        chosen([], ["nobody"], None)
    (tmp_path / "plain").write_text("x\n")
    with pytest.raises(ConfigurationError, match="Nothing says which stream"):
        sources(LogStream(path=f"{tmp_path}/plain"))


@given(st.binary(max_size=400), st.integers(1, 50))
def test_a_log_read_backwards_is_tac(tmp_path_factory, data, piece):
    """Ledger S4-38: the same lines as from the front, the other way round."""
    path = tmp_path_factory.getbasetemp() / "backwards.log"
    path.write_bytes(data)
    (file,) = FolderLogs().find(str(path))
    forward = data.split(b"\n")
    forward = forward[:-1] if data.endswith(b"\n") or not data else forward
    assert list(lines_backwards(FolderLogs(), file, piece_bytes=piece)) == forward[::-1]
    assert last_lines(FolderLogs(), file, 3) == forward[-3:]


def test_the_last_lines_of_a_packed_log_are_those_of_the_log(tmp_path):
    """Ledger S4-38: tail reads rotated logs, packed or not."""
    told = b"".join(b"line %d\n" % number for number in range(30_000)) + b"no end"
    (tmp_path / "plain.log").write_bytes(told)
    (tmp_path / "packed.log.gz").write_bytes(gzip.compress(told))
    packed, plain = FolderLogs().find(str(tmp_path / "*.log*"))
    for count in (0, 1, 7, 40_000):
        assert last_lines(FolderLogs(), packed, count) == last_lines(FolderLogs(), plain, count)


def test_reading_backwards_equals_the_program_tac(tmp_path):
    """Ledger S4-38: compared with tac and tail."""
    path = tmp_path / "x.log"
    path.write_bytes(b"".join(b"line %d %s\n" % (n, b"x" * (n % 300)) for n in range(3000)))
    (file,) = FolderLogs().find(str(path))
    told = b"".join(line + b"\n" for line in lines_backwards(FolderLogs(), file))
    assert told == subprocess.run(["tac", str(path)], capture_output=True, check=True).stdout
    end = subprocess.run(["tail", "-n7", str(path)], capture_output=True, check=True).stdout
    assert b"".join(line + b"\n" for line in last_lines(FolderLogs(), file, 7)) == end


def test_cursors_are_kept_apart_whatever_streams_are_called(tmp_path):
    """Ledger S4-03, S4-35: one file for each stream and machine, for people to read."""
    store = CursorFiles(tmp_path / "c")
    names = ["a/b", "a_b", "a b", "ü", "x" * 300, "..", "a"]
    for number, name in enumerate(names):
        store.save(StreamCursor(stream=name, kind="tx", machine="m", since=Instant(number)))
    for number, name in enumerate(names):
        found = store.load(name, "tx", "m")
        assert found is not None
        assert (found.stream, found.since) == (name, number)
    assert len(list(store.all())) == len(names)
    assert store.load("none", "tx", "m") is None
    (tmp_path / "c" / "tx_a@m.json").write_text("{")
    with pytest.raises(CorruptDataError, match="delete it to read the logs again"):
        store.load("a", "tx", "m")


def test_settings_say_what_is_wrong_with_them(tmp_path):
    """Ledger S4-12: a misspelt setting is refused, with its place."""
    for text, said in (
        ("[collect]\nmachin = 'x'", "machin"),
        ("[[collect.streams]]\nname = 'x'", "path"),
        ("[[collect.streams]]\npath = 'x'\nmetrics = ['speed']", "metrics"),
        ("x = [", "not TOML"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            read_streams(text)
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_streams(tmp_path / "none.toml")


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.sshd
def test_a_mirror_is_equal_and_what_is_gone_there_goes_here(tmp_path):
    """Ledger S4-01: a mirrored folder of logs; deleted, grown and renamed files."""
    there, here = tmp_path / "there", tmp_path / "here"
    (there / "deep").mkdir(parents=True)
    (there / "tx_a.log").write_text("1\n")
    (there / "deep" / "rx_b.log").write_text("2\n")
    mirror = RsyncMirror()
    mirror.fetch(str(there), str(here))
    assert tree(here) == tree(there)
    (there / "tx_a.log").rename(there / "tx_a.log.1")
    (there / "deep" / "rx_b.log").write_text("2\n3\n")
    mirror.fetch(f"{there}/", str(here))
    assert tree(here) == tree(there)
    with pytest.raises(UnreachableError, match="could not fetch"):
        mirror.fetch(str(tmp_path / "nothing"), str(here))
    with pytest.raises(ConfigurationError, match="no place"):
        mirror.fetch("--delete", str(here))


@pytest.mark.sshd
def test_logs_are_fetched_over_ssh_and_read(tmp_path):
    """Ledger S4-01: rsync over SSH to a real sshd on this machine."""
    key, host = tmp_path / "key", tmp_path / "host"
    for path in (key, host):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    allowed = tmp_path / "allowed"
    allowed.write_bytes(key.with_suffix(".pub").read_bytes())
    allowed.chmod(0o600)
    port = free_port()
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    server = subprocess.Popen(
        [os.environ["GRANGE_TEST_SSHD"], "-D", "-e", "-f", "/dev/null", "-p", str(port),
         "-h", str(host),
         "-o", f"AuthorizedKeysFile={allowed}", "-o", "StrictModes=no", "-o", "UsePAM=no",
         "-o", "ListenAddress=127.0.0.1", "-o", f"PidFile={tmp_path / 'pid'}",
         "-o", "PermitRootLogin=prohibit-password"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stderr is not None
        for line in server.stderr:
            if "listening" in line:
                break
        there = tmp_path / "remote log"
        there.mkdir()
        (there / "tx_far.log").write_text("2026-11-20 06:00:00,000 [ERROR] x\n")
        section = CollectSection(
            folder=str(tmp_path / "state"),
            ssh_options=("-p", str(port), "-i", str(key), "-o", "StrictHostKeyChecking=no",
                         "-o", "UserKnownHostsFile=/dev/null"),
            streams=(LogStream(
                path="*.log", machine="far",
                mirror=f"{getpass.getuser()}@127.0.0.1:{there}",
            ),),
        )  # fmt: skip
        with collecting(section, None, "farm") as work:
            done = work.collector.collect(work.sources, since=Instant(0))
        assert [(one.stream, one.machine, one.rows) for one in done.streams] == [("far", "far", 1)]
    finally:
        server.terminate()
        server.wait(100)
        if server.stderr is not None:
            server.stderr.close()
