"""Trees of processes."""

from pathlib import Path

import psutil


def descendants(root: psutil.Process) -> list[psutil.Process]:
    """Return every process below a root, by the kernel's lists of children where it has them."""
    found: list[psutil.Process] = []
    waiting = [root.pid]
    while waiting:
        pid = waiting.pop()
        try:
            text = " ".join(
                (task / "children").read_text(encoding="ascii")
                for task in Path(f"/proc/{pid}/task").iterdir()
            )
        except FileNotFoundError:
            if pid == root.pid and root.is_running():
                return root.children(recursive=True)
            continue
        except OSError:
            continue
        for child in text.split():
            waiting.append(int(child))
            try:
                found.append(psutil.Process(int(child)))
            except psutil.Error:
                continue
    return found
