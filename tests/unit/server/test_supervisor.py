"""The parent of the server's processes."""

import asyncio

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
