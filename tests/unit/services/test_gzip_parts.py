"""A gzip file whose end is put behind a part that was compressed before."""

import gzip

import pytest

from grange.services.reads.gzip_parts import begun, ended


@pytest.mark.parametrize("first", [b"", b"{", b"many rows " * 50_000])
@pytest.mark.parametrize("last", [b"", b"}", b"many rows " * 50_000])
def test_any_end_behind_any_beginning_is_one_file(first: bytes, last: bytes):
    part = begun(first)
    assert gzip.decompress(ended(part, last)) == first + last
    assert gzip.decompress(ended(part, b"another end")) == first + b"another end"
