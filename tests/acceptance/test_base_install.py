"""What `pip install grange` brings: the worker and the command line, light, without the server."""

import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from tools.environment import CONSTRAINTS, PYTHON, ROOT, VENV, make_venv, pip_install, run

LARGEST_MEGABYTES = 80
NOT_OURS = {"pip", "setuptools", "wheel"}
SERVER_ONLY = {
    "alembic",
    "asyncpg",
    "botocore",
    "duckdb",
    "litestar",
    "matplotlib",
    "numpy",
    "pyarrow",
    "sqlalchemy",
    "uvicorn",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of this checkout, built as `./dev wheel` builds it."""
    folder = tmp_path_factory.mktemp("dist")
    if not PYTHON.exists():
        pytest.skip("NOT RUN: needs the environment of ./dev setup")
    options = ["--wheel", "--no-build-isolation", "--quiet", "--python", str(PYTHON)]
    run([VENV / "bin" / "uv", "build", *options, "--out-dir", folder, ROOT])
    (path,) = folder.glob("grange-*.whl")
    return path


@pytest.fixture(scope="module")
def base_install(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """Return a virtual environment that holds the base install and nothing else."""
    folder = tmp_path_factory.mktemp("base") / "venv"
    make_venv(folder)
    pip_install(folder / "bin" / "python", [wheel, "-c", CONSTRAINTS / "grange.txt"])
    return folder


def site_packages(folder: Path) -> Path:
    (path,) = folder.glob("lib/python3*/site-packages")
    return path


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the base install, with nothing of this checkout in sight."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GRANGE_", "PYTHON", "VIRTUAL_ENV", "XDG_", "AWS_"))
    }
    environment["HOME"] = str(folder.parent)
    return subprocess.run(
        [str(folder / "bin" / words[0]), *words[1:]],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def test_the_base_install_stays_light(base_install):
    sizes: dict[str, int] = {}
    for top in site_packages(base_install).iterdir():
        if top.name.split("-")[0] not in NOT_OURS:
            files = [top] if top.is_file() else [path for path in top.rglob("*") if path.is_file()]
            sizes[top.name] = sum(path.stat().st_blocks * 512 for path in files)
    heaviest = sorted(sizes.items(), key=lambda item: -item[1])[:8]
    assert sum(sizes.values()) <= LARGEST_MEGABYTES * 1e6, heaviest


def test_the_base_install_holds_nothing_of_the_server(base_install):
    here = {path.name.lower() for path in site_packages(base_install).iterdir()}
    assert not here & SERVER_ONLY


@pytest.mark.parametrize("words", [["grange", "--help"], ["grange", "worker", "run", "--help"]])
def test_the_command_line_answers_without_the_server(base_install, words):
    done = call(base_install, *words)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_a_command_that_needs_the_server_names_the_line_that_installs_it(base_install):
    done = call(base_install, "grange", "server")
    assert done.returncode != 0
    assert "grange[server]" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_wheel_carries_the_page_and_the_bundled_jobs(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    bundled = set((ROOT / "src" / "grange" / "bundles").rglob("template.*"))
    assert bundled
    for path in [*bundled, ROOT / "src" / "grange" / "server" / "static" / "index.html"]:
        assert str(path.relative_to(ROOT / "src")) in names
