"""This machine's settings of pip, told to uv, which does not read them."""

import configparser
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path


def uv_environment(
    python: Path, *, cache: Path, ours: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return the environment for uv: ours, plus what pip is set up to use.

    `cache` is where downloads go if there is no home folder to keep them in.

    Where uv has settings of its own, they stay. Pins (`constraint`) are left out on purpose.
    """
    environment = dict(ours)
    settings = _pip_settings(python, environment)
    index = settings.get("index-url")
    extra = settings.get("extra-index-url", "").split()
    links = settings.get("find-links", "").split()
    derived = {
        "UV_DEFAULT_INDEX": index,
        "UV_INDEX": " ".join(extra),
        "UV_FIND_LINKS": ",".join(link for link in links if _reachable(link)),
        "SSL_CERT_FILE": settings.get("cert"),
        "UV_INSECURE_HOST": settings.get("trusted-host"),
        # pip takes the best version that any index has.
        "UV_INDEX_STRATEGY": "unsafe-best-match" if extra else None,
        "UV_CACHE_DIR": None if os.access(Path.home(), os.W_OK) else str(cache),
        "UV_HTTP_TIMEOUT": "180",
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }
    for name, value in derived.items():
        if value and not environment.get(name):
            environment[name] = value
    environment.pop("VIRTUAL_ENV", None)
    return environment


def configured_index() -> str | None:
    """Return the package index that pip is told to use, or None if none is configured.

    Reads the environment and pip's files directly, for the moment before there is a pip.
    """
    if index := os.environ.get("PIP_INDEX_URL"):
        return index
    home = Path.home()
    files = [
        os.environ.get("PIP_CONFIG_FILE", ""),
        os.environ.get("XDG_CONFIG_HOME", str(home / ".config")) + "/pip/pip.conf",
        str(home / ".pip" / "pip.conf"),
        "/etc/xdg/pip/pip.conf",
        "/etc/pip.conf",
    ]
    for file in filter(None, files):
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except configparser.Error:
            continue  # pip itself will say what is wrong with it
        for section in ("install", "global"):
            if parser.has_option(section, "index-url"):
                return parser.get(section, "index-url")
    return None


def _pip_settings(python: Path, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return pip's settings by name; the environment wins, then `[install]`, then later files."""
    settings: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in _pip_config(python, environment, "list").splitlines():
        name, _, quoted = line.partition("=")
        section, _, option = name.partition(".")
        if section in settings and quoted[:1] in {"'", '"'}:
            value = quoted[1:-1].replace("\\n", "\n")
            if settings[section].setdefault(option, value) != value:
                # Several files say something; pip lists them by name, and knows which one counts.
                settings[section][option] = _pip_config(python, environment, "get", name).strip()
    return {**settings["global"], **settings["install"], **settings[":env:"]}


def _pip_config(python: Path, environment: Mapping[str, str], *words: str) -> str:
    command = [str(python), "-m", "pip", "config", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stdout


def _reachable(link: str) -> bool:
    return "://" in link or Path(link).is_dir()
