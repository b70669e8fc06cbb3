"""Settings: command line over environment over file over default, each with its origin."""

import ast
import dataclasses
import inspect
from pathlib import Path
from typing import Any

import pytest

from grange.config import settings as settings_module
from grange.config.load import load
from grange.config.settings import ServerSettings
from grange.kernel.errors import ConfigurationError


def loaded(tmp_path: Path, text: str = "", environ: dict[str, str] | None = None, **given: Any):
    file = tmp_path / "grange.toml"
    file.write_text(text)
    return load(ServerSettings, file=file, environ=environ or {}, command_line=given)


def test_the_nearer_origin_wins(tmp_path: Path):
    text = '[server]\nport = 1\nhost = "127.0.0.2"\nbooks_threads = 2\n'
    environ = {"GRANGE_SERVER_PORT": "2", "GRANGE_SERVER_HOST": "127.0.0.3"}
    found = loaded(tmp_path, text, environ, port=3)
    assert (found.settings.port, found.settings.host) == (3, "127.0.0.3")
    assert found.settings.books_threads == 2
    assert found.origin["port"] == "command line"
    assert found.origin["host"] == "environment GRANGE_SERVER_HOST"
    assert found.origin["books_threads"].startswith("file ")
    assert found.origin["state_url"] == "default"
    assert found.given("port")
    assert not found.given("state_url")


def test_lists_and_paths_come_from_text(tmp_path: Path):
    environ = {"GRANGE_SERVER_PREVIEW_ROOTS": "/a, /b", "GRANGE_SERVER_DATA_DIR": "~/farm"}
    found = loaded(tmp_path, environ=environ).settings
    assert found.preview_roots == (Path("/a"), Path("/b"))
    assert found.data_dir == Path.home() / "farm"


@pytest.mark.parametrize(
    ("text", "environ", "word"),
    [
        ("[server]\nprot = 1\n", {}, "port"),
        ("", {"GRANGE_SERVER_PROT": "1"}, "GRANGE_SERVER_PROT"),
        ('[server]\nport = "one"\n', {}, "port"),
        ("[server]\nport = 70000\n", {}, "port"),
        ('[server]\nhost = "0.0.0.0"\n', {}, "TLS"),
        ('[server]\ntls_key = "key.pem"\n', {}, "tls_certificate"),
        ('[server]\nstate_url = "mysql://x"\n', {}, "postgresql"),
        ("[server\n", {}, "TOML"),
        ("server = 1\n", {}, "table"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, environ: dict[str, str], word: str):
    with pytest.raises(ConfigurationError, match=word):
        loaded(tmp_path, text, environ)


def test_a_file_that_was_named_must_exist(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="does not exist"):
        load(ServerSettings, file=tmp_path / "none.toml", environ={})


def test_every_key_is_documented_where_it_is_declared():
    tree = ast.parse(inspect.getsource(settings_module))
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        for item, following in zip(node.body, [*node.body[1:], None], strict=True):
            if isinstance(item, ast.AnnAssign) and "ClassVar" not in ast.dump(item.annotation):
                documented = isinstance(following, ast.Expr)
                assert documented, f"{node.name}.{ast.unparse(item.target)} has no description"
    assert dataclasses.fields(ServerSettings)
