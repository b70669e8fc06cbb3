"""Job bundles become CreateJob requests: parameters, paths, settings, plan."""

from pathlib import Path

import pytest
import yaml
from openjd.model import (
    StepParameterSpaceIterator,
    create_job,
    decode_job_template,
    preprocess_job_parameters,
)

from grange.cli.bundle_files import bundled_folder, read_bundle
from grange.cli.submit_bundle import BundleRequest, bundle_plan
from grange.kernel.errors import ConfigurationError, InvalidRequestError

TEMPLATE = """
specificationVersion: jobtemplate-2023-09
name: "Shot {{Param.Shot}}"
parameterDefinitions:
  - {name: Shot, type: STRING}
  - {name: Frames, type: STRING, default: 1-10}
  - {name: Scene, type: PATH, default: scenes/a.blend}
  - {name: Out, type: PATH, default: /renders}
  - {name: Samples, type: INT, default: 16}
steps:
  - name: Render
    parameterSpace:
      taskParameterDefinitions:
        - {name: Frame, type: INT, range: "{{Param.Frames}}"}
        - {name: Pass, type: STRING, range: [beauty, depth]}
    script: {actions: {onRun: {command: "true"}}}
  - name: Join
    dependencies: [{dependsOn: Render}]
    script: {actions: {onRun: {command: "true"}}}
"""


def bundle(folder: Path, *, template: str = TEMPLATE, values: str | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "template.yaml").write_text(template, encoding="utf-8")
    if values is not None:
        (folder / "parameter_values.yaml").write_text(values, encoding="utf-8")
    return folder


def plan(folder: Path, given: dict[str, str] | None = None, **rest):
    return bundle_plan(
        BundleRequest(
            bundle=read_bundle(folder), given=given or {}, here=Path("/here"), attributes={}, **rest
        )
    )


def test_what_is_neither_scene_nor_bundle_is_told_apart_from_what_is_not_there(
    tmp_path: Path,
) -> None:
    (tmp_path / "shot.xyz").touch()
    with pytest.raises(ConfigurationError, match=r"no scene of a known kind.*grange apps"):
        read_bundle(tmp_path / "shot.xyz")
    with pytest.raises(ConfigurationError, match=r"There is no .*shot\.abc"):
        read_bundle(tmp_path / "shot.abc")


def test_relative_paths_become_absolute_from_where_they_were_written(tmp_path: Path):
    folder = bundle(tmp_path / "b")
    made = plan(folder, {"Shot": "s010"})
    assert made.parameters["Scene"] == {"path": str(folder / "scenes/a.blend")}
    assert made.parameters["Out"] == {"path": "/renders"}
    made = plan(folder, {"Shot": "s010", "Scene": "b.blend"})
    assert made.parameters["Scene"] == {"path": "/here/b.blend"}


def test_values_travel_as_the_wires_unions_and_the_template_as_written(tmp_path: Path):
    made = plan(bundle(tmp_path / "b"), {"Shot": "s010", "Samples": "64"})
    request = made.request()
    assert request["parameters"]["Samples"] == {"int": "64"}
    assert request["parameters"]["Shot"] == {"string": "s010"}
    assert request["template"] == TEMPLATE
    assert request["templateType"] == "YAML"


def test_plan_names_layers_and_counts_tasks_and_frames(tmp_path: Path):
    made = plan(bundle(tmp_path / "b"), {"Shot": "s010", "Frames": "1-12"})
    assert made.name == "Shot s010"
    assert [(layer.name, layer.tasks, layer.frames) for layer in made.layers] == [
        ("Render", 24, 12),
        ("Join", 1, None),
    ]


def test_the_bundles_own_values_are_used_and_the_command_line_wins(tmp_path: Path):
    values = """
parameterValues:
  - {name: Shot, value: s020}
  - {name: Scene, value: other.blend}
  - {name: "deadline:priority", value: 70}
  - {name: "deadline:maxFailedTasksCount", value: 3}
"""
    folder = bundle(tmp_path / "b", values=values)
    made = plan(folder)
    assert made.parameters["Shot"] == {"string": "s020"}
    assert made.parameters["Scene"] == {"path": str(folder / "other.blend")}
    assert (made.priority, made.max_failed_tasks) == (70, 3)
    made = plan(folder, {"Shot": "s030"}, priority=5)
    assert made.parameters["Shot"] == {"string": "s030"}
    assert made.priority == 5


def test_a_missing_value_is_named_with_what_to_type(tmp_path: Path):
    with pytest.raises(InvalidRequestError, match="-p Shot=VALUE"):
        plan(bundle(tmp_path / "b"))


def test_an_unknown_parameter_is_refused_with_the_known_ones(tmp_path: Path):
    with pytest.raises(InvalidRequestError, match=r"no parameter Shoot.*Shot"):
        plan(bundle(tmp_path / "b"), {"Shoot": "s010"})


def test_asset_references_are_left_out_with_a_note(tmp_path: Path):
    folder = bundle(tmp_path / "b")
    (folder / "asset_references.yaml").write_text("assetReferences: {}", encoding="utf-8")
    assert "asset_references is left out" in plan(folder, {"Shot": "s"}).notes[0]


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("template.yaml", "steps: [", InvalidRequestError),
        ("template.yaml", "- 1", InvalidRequestError),
        ("template.yaml", "name: x", InvalidRequestError),
        ("template.json", "{", InvalidRequestError),
        ("readme.txt", "x", ConfigurationError),
    ],
)
def test_folders_that_are_no_bundle_are_refused(tmp_path: Path, name: str, text: str, error):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(error):
        plan(tmp_path)


def test_two_templates_are_refused(tmp_path: Path):
    folder = bundle(tmp_path / "b")
    (folder / "template.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="keep one"):
        plan(folder)


@pytest.mark.parametrize("name", ["mitsuba_spin", "povray_spheres"])
def test_a_bundle_that_comes_with_grange_is_a_valid_template_and_its_plan_is_true(
    name: str, tmp_path: Path
):
    folder = bundled_folder(name)
    assert folder is not None
    made = plan(folder, {"OutputDir": str(tmp_path), "FrameCount": "10"})
    template = decode_job_template(
        template=yaml.safe_load(made.template), supported_extensions=["TASK_CHUNKING"]
    )
    parameters = preprocess_job_parameters(
        job_template=template,
        job_parameter_values={
            name: next(iter(value.values())) for name, value in made.parameters.items()
        },
        job_template_dir=folder,
        current_working_dir=tmp_path,
    )
    job = create_job(job_template=template, job_parameter_values=parameters)
    cut = [
        1
        if step.parameterSpace is None
        else len(StepParameterSpaceIterator(space=step.parameterSpace))
        for step in job.steps
    ]
    assert [layer.tasks for layer in made.layers] == cut
    assert made.layers[0].frames == 10
    assert Path(made.parameters["Scripts"]["path"]).is_dir()


def test_a_folder_here_wins_over_a_bundle_of_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mitsuba_spin").mkdir()
    assert bundled_folder("mitsuba_spin") is None
    assert bundled_folder("../etc") is None
