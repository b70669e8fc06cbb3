"""Where the peers live: an environment of their own, since their pins clash with ours."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".venvs" / "peers"
PYTHON = FOLDER / "bin" / "python"

PEERS: Sequence[str] = (
    "boto3==1.44.5",  # the version whose model Grange's wire is compiled from
    "botocore==1.44.5",
    "chdb==4.4.0",
    "distributed==2026.8.0",
    "moto==5.2.5",
    "polars==2.1.0",
    "procrastinate==3.10.0",
    "psycopg[binary]>=3.2",
    "whisper==1.1.10",
)
"""What is installed there; pinned, so that figures can be compared."""


def peer(name: str) -> str:
    """Return the Python of the peers, installing them at first.

    Raises:
        RuntimeError: they cannot be installed; the message says what was tried.
    """
    marker = FOLDER / "installed"
    wanted = "\n".join(PEERS)
    if not marker.exists() or marker.read_text() != wanted:
        print(f"Installing {name} and the other peers into {FOLDER.relative_to(ROOT)} …")
        _install()
        marker.write_text(wanted)
    return str(PYTHON)


def _install() -> None:
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv:
        words = [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(FOLDER)]
        _run(words)
        _run([uv, "pip", "install", "--quiet", "--python", str(PYTHON), *PEERS])
    else:
        _run([sys.executable, "-m", "venv", "--without-pip", str(FOLDER)])
        pip = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
        _run([*pip, "install", "--quiet", *PEERS])


def _run(words: Sequence[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"`{' '.join(words)}` failed:\n{done.stdout}{done.stderr}")
