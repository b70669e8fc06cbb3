"""Which outputs a worker may contain (S1-10)."""

import json
from pathlib import Path
from typing import Any

import pytest

import grange
from grange.domain.work import Job
from grange.services.outputs import contained_outputs
from grange.testing.conformance.entities import least


def step(name: str, *arguments: str) -> dict[str, Any]:
    return {"name": name, "script": {"actions": {"onRun": {"command": "r", "args": arguments}}}}


def outputs(*steps: dict[str, Any], flow: str = "OUT", **members: Any) -> list[dict[str, str]]:
    definition = {"name": "Out", "type": "PATH", "dataFlow": flow, **members.pop("of", {})}
    template = {
        "specificationVersion": "jobtemplate-2023-09",
        "name": "n",
        "parameterDefinitions": [definition, {"name": "OutScale", "type": "INT", "default": 1}],
        "steps": list(steps),
        **members,
    }
    return contained_outputs(least(Job, template=json.dumps(template)))


def test_an_output_of_one_step_is_contained() -> None:
    found = outputs(step("a", "{{Param.Out}}/x"), step("b", "{{Param.OutScale}}"))
    assert found == [{"name": "Out", "objectType": "DIRECTORY", "stepName": "a"}]
    assert outputs(step("a", "{{ Param.Out }}"), of={"objectType": "FILE"}) == [
        {"name": "Out", "objectType": "FILE", "stepName": "a"}
    ]


@pytest.mark.parametrize("flow", ["IN", "INOUT", "NONE"])
def test_only_what_is_output_alone_is(flow: str) -> None:
    assert outputs(step("a", "{{Param.Out}}"), flow=flow) == []


def test_a_folder_that_two_steps_use_is_not_contained() -> None:
    assert outputs(step("a", "{{Param.Out}}"), step("b", "{{Param.Out}}")) == []


def test_a_path_that_is_used_as_it_was_given_is_not_contained() -> None:
    assert outputs(step("a", "{{Param.Out}} {{RawParam.Out}}")) == []
    environment = {"name": "e", "variables": {"OUT": "{{Param.Out}}"}}
    assert outputs(step("a", "{{Param.Out}}"), jobEnvironments=[environment]) == []


@pytest.mark.parametrize(("bundle", "count"), [("mitsuba_spin", 0), ("povray_spheres", 1)])
def test_the_bundles_that_come_with_grange(bundle: str, count: int) -> None:
    """The first one's movie is made of the frames its other step wrote."""
    path = Path(grange.__file__).parent / "bundles" / bundle / "template.yaml"
    job = least(Job, template=path.read_text(), template_type="YAML")
    assert len(contained_outputs(job)) == count
