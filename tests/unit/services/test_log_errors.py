"""Errors in logs are found by the renderers' own rules, with one expression for all of them."""

import pytest

from grange.adapters.log_search import searched
from grange.wiring.log_errors import bundled_errors
from grange.worker.logrules.pack import bundled_packs

FATAL = [
    rule.pattern.pattern for pack in bundled_packs() for rule in pack.rules if rule.kind == "fatal"
]


def test_only_the_renderers_that_speak_are_listened_to() -> None:
    """Ledger S1-07: the class is that of the rule pack; a word alone has none."""
    errors = bundled_errors()
    blender = errors.finder('{"command": "blender -b a.blend"}', [])
    assert blender.class_of("Error: no camera found in scene") == "scene"
    other = errors.finder("echo", ["hello"])
    assert other.class_of("Error: no camera found in scene") is None
    assert other.class_of("MemoryError") == "memory"
    spoken = errors.finder("sh run.sh", ["Blender 4.2.1 (hash)"])
    assert spoken.class_of("Error: no camera found in scene") == "scene"


@pytest.mark.parametrize("pattern", FATAL)
def test_every_rule_can_be_searched_for(pattern: str) -> None:
    """Searching runs in Arrow; a rule it does not understand would find nothing."""
    assert searched(pattern, b"all is well\n") == []


def test_one_expression_finds_what_each_rule_finds() -> None:
    finder = bundled_errors().finder('{"command": "blender nuke kick vray povray"}', [])
    texts = b"CUDA error: x\nall is well\nstd::bad_alloc\nTraceback (most recent)\nsaved\n"
    assert searched(finder.pattern, texts) == [0, 2, 3]
