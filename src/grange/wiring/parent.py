"""Programs that end with the program that started them."""

from grange.adapters.host.processes import HostProcesses


def end_with(parent_pid: int | None) -> None:
    """Have this process asked to end when its parent does; None: do nothing."""
    if parent_pid is not None:
        HostProcesses().die_with_parent(parent_pid)
