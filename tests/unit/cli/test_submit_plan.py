"""Commands become jobs: placeholders, chunks, quoting, and scripts that a real shell runs."""

import json
import re
import subprocess
import textwrap
from pathlib import Path

import pytest
from fileseq.frameset import FrameSet
from hypothesis import given
from hypothesis import strategies as st
from openjd.model import (
    StepParameterSpaceIterator,
    create_job,
    decode_job_template,
)

from grange.cli.frame_range import parse_frames, range_of
from grange.cli.submit_plan import CommandRequest, command_plan, shell_script
from grange.kernel.errors import InvalidRequestError


def chunks_of(template: str) -> list[str]:
    """What OpenJD's own library cuts the template's frames into."""
    job = create_job(
        job_template=decode_job_template(
            template=json.loads(template), supported_extensions=["TASK_CHUNKING"]
        ),
        job_parameter_values={},
    )
    space = job.steps[0].parameterSpace
    return [
        str(parameters["Frame"].value) for parameters in StepParameterSpaceIterator(space=space)
    ]


def run_script(script: str, chunk: str) -> list[str]:
    """Run a task's script in a real shell, as a session would, for one chunk."""
    text = script.replace("{{Task.Param.Frame}}", chunk)
    done = subprocess.run(["/bin/sh", "-c", text], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def plan(*command: str, frames: str | None = "1-10", chunk: int = 4, **rest):
    return command_plan(
        CommandRequest(
            command=command,
            frames=None if frames is None else parse_frames(frames),
            chunk=chunk,
            **rest,
        )
    )


def test_two_hundred_frames_are_twenty_chunks_of_ten():
    """Ledger S1-02: and what is left over is a smaller one."""
    made = plan("render", "{start}", "{end}", frames="1-200", chunk=10)
    cut = chunks_of(made.template)
    assert cut == [f"{start}-{start + 9}" for start in range(1, 201, 10)]
    assert made.layers[0].tasks == 20
    over = chunks_of(plan("render", "{start}", "{end}", frames="1-25", chunk=10).template)
    assert len(over) == 3


def test_plan_counts_the_chunks_that_openjd_cuts():
    made = plan("render", "{start}", "{end}")
    assert chunks_of(made.template) == ["1-4", "5-7", "8-10"]
    assert (made.layers[0].tasks, made.layers[0].frames) == (3, 10)


@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.integers(0, 12), st.integers(1, 4)), min_size=1, max_size=4
    ),
    st.integers(1, 7),
)
def test_chunk_count_equals_openjds_for_any_range(parts, chunk):
    cursor, written = -5, []
    for gap, length, step in parts:
        first = cursor + gap
        last = first + length
        written.append(str(first) if length == 0 else f"{first}-{last}:{step}")
        cursor = last + 1
    frames = ",".join(written)
    made = plan("render", "{start}", "{end}", "{step}", frames=frames, chunk=chunk)
    cut = chunks_of(made.template)
    assert made.layers[0].tasks == len(cut)


@pytest.mark.parametrize("frames", ["1-20:2", "1-3,8,9,20", "-5--1", "7", "-3-3", "0-9:3,100-103"])
@pytest.mark.parametrize("chunk", [1, 3, 50])
def test_every_frame_reaches_the_command_exactly_once(frames, chunk):
    made = plan("echo", "{frame}", frames=frames, chunk=chunk)
    script = json.loads(made.template)["steps"][0]["script"]["embeddedFiles"][0]["data"]
    seen = [
        int(line)
        for cut in chunks_of(made.template)
        for line in run_script(script, cut)
        if not line.startswith("grange: ")
    ]
    assert sorted(seen) == list(parse_frames(frames).frames)
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize(
    ("chunk", "expected"),
    [
        ("1-8", ["1 8 1"]),
        ("1-7:2", ["1 7 2"]),
        ("-5--1", ["-5 -1 1"]),
        ("-3-3:3", ["-3 3 3"]),
        ("7-7", ["7 7 1"]),
        ("8,9,20", ["8 8 1", "9 9 1", "20 20 1"]),
    ],
)
def test_start_end_and_step_are_cut_from_the_chunk(chunk, expected):
    script = shell_script(
        ["echo", "{start}", "{end}", "{step}"], folder="", has_frames=True, per_frame=False
    )
    assert run_script(script, chunk) == expected


def test_padding_writes_leading_zeros():
    script = shell_script(
        ["echo", "in.{frame:04}.exr", "{end:3}"], folder="", has_frames=True, per_frame=False
    )
    assert run_script(script, "8-9") == ["in.0008.exr 009"]


def test_frame_alone_runs_the_command_per_frame_and_says_so():
    made = plan("echo", "f{frame}", chunk=10)
    script = json.loads(made.template)["steps"][0]["script"]["embeddedFiles"][0]["data"]
    assert run_script(script, "2-3") == [
        "grange: frame 2 start",
        "f2",
        "grange: frame 2 done",
        "grange: frame 3 start",
        "f3",
        "grange: frame 3 done",
    ]


@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), max_size=4))
def test_any_argument_arrives_as_it_was_given(words):
    for has_frames in (False, True):
        words_in = [word.replace("{", "").replace("}", "}}{{") for word in words]
        script = shell_script(
            ["printf", "%s\\0", "-", *words_in], folder="", has_frames=has_frames, per_frame=False
        )
        text = script.replace("{{Task.Param.Frame}}", "1-1")
        assert "{{" not in text
        done = subprocess.run(["/bin/sh", "-c", text], capture_output=True, check=True)
        assert done.stdout.decode().split("\0")[:-1] == ["-", *words_in]


def test_a_failing_command_fails_the_task_with_its_exit_code():
    script = shell_script(["sh", "-c", "exit 7"], folder="", has_frames=True, per_frame=True)
    text = script.replace("{{Task.Param.Frame}}", "1-3")
    done = subprocess.run(["/bin/sh", "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 7
    assert done.stdout.splitlines() == ["grange: frame 1 start"]


def test_command_runs_in_the_folder_it_was_submitted_from(tmp_path: Path):
    odd = tmp_path / "a folder's {name}"
    odd.mkdir()
    script = shell_script(["pwd"], folder=str(odd), has_frames=False, per_frame=False)
    assert run_script(script, "") == [str(odd)]


def test_a_folder_the_worker_does_not_have_is_named_with_advice():
    script = shell_script(["pwd"], folder="/no/such", has_frames=False, per_frame=False)
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "give --cwd a folder every worker has" in done.stderr


def test_attributes_travel_as_tags():
    made = plan("r", "{frame}", attributes={"project": "film", "shot": "s010", "app": None})
    assert made.request()["tags"] == {"grange:project": "film", "grange:shot": "s010"}


def test_command_without_frames_is_one_task():
    made = plan("make", "all", frames=None)
    assert (made.layers[0].tasks, made.layers[0].frames) == (1, None)
    decode_job_template(template=json.loads(made.template), supported_extensions=[])


@pytest.mark.parametrize(
    ("command", "frames", "says"),
    [
        ((), "1-2", "No command"),
        (("render",), "1-2", "names no frames"),
        (("render", "{start}"), None, "no frames were given"),
        (("render", "{start}", "{frme}"), "1-2", r"{frme} is no placeholder; did you mean {frame}"),
        (("render", "o.{Frame:04}.exr"), "1-2", r"did you mean {frame}\? Known are {start}, {end}"),
        (("render", "{strat}"), "1-2", "did you mean {start}"),
    ],
)
def test_commands_that_cannot_work_are_refused_with_advice(command, frames, says):
    with pytest.raises(InvalidRequestError, match=says):
        plan(*command, frames=frames)


@pytest.mark.parametrize(
    "word", ["{print $1}", "{print}", "{}", "${STEP}", "${frames}", "{a,b}", '{"end": 3}', "{stop}"]
)
def test_braces_that_are_no_placeholders_stay_as_they_are(word: str) -> None:
    assert plan("render", "{start}", word, frames="1-2").layers[0].tasks == 1


@pytest.mark.parametrize("text", ["", "a", "5-1", "1-5:0", "1-", "1,,2", "1-4,3-6", "1-9999999999"])
def test_ranges_that_mean_nothing_are_refused(text):
    with pytest.raises(InvalidRequestError):
        parse_frames(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("10-1", "'10-1' runs backwards. Write 1-10;"),
        ("1,9-5x2", "Write 5-9x2;"),
        ("1-5:0", "the step must be 1 or more"),
    ],
)
def test_a_range_that_runs_backwards_is_told_with_what_was_meant(text: str, says: str) -> None:
    with pytest.raises(InvalidRequestError, match=re.escape(says)):
        parse_frames(text)


def test_the_scripts_text_is_what_the_guide_shows():
    script = shell_script(
        ["blender", "-b", "a b.blend", "-s", "{start}", "-e", "{end}"],
        folder="/shots",
        has_frames=True,
        per_frame=False,
    )
    assert """blender -b 'a b.blend' -s "$start" -e "$end\"""" in textwrap.dedent(script)


@pytest.mark.parametrize(
    ("text", "expression", "count"),
    [
        ("1-100x5", "1-96:5", 20),
        ("1,3,7-9", "1,3,7-9", 5),
        ("1-10y3", "2-3,5-6,8-9", 6),
        ("0001-0010", "1-10", 10),
        ("-3-3x3", "-3-3:3", 3),
    ],
)
def test_frames_are_written_as_fileseq_has_them(text: str, expression: str, count: int):
    """Issue 5, item 6; a colon stays OpenJD's step."""
    found = parse_frames(text)
    assert (found.text, len(found.frames)) == (expression, count)
    frames = FrameSet(text)
    assert list(found.frames) == sorted(int(frame) for frame in frames)


def test_what_is_left_of_a_stepped_range_stays_stepped():
    assert range_of([3, 5, 7, 9, 13, 15, 17, 20]).text == "3-9:2,13-17:2,20"
    assert range_of([1, 2, 3, 5, 7]).text == "1-3,5,7"


def test_chunks_can_be_fitted_to_a_time():
    made = plan("render", "{start}", "{end}", chunk=1, chunk_seconds=300)
    (step,) = json.loads(made.template)["steps"]
    (frame,) = step["parameterSpace"]["taskParameterDefinitions"]
    assert frame["chunks"]["targetRuntimeSeconds"] == 300
    assert chunks_of(made.template)[0] == "1-1"
    assert "300 s" in made.notes[-1]


def test_a_command_renders_first_middle_and_last_before_the_others():
    made = plan("render", "{frame}", frames="1-9", chunk=2, preview=True)
    early, rest = json.loads(made.template)["steps"]
    ranges = [
        step["parameterSpace"]["taskParameterDefinitions"][0]["range"] for step in (early, rest)
    ]
    assert ranges == ["1-9:4", "2-4,6-8"]
    assert [layer.tasks for layer in made.layers] == [3, 4]
    assert rest["dependencies"] == [{"dependsOn": "Preview"}]
    assert [layer.frames for layer in made.layers] == [3, 6]
    assert len(plan("render", "{frame}", frames="1-3", preview=True).layers) == 1
