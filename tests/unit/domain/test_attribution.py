"""Attribution rules and their place in the order (ledger rule 11.9)."""

import os
import tomllib
from typing import Any

import pytest

from grange.config.attribution import AttributionFile
from grange.domain.attributes import decide
from grange.domain.attribution import Subjects, read_rules
from grange.kernel.errors import ConfigurationError

RULES = r"""
[[rule]]
name = "show shares"
scene = '/shows/(?P<project>\w+)/(?P<sequence>sq\d+)/(?P<shot>sh\d+)/'

[[rule]]
name = "lookdev"
job_name = '^look[ _](?P<asset>\w+)'
queue = '^main$'
set = { project = "lookdev", shot = "{asset}_turntable" }

[[rule]]
name = "comps"
command = 'nuke.* -x'
output = '\.(exr|dpx)$'
set = { render_type = "comp", app = "nuke-batch" }

[[rule]]
name = "students"
user = '^student\d+$'
farm = "school"
set = { project = "school" }
"""


def rules(text=RULES):
    return read_rules(tomllib.loads(text), "attribution.toml")


def decided(**about):
    values: dict[str, Any] = {
        "parameters": {"SceneFile": {"path": "/mnt/shows/dune/sq010/sh0040/light.blend"},
                       "OutputDir": {"path": "/mnt/shows/other/sq999/sh9999/out.exr"}},
        "job_name": "light", "queue": "main", "user": "ann", "command": (),
    }  # fmt: skip
    tags = about.pop("tags", {})
    layer = about.pop("layer", "beauty")
    defaults = about.pop("queue_defaults", None)
    values |= about
    return decide(
        layer,
        tags=tags,
        parameters={
            name: next(iter(union.values())) for name, union in values["parameters"].items()
        },
        command_line=values["command"],
        queue_defaults=defaults,
        rules=rules(),
        subjects=Subjects.of(**values),
    )


def test_named_groups_of_the_scene_fill_attributes():
    found = decided()
    assert {name: found[name].value for name in ("project", "sequence", "shot")} == {
        "project": "dune",
        "sequence": "sq010",
        "shot": "sh0040",
    }
    assert found["project"].source == "rule show shares"
    assert (found["camera"].value, found["camera"].source) == ("unassigned", "nothing")


def test_the_first_rule_that_gives_an_attribute_decides_it_and_others_may_give_more():
    found = decided(job_name="look_worm")
    assert found["project"].value == "dune"
    assert found["asset"].value == "worm"
    other = decided(job_name="look_worm", parameters={})
    assert (other["project"].value, other["shot"].value) == ("lookdev", "worm_turntable")


def test_all_patterns_of_a_rule_must_be_found():
    assert decided(job_name="look_worm", parameters={}, queue="night")["project"].value == (
        "unassigned"
    )


@pytest.mark.parametrize(
    ("about", "value", "source"),
    [
        ({"tags": {"grange:project.beauty": "a", "grange:project": "b"}}, "a",
         "tag grange:project.beauty"),
        ({"tags": {"grange:project.beauty": "a", "grange:project": "b"}, "layer": None}, "b",
         "tag grange:project"),
        ({"parameters": {"Project": {"string": "c"},
                         "Scene": {"path": "/shows/dune/sq1/sh1/x"}}}, "c", "parameter Project"),
        ({}, "dune", "rule show shares"),
        ({"parameters": {}, "queue_defaults": {"project": "d"}}, "d", "queue"),
        ({"parameters": {}}, "unassigned", "nothing"),
    ],
)  # fmt: skip
def test_first_hit_wins(about, value, source):
    """Tag of the layer, tag, parameter, rule, command, the queue's default, unassigned."""
    found = decided(**about)["project"]
    assert (found.value, found.source) == (value, source)


def test_a_rule_comes_before_what_the_command_shows():
    found = decided(command=("nuke15", "-x", "a.nk"))
    assert (found["app"].value, found["app"].source) == ("nuke-batch", "rule comps")
    plain = decided(command=("nuke15", "-F", "1"))
    assert (plain["app"].value, plain["app"].source) == ("nuke", "command")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[[rule]]\nname = 'x'\nscene = '('", "no regular expression"),
        ("[[rule]]\nname = 'x'\nset = {project = 'a'}", "needs a pattern"),
        ("[[rule]]\nname = 'x'\nscene = 'a'", "gives nothing"),
        ("[[rule]]\nname = 'x'\nscen = 'a'", "'scen' is not known"),
        ("[[rule]]\nscene = 'a'\nset = {Project = 'a'}", "cannot be the name"),
        ("[[rule]]\nscene = 'a'\nset = {project = 1}", "table of texts"),
        ("[rules]\nx = 1", r"as \[\[rule\]\]"),
    ],
)
def test_a_rule_that_means_nothing_is_named(text, error):
    with pytest.raises(ConfigurationError, match=error):
        rules(text)


def test_the_file_is_read_again_when_it_changes_and_kept_when_it_breaks(tmp_path):
    path = tmp_path / "attribution.toml"
    file = AttributionFile(path)
    assert file.rules("main") == ()
    path.write_text(RULES)
    assert [rule.name for rule in file.rules("main")] == ["show shares", "lookdev", "comps"]
    assert [rule.name for rule in file.rules("school", "farm-1")][-1] == "students"
    path.write_text("[[rule]")
    os.utime(path, ns=(1, 1))
    assert len(file.rules("main")) == 3
    with pytest.raises(ConfigurationError, match=r"attribution\.toml"):
        file.checked("main")
    path.unlink()
    assert file.rules("main") == ()
