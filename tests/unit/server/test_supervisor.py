"""The parent of the server's processes."""

import asyncio
import os
import subprocess
import sys

import pytest

from grange.adapters.host.clock import SystemClock
from grange.kernel.errors import GrangeError
from grange.server.supervisor import Child, Supervisor


def test_a_part_that_never_starts_ends_the_server_with_its_name():
    child = Child(name="api", module="grange.there_is_no_such_module", task={})
    supervisor = Supervisor([child], clock=SystemClock())
    said: list[None] = []
    with pytest.raises(GrangeError, match="part api ended 3 times before it was ready"):
        asyncio.run(supervisor.run(lambda: said.append(None)))
    assert said == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends children so")
def test_a_child_whose_parent_ended_before_it_had_begun_does_not_go_on_alone():
    """Killed while a child imports what it needs, a server would leave an owner of its farm."""
    words = "from grange.server.supervisor import die_with_parent\n"
    for parent, code, said in ((os.getpid(), 0, "alive\n"), (2**22 - 1, 1, "")):
        told = f"{words}die_with_parent({parent})\nprint('alive')"
        child = subprocess.run(
            [sys.executable, "-c", told], capture_output=True, text=True, check=False
        )
        assert (child.returncode, child.stdout) == (code, said), child.stderr
