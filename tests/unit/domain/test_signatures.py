"""Error texts that differ in numbers, paths, ids and times alone are the same trouble."""

import pytest

from grange.domain.signatures import NOTHING_SAID, cluster_id, says_disk_is_full, signature

ALIKE = [
    (
        "Error: cannot open /mnt/show/sh010/tex/wood.1001.exr (line 12)",
        "Error: cannot open /net/show/sh020/tex/skin.1044.exr (line 9)",
    ),
    (r"cannot open C:\show\sh010\wood.exr", r"cannot open D:\other\x.exr"),
    (r"cannot open \\server\share\wood.exr", r"cannot open \\host\p\y.exr"),
    ("CUDA error 719 at 0x7ffde32a", "CUDA error 700 at 0x00aa"),
    ("2026-11-22T10:14:03.12Z fatal: frame 12", "2026-11-23 09:00:00,5+01:00 fatal: frame 9"),
    ("frame0012 is broken", "frame0377 is broken"),
    (
        "job-0123456789abcdef0123456789abcdef lost its lease",
        "job-ffffffffffffffffffffffffffffffff lost its lease",
    ),
    ("could not fetch https://a.example/x?y=1", "could not fetch http://b.example/"),
    ("out of memory: 12.5 of 16 GB", "out of memory:  13 of 32 GB\nmore of it"),
    ("missing frames 1, 2, 3, 4", "missing frames 7 8 9"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_what_differs_from_attempt_to_attempt_is_left_out(one: str, other: str) -> None:
    """UX-16: the inbox is put together by error signature."""
    assert signature(one) == signature(other)
    assert signature(signature(one)) == signature(one), "a signature is its own"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cannot open /a/b.exr", "cannot write /a/b.exr"),
        ("no licence for nuke", "no licence for arnold"),
        ("CUDA error 719", "OptiX error 719"),
    ],
)
def test_different_words_are_different_trouble(one: str, other: str) -> None:
    assert signature(one) != signature(other)


def test_a_signature_reads_like_the_error() -> None:
    assert signature("Error: cannot open /mnt/a/wood.exr, frame 12.") == (
        "Error: cannot open <path>, frame <n>"
    )
    assert signature("and/or 3/4 of it") == "and/or <n>/<n> of it"
    assert signature("\n  \n") == NOTHING_SAID
    assert len(signature("word " * 500)) <= 200


def test_the_id_of_a_cluster_is_that_of_its_signature() -> None:
    assert cluster_id("failing", "a") == cluster_id("failing", "a")
    assert len({cluster_id(kind, name) for kind in ("failing", "disk") for name in "ab"}) == 4


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("OSError: [Errno 28] No space left on device: '/out/a.exr'", True),
        ("There is not enough space on the disk.", True),
        ("Disk quota exceeded", True),
        ("no space in the name", False),
    ],
)
def test_a_full_disk_is_recognised(text: str, full: bool) -> None:
    assert says_disk_is_full(text) is full
