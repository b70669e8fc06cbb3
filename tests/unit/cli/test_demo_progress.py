"""The demo's progress in a pipe: a line per change, once, with what failed."""

from typing import Any

from grange.cli.demo_progress import Progress
from grange.cli.output import Output


def job(done: int, status: str = "RUNNING", errors: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "layers": [
            {
                "layer_id": "step-1",
                "name": "Render",
                "status": status,
                "counts": {"SUCCEEDED": done, "READY": 4 - done},
            }
        ],
        "frames_total": 16,
        "frames_done": 4 * done,
        "errors": [
            {"action_id": f"a{number}", "text": text, "class": "output"}
            for number, text in enumerate(errors)
        ],
    }


def test_a_line_is_printed_for_each_change_and_once(capsys):
    with Progress(Output()) as progress:
        for state in (job(0), job(0), job(1), job(1, errors=("disk full",)), job(4, "SUCCEEDED")):
            progress.show(state, [], 1000)
        progress.show(job(4, "SUCCEEDED", ("disk full",)), [], 2000)
    assert capsys.readouterr().out.splitlines() == [
        "Render: 0/4 tasks, running",
        "Render: 1/4 tasks, running",
        "failed, tried again: disk full",
        "Render: 4/4 tasks, succeeded",
    ]


def test_with_json_the_lines_stay_out_of_the_answer(capsys):
    with Progress(Output(as_json=True)) as progress:
        progress.show(job(0), [], 0)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "Render: 0/4 tasks, running\n"
