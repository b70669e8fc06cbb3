"""Trees of processes."""

import contextlib
import os

import psutil


def numbers_below(root_pid: int) -> list[int] | None:
    """Return the numbers of all processes below a root; None where the kernel lists none."""
    found: list[int] = []
    waiting = [root_pid]
    while waiting:
        pid = waiting.pop()
        try:
            numbers = _listed(pid)
        except FileNotFoundError:
            if pid == root_pid:
                return None
            continue
        except OSError:
            continue
        waiting += numbers
        found += numbers
    return found


def children(root: psutil.Process) -> list[psutil.Process]:
    """Return the processes right below a root, by the kernel's lists where it has them.

    Without these lists every process of the machine has to be looked at.
    """
    found: list[psutil.Process] = []
    try:
        numbers = _listed(root.pid)
    except FileNotFoundError:
        return root.children() if root.is_running() else []
    except OSError:
        return []
    for number in numbers:
        with contextlib.suppress(psutil.Error):  # it has ended meanwhile
            found.append(psutil.Process(number))
    return found


def _listed(pid: int) -> list[int]:
    """Return the children of a process by number. It is read for every task: without `Path`."""
    folder = f"/proc/{pid}/task"
    threads = os.listdir(folder)  # noqa: PTH208
    return [int(one) for thread in threads for one in _read(f"{folder}/{thread}/children")]


def _read(path: str) -> list[bytes]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        pieces = []
        while piece := os.read(descriptor, 65_536):
            pieces.append(piece)
        return b"".join(pieces).split()
    finally:
        os.close(descriptor)


def descendants(root: psutil.Process) -> list[psutil.Process]:
    """Return every process below a root, by the kernel's lists of children where it has them."""
    found: list[psutil.Process] = []
    waiting = [root.pid]
    while waiting:
        pid = waiting.pop()
        try:
            numbers = _listed(pid)
        except FileNotFoundError:
            if pid == root.pid and root.is_running():
                return root.children(recursive=True)
            continue
        except OSError:
            continue
        for child in numbers:
            waiting.append(child)
            try:
                found.append(psutil.Process(child))
            except psutil.Error:
                continue
    return found
