"""Rule packs of programs that are not at hand, on lines written after their documentation."""

from pathlib import Path

import pytest

from grange.worker.logrules.pack import bundled_packs
from grange.worker.logrules.parser import LogParser
from tests.unit.worker import test_logrules as logs

LOGS = Path(__file__).parent / "logs" / "written"

Seen = tuple[LogParser, list[tuple[int, str | None]], list[float], list[str]]


def follow(name: str, command: str, frames: tuple[int, ...]) -> Seen:
    parser, seen = logs.follow(f"written/{name}.log", frames, command=command)
    return parser, logs.frames_in(seen), logs.percents(seen), logs.paths(seen)


@pytest.mark.parametrize(
    ("name", "command", "frames", "done"),
    [
        (
            "maya",
            '{"command": "Render", "args": ["-r", "sw", "a.ma"]}',
            (7, 8),
            [(7, "/out/beauty.0007.exr"), (8, "/out/beauty.0008.exr")],
        ),
        ("arnold", "kick -i a.ass -o out.exr", (3,), [(3, "/out/a.0003.exr")]),
        ("vray", "vray -sceneFile=a.vrscene", (11,), [(11, "/out/o.0011.exr")]),
        (
            "mental_ray",
            "Render -r mr a.ma",
            (4, 5),
            [(4, "/out/m.0004.tif"), (5, "/out/m.0005.tif")],
        ),
        ("redshift", "redshiftCmdLine a.rs", (1,), [(1, "/out/r.0001.exr")]),
        ("renderman", "prman -Progress a.rib", (2,), []),
        ("houdini", "hrender -e -f 21 21 a.hip", (21,), [(21, "/out/m.0021.exr")]),
        ("cinema4d", "Commandline -nogui -render a.c4d", (3, 4), [(3, None), (4, None)]),
        ("after_effects", "aerender -project a.aep", (30, 31), [(30, None), (31, None)]),
        ("3dsmax", "3dsmaxcmd a.max", (5, 6), [(5, None), (6, None)]),
        ("clarisse", "cnode a.project", (1,), [(1, "/out/c.0001.exr")]),
    ],
)
def test_frames_and_files_are_read_from_what_the_program_prints(
    name: str, command: str, frames: tuple[int, ...], done: list[tuple[int, str | None]]
) -> None:
    """S1-09, S1-20: frames are told apart by the log, and progress ends where the frames end."""
    parser, found, percents, paths = follow(name, command, frames)
    assert name in [pack.name for pack in parser.active]
    assert found == done
    if done:
        assert percents[-1] == 100.0
    else:
        assert paths or percents[-1] == 100.0
    assert percents == sorted(percents)


NAMELESS = {
    "maya-licence",
    "maya-aborted",
    "renderman-severe",
    "3dsmax-failed",
}
"""Lines that do not say which program prints them."""


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in LOGS.glob("*.log") if path.stem not in NAMELESS)
)
def test_a_program_is_recognised_by_its_output_alone(name: str) -> None:
    parser, *_ = follow(name, "", ())
    expected = name.partition("-")[0]
    assert expected in [pack.name for pack in parser.active]


@pytest.mark.parametrize(
    ("name", "command", "error_class", "rule"),
    [
        ("maya-licence", "Render -r sw a.ma", "licence", "maya.licence"),
        ("maya-aborted", "Render -r sw a.ma", "renderer", "maya.aborted"),
        ("arnold-missing", "kick a.ass", "missing_input", "arnold.missing-input"),
        ("arnold-licence", "kick a.ass", "licence", "arnold.licence"),
        ("mental_ray-fatal", "Render -r mr a.ma", "renderer", "mental_ray.fatal"),
        ("redshift-gpu", "redshiftCmdLine a.rs", "gpu", "redshift.gpu"),
        ("renderman-severe", "prman a.rib", "missing_input", "renderman.missing-input"),
        ("nuke-missing", "nuke -x a.nk", "missing_input", "nuke.missing-input"),
        ("cinema4d-missing", "Commandline a.c4d", "missing_input", "cinema4d.missing-input"),
        ("3dsmax-failed", "3dsmaxcmd a.max", "missing_input", "3dsmax.missing-input"),
    ],
)
def test_a_failed_run_is_put_down_to_its_cause_and_the_rule_is_named(
    name: str, command: str, error_class: str, rule: str
) -> None:
    """S1-07: the class, and the versioned rule that decided."""
    verdict = follow(name, command, (1,))[0].verdict(1, None)
    pack = next(one for one in bundled_packs() if one.name == rule.partition(".")[0])
    assert (verdict.error_class, verdict.rule) == (
        error_class,
        f"{pack.name}/{pack.version}:{rule}",
    )
    assert verdict.text


def test_the_renderer_inside_a_host_is_heard_before_the_host() -> None:
    parser = LogParser(bundled_packs(), "Render -r vray a.ma", (1,), logs.START)
    parser.line("Error: (kFailure): Unexpected Internal Failure", logs.START)
    parser.line("error: Could not obtain a license (-97)", logs.START)
    parser.line("Error: (kFailure): Unexpected Internal Failure", logs.START)
    assert {pack.name for pack in parser.active} == {"maya", "vray"}
    assert parser.verdict(1, None).error_class == "licence"


def test_every_pack_has_a_log() -> None:
    written = {path.stem.partition("-")[0] for path in LOGS.glob("*.log")}
    recorded = {path.stem.partition("-")[0].rstrip("45") for path in LOGS.parent.glob("*.log")}
    pasted = {path.stem.partition("-")[0].rstrip("23") for path in LOGS.parent.glob("pasted/*.log")}
    named = {pack.name for pack in bundled_packs()} - {"grange", "generic"}
    assert named == written | recorded | pasted
