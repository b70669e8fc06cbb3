"""openjd-sessions alone: a session that runs the same task again and again, and nothing else.

Arguments: how many tasks, and where the session's folder is made. Says "ready" when a few have run,
waits for a line, and prints when each ended, in seconds of the machine, as JSON. The log goes to a
file, as a worker's does.
"""

import json
import logging
import sys
import tempfile
import threading
import time
from pathlib import Path

from openjd.sessions import LOG, ActionState, ActionStatus, Session

from grange.testing.builders import job_template
from grange.worker.fragments import step_of

TRUE = "/bin/true"
WARM_UP_TASKS = 5


def main(tasks: int, folder: str) -> None:
    step = job_template(frames="1-1")["steps"][0]
    step["script"]["actions"]["onRun"] = {"command": TRUE}
    _, script = step_of({"template": step, "schemaVersion": "jobtemplate-2023-09"})
    over = threading.Event()

    def called_back(_: str, status: ActionStatus) -> None:
        if status.state is not ActionState.RUNNING:
            if status.state is not ActionState.SUCCESS:
                raise RuntimeError(f"A task ended as {status}.")
            over.set()

    with tempfile.TemporaryDirectory(dir=folder) as place:
        LOG.setLevel(logging.INFO)
        LOG.propagate = False
        LOG.addHandler(logging.FileHandler(Path(place) / "log"))
        ended: list[float] = []
        with Session(
            session_id="alone",
            job_parameter_values={},
            callback=called_back,
            session_root_directory=Path(place),
        ) as session:
            for number in range(WARM_UP_TASKS + tasks):
                if number == WARM_UP_TASKS:
                    print("ready", flush=True)
                    sys.stdin.readline()
                over.clear()
                session.run_task(step_script=script, task_parameter_values={})
                over.wait()
                if number >= WARM_UP_TASKS:
                    ended.append(time.monotonic())
    print(json.dumps(ended), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
