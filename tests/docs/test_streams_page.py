"""The settings that the page about streams shows are settings."""

import re
from pathlib import Path

import pytest

from grange.collect.formats.known import KNOWN, format_of
from grange.config.streams import read_streams
from grange.config.streams_collect import LogStream

PAGE = (Path(__file__).parents[2] / "docs" / "streams.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_of_settings_can_be_read(text):
    section = read_streams(text).collect
    for name in section.formats:
        format_of(LogStream(path="x", format=name), section.formats)
    for stream in section.streams:
        format_of(stream, section.formats)


def test_every_format_and_every_key_of_a_stream_is_told():
    assert len(EXAMPLES) == 2
    for name in KNOWN:
        assert f"`{name}`" in PAGE
    for name in LogStream.__struct_fields__:
        assert f"`{name}`" in PAGE
