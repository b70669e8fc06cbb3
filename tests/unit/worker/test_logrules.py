"""Rule packs and their parser, on logs recorded from real runs, grown byte by byte."""

import itertools
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from grange.kernel.errors import ConfigurationError
from grange.kernel.units import Instant
from grange.worker.logrules.frames import frames_of, range_expression, task_frames
from grange.worker.logrules.lines import LineSplitter
from grange.worker.logrules.pack import bundled_packs, parse_pack
from grange.worker.logrules.parser import (
    FrameDone,
    FrameStarted,
    Happening,
    LogParser,
    OutputNamed,
    Progressed,
)

LOGS = Path(__file__).parent / "logs"
START = Instant(1_000_000)
RECORDED = sorted(path.name for path in LOGS.glob("*.log"))


def follow(
    name: str, frames: Sequence[int] = (), *, step: int = 1, command: str = ""
) -> tuple[LogParser, list[Happening]]:
    """Feed a recorded log in pieces of `step` bytes; a line's time is the offset of its end."""
    parser = LogParser(bundled_packs(), command, frames, START)
    splitter = LineSplitter()
    data = (LOGS / name).read_bytes()
    happenings: list[Happening] = []
    for offset in range(0, len(data), step):
        for line in splitter.feed(data[offset : offset + step]):
            happenings += parser.line(line, Instant(START + offset))
    for line in splitter.finish():
        happenings += parser.line(line, Instant(START + len(data)))
    return parser, happenings + parser.finish(Instant(START + len(data)))


def frames_in(happenings: list[Happening]) -> list[tuple[int, str | None]]:
    return [(one.frame, one.path) for one in happenings if isinstance(one, FrameDone)]


def percents(happenings: list[Happening]) -> list[float]:
    return [one.percent for one in happenings if isinstance(one, Progressed)]


def paths(happenings: list[Happening]) -> list[str]:
    return [one.path for one in happenings if isinstance(one, OutputNamed)]


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("step", [7, 4096, 10_000_000])
def test_the_size_of_the_pieces_changes_nothing_but_times(name: str, step: int) -> None:
    def shape(happenings: list[Happening]) -> list[object]:
        return [
            (type(one), getattr(one, "frame", None), getattr(one, "path", None), percent)
            for one in happenings
            for percent in [one.percent if isinstance(one, Progressed) else None]
        ]

    assert shape(follow(name, (2, 3, 4))[1]) == shape(follow(name, (2, 3, 4), step=step)[1])


def test_mitsuba_renders_one_frame_and_names_its_file_afterwards() -> None:
    parser, seen = follow("mitsuba-render.log", (7,))
    assert [pack.name for pack in parser.active] == ["mitsuba"]
    assert frames_in(seen) == [(7, "o.exr")]
    assert [one.frame for one in seen if isinstance(one, FrameStarted)] == [7]
    assert percents(seen) == [60.0, 100.0]


def test_mitsubas_module_in_a_script_that_says_which_frame_it_renders() -> None:
    parser, seen = follow("mitsuba-module.log", (3, 4, 5), command='python "r.py" import mitsuba')
    assert frames_in(seen) == [(3, "f_0003.png"), (4, "f_0004.png"), (5, "f_0005.png")]
    done = [one for one in seen if isinstance(one, FrameDone)]
    assert all(a.ended_at <= b.started_at for a, b in itertools.pairwise(done))
    assert all(one.started_at < one.ended_at for one in done)
    assert percents(seen) == sorted(percents(seen))
    assert percents(seen)[-1] == 100.0
    assert parser.frames_done == (3, 4, 5)


def test_povray_animation_counts_frames_from_the_first_of_the_subset() -> None:
    _, seen = follow("povray-animation.log", (2, 3, 4), command="povray +Ia.pov")
    assert frames_in(seen) == [(2, "o2.png"), (3, "o3.png"), (4, "o4.png")]
    assert percents(seen)[-1] == 100.0
    assert percents(seen) == sorted(percents(seen))


def test_povray_still_reports_progress_within_its_only_frame() -> None:
    parser, seen = follow("povray-still.log", (1,))
    assert frames_in(seen) == [(1, "q.png")]
    assert len(percents(seen)) > 50
    assert parser.warnings == 2


def test_ffmpeg_books_no_frames_but_names_its_output_and_counts_by_time() -> None:
    for name in ("ffmpeg-progress.log", "ffmpeg-status.log"):
        _, seen = follow(name)
        assert frames_in(seen) == []
        assert len([one for one in seen if isinstance(one, OutputNamed)]) == 1
        assert percents(seen)
    assert percents(follow("ffmpeg-progress.log")[1])[-1] == 100.0


def test_blender_renders_an_animation_and_names_every_file() -> None:
    parser, seen = follow("blender-animation.log", (1, 2, 3))
    assert [pack.name for pack in parser.active] == ["blender"]
    assert frames_in(seen) == [
        (1, "/shots/f_0001.png"),
        (2, "/shots/f_0002.png"),
        (3, "/shots/f_0003.png"),
    ]
    assert [one.frame for one in seen if isinstance(one, FrameStarted)] == [1, 2, 3]
    assert percents(seen) == [0.0, 0.5, 33.3, 33.9, 66.7, 67.2, 100.0]
    assert parser.warnings == 0


def test_blender_counts_samples_within_its_only_frame() -> None:
    _, seen = follow("blender-cannot-save.log", (1,))
    assert frames_in(seen) == []
    assert percents(seen) == [0.0, 1.6, 100.0]


@pytest.mark.parametrize(
    ("name", "letter", "starts"), [("blender4", "b", [1, 2, 3]), ("blender5", "m", [])]
)
def test_blenders_module_says_less_with_each_release(
    name: str, letter: str, starts: list[int]
) -> None:
    """Release 5 prints nothing between the scene and the first file."""
    parser, seen = follow(f"{name}-module.log", (1, 2, 3), command='python "r.py" import bpy')
    assert frames_in(seen) == [(n, f"/shots/{letter}_000{n}.png") for n in (1, 2, 3)]
    assert [one.frame for one in seen if isinstance(one, FrameStarted)] == starts
    assert percents(seen)[-1] == 100.0
    assert parser.warnings == 0


def test_blender_books_no_frames_of_a_movie() -> None:
    _, seen = follow("blender-movie.log", (1, 2))
    assert frames_in(seen) == []
    assert [one.frame for one in seen if isinstance(one, FrameStarted)] == [1, 2]


def test_a_missing_texture_is_a_warning_to_blender() -> None:
    parser, seen = follow("blender5-missing-texture.log", (1,))
    assert frames_in(seen) == [(1, "/shots/t_0001.png")]
    assert parser.warnings == 1
    parser.line("00:01.200  cycles           | ERROR System is out of GPU memory", START)
    assert parser.warnings == 1
    assert parser.verdict(1, None).error_class == "memory"


@pytest.mark.parametrize(
    ("name", "error_class", "rule"),
    [
        ("blender-missing-scene.log", "missing_input", "blender/2:blender.missing-input"),
        ("blender-broken-scene.log", "missing_input", "blender/2:blender.missing-input"),
        ("blender-no-camera.log", "scene", "blender/2:blender.no-camera"),
        ("blender-cannot-save.log", "output", "blender/2:blender.cannot-save"),
        ("blender-no-engine.log", "setup", "blender/2:blender.build"),
        ("blender-no-denoiser.log", "setup", "blender/2:blender.build"),
        ("blender-script-import.log", "setup", "blender/2:blender.module"),
        ("blender-script-error.log", "scene", "blender/2:blender.script"),
        ("blender-crash.log", "crash", "blender/2:blender.crash"),
        ("blender4-cannot-save.log", "output", "blender/2:blender.cannot-save"),
        ("blender5-missing-scene.log", "missing_input", "blender/2:blender.missing-input"),
        ("blender5-no-camera.log", "scene", "blender/2:blender.no-camera"),
        ("blender5-cannot-save.log", "output", "blender/2:blender.cannot-save"),
        ("mitsuba-missing-scene.log", "missing_input", "mitsuba/1:mitsuba.file-not-found"),
        ("mitsuba-module-missing-scene.log", "missing_input", "mitsuba/1:mitsuba.file-not-found"),
        ("povray-parse-error.log", "scene", "povray/3:povray.parse-error"),
        ("ffmpeg-missing-input.log", "missing_input", "ffmpeg/1:ffmpeg.no-sequence"),
    ],
)
def test_a_failed_run_is_put_down_to_its_cause(name: str, error_class: str, rule: str) -> None:
    modules = {"mitsuba-module": "python import mitsuba", "blender": "python import bpy"}
    command = next((words for part, words in modules.items() if name.startswith(part)), "")
    verdict = follow(name, command=command)[0].verdict(1, None)
    assert (verdict.error_class, verdict.rule) == (error_class, rule)
    assert verdict.text


@pytest.mark.povray
@pytest.mark.parametrize("length", range(0, 80, 6))
def test_a_missing_file_is_known_wherever_the_renderer_breaks_its_lines(
    length: int, tmp_path: Path
) -> None:
    """POV-Ray breaks lines at 80 columns: where a message is torn depends on the path in it."""
    place = tmp_path / ("d" * length)
    place.mkdir(exist_ok=True)
    scene = place / "scene.pov"
    scene.write_text('#include "not_there.inc"\n', encoding="ascii")
    done = subprocess.run(
        [os.environ["GRANGE_TEST_POVRAY"], f"+I{scene}", f"+O{place}/o.png", "-D", "+W8", "+H8"],
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    parser = LogParser(bundled_packs(), "povray", (), START)
    for line in done.stderr.splitlines():
        parser.line(line, START)
    verdict = parser.verdict(done.returncode, None)
    assert (verdict.error_class, verdict.rule) == (
        "missing_input", "povray/3:povray.include-missing",
    )  # fmt: skip
    assert "Parse Error: Cannot open include file not_there.inc." in verdict.text


@pytest.mark.parametrize(
    ("line", "exit_code", "signal_name", "error_class"),
    [
        ("license checkout failed: all in use", 1, None, "licence"),
        ("terminate called after throwing an instance of 'std::bad_alloc'", 134, None, "memory"),
        ("CUDA error: illegal address", 1, None, "gpu"),
        ("write: No space left on device", 1, None, "output"),
        ("render.sh: line 3: nuke: command not found", 127, None, "setup"),
        ("open a.ma: No such file or directory", 1, None, "missing_input"),
        ("Segmentation fault", 139, None, "crash"),
        ("cannot open the user configuration: No such file or directory", None, "SIGSEGV", "crash"),
        ("all is well", None, "SIGKILL", "killed"),
        ("all is well", 3, None, "failed"),
        ("", 127, None, "setup"),
    ],
)
def test_generic_classes_catch_what_no_renderer_rule_does(
    line: str, exit_code: int | None, signal_name: str | None, error_class: str
) -> None:
    parser = LogParser(bundled_packs(), "sh render.sh", (), START)
    parser.line(line, START)
    assert parser.verdict(exit_code, signal_name).error_class == error_class


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/tmp/x/run.sh: 25: /opt/none/renderer: not found", " /opt/none/renderer"),
        ("zsh: not found", " zsh"),
        ("texture not found", ""),
        ("", ""),
    ],
)
def test_a_command_that_is_not_found_is_named(line: str, said: str) -> None:
    parser = LogParser(bundled_packs(), "sh render.sh", (), START)
    parser.line(line, START)
    assert parser.verdict(127, None).text == f"The command{said} was not found (exit 127)."


def test_the_reason_is_looked_for_at_the_end_of_the_log() -> None:
    parser = LogParser(bundled_packs(), "", (), START)
    parser.line("CUDA error: long ago", START)
    for number in range(300):
        parser.line(f"line {number}", START)
    assert parser.verdict(1, None).error_class == "failed"
    assert parser.verdict(1, None).text == "The process ended with exit code 1. Last line: line 299"


def test_a_frame_said_done_twice_counts_once() -> None:
    parser = LogParser(bundled_packs(), "", (1, 2), START)
    seen: list[Happening] = []
    for number in (1, 1, 2):
        seen += parser.line(f"grange: frame {number} done", Instant(START + number))
    assert frames_in(seen) == [(1, None), (2, None)]


def test_frames_the_task_does_not_have_are_not_booked() -> None:
    parser = LogParser(bundled_packs(), "", (1, 2), START)
    assert parser.line("grange: frame 99 done x.png", START) == []


def test_a_frame_without_a_start_begins_where_the_last_one_ended() -> None:
    parser = LogParser(bundled_packs(), "", (1, 2), START)
    seen = parser.line("grange: frame 1 done", Instant(START + 10))
    seen += parser.line("grange: frame 2 done a b.png", Instant(START + 30))
    done = [one for one in seen if isinstance(one, FrameDone)]
    assert [(one.started_at - START, one.ended_at - START) for one in done] == [(0, 10), (10, 30)]
    assert done[1].path == "a b.png"


def test_colours_do_not_hide_a_line() -> None:
    parser = LogParser(bundled_packs(), "", (), START)
    parser.line("\x1b[31mgrange: progress 12.5%\x1b[0m", START)
    assert parser.percent == 12.5


def test_a_line_that_never_ends_is_cut_and_bad_bytes_are_replaced() -> None:
    splitter = LineSplitter()
    assert [len(line) for line in splitter.feed(b"x" * 200_000)] == [64_000] * 3
    assert splitter.feed(b"\xff\r\n\n\ny") == ["x" * 8_000 + "\N{REPLACEMENT CHARACTER}"]
    assert splitter.finish() == ["y"]
    assert splitter.finish() == []


@pytest.mark.parametrize(
    ("expression", "frames"),
    [
        ("5", (5,)),
        ("1-4", (1, 2, 3, 4)),
        ("1-9:3,20", (1, 4, 7, 20)),
        ("-3--1", (-3, -2, -1)),
        ("4-1:-1", (4, 3, 2, 1)),
        ("1-3:0", None),
        ("1-99999999", None),
        ("a", None),
        ("", None),
    ],
)
def test_range_expressions(expression: str, frames: tuple[int, ...] | None) -> None:
    assert frames_of(expression) == frames


def test_the_frames_of_a_task_come_from_its_chunk_or_its_frame_parameter() -> None:
    assert task_frames({"Frame": {"int": "9"}, "C": {"chunkInt": "1-3"}}) == (1, 2, 3)
    assert task_frames({"frame": {"int": "9"}}) == (9,)
    assert task_frames({"Camera": {"int": "9"}, "Frame": {"string": "x"}}) == ()


def test_frames_are_written_as_a_short_range() -> None:
    assert range_expression([4, 1, 2, 3, 9]) == "1-4,9"
    assert range_expression([]) == ""


def test_every_bundled_pack_recognises_something_and_its_rule_ids_are_its_own() -> None:
    names = {pack.name for pack in bundled_packs()}
    assert {"grange", "generic", "mitsuba", "povray", "ffmpeg"} <= names
    for pack in bundled_packs():
        ids = [rule.rule_id for rule in pack.rules]
        assert len(ids) == len(set(ids))
        assert all(one.startswith(f"{pack.name}.") for one in ids)
        assert pack.name == "generic" or pack.outputs


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name = ", "not a rule pack"),
        ("version = 1", "not a rule pack"),
        ('name="a"\nversion=1\n[[rule]]\nid="a.x"\nkind="odd"\npattern="x"', "unknown kind odd"),
        ('name="a"\nversion=1\n[[rule]]\nid="a.x"\nkind="fatal"\npattern="x"', "has a class"),
        ('name="a"\nversion=1\n[[rule]]\nid="a.x"\nkind="warning"\npattern="("', "not a rule pack"),
    ],
)
def test_a_bad_pack_is_refused_by_name(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        parse_pack(text, "a.toml")
