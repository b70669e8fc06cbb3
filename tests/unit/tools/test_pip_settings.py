"""pip's settings reach uv, which does not read them."""

import os
import sys
from pathlib import Path

import pytest

from tools.pip_settings import configured_index, uv_environment


@pytest.fixture
def pip_conf(tmp_path, monkeypatch):
    """Write pip's settings for this test; no others are seen."""
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    path = tmp_path / "pip.conf"
    monkeypatch.setenv("PIP_CONFIG_FILE", str(path))
    return path


def environment(cache: Path, **settings: str) -> dict[str, str]:
    """Return uv's environment where ours says nothing of either but a file and `settings`."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "UV_")) and name != "SSL_CERT_FILE"
    }
    told = {"PIP_CONFIG_FILE": os.environ.get("PIP_CONFIG_FILE", ""), **settings}
    return uv_environment(Path(sys.executable), cache=cache, ours={**ours, **told})


def test_index_certificate_and_links_are_passed_on(pip_conf, tmp_path):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    pip_conf.write_text(
        "[global]\n"
        "index-url = https://packages.studio.example/simple\n"
        "extra-index-url = https://a.example/simple https://b.example/simple\n"
        "cert = /etc/studio.pem\n"
        f"find-links = {wheels}\n"
    )
    found = environment(tmp_path)
    assert found["UV_DEFAULT_INDEX"] == "https://packages.studio.example/simple"
    assert found["UV_INDEX"].split() == ["https://a.example/simple", "https://b.example/simple"]
    assert found["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert found["UV_FIND_LINKS"] == str(wheels)
    assert found["SSL_CERT_FILE"] == "/etc/studio.pem"


@pytest.mark.parametrize("name", ["a.conf", "z.conf"])
def test_a_file_named_by_the_environment_wins_over_that_of_the_machine(tmp_path, name):
    """Whatever they are called: pip lists its files by name, not by what counts."""
    machine = tmp_path / "machine" / "pip" / "pip.conf"
    machine.parent.mkdir(parents=True)
    machine.write_text("[global]\nindex-url = https://machine.example/simple\n")
    named = tmp_path / name
    named.write_text("[global]\nindex-url = https://named.example/simple\n")
    places = {"XDG_CONFIG_DIRS": str(tmp_path / "machine"), "PIP_CONFIG_FILE": str(named)}
    assert environment(tmp_path, **places)["UV_DEFAULT_INDEX"] == "https://named.example/simple"


def test_the_environment_wins_over_the_file(pip_conf, tmp_path):
    pip_conf.write_text("[global]\nindex-url = https://file.example/simple\n")
    index = "https://environment.example/simple"
    assert environment(tmp_path, PIP_INDEX_URL=index)["UV_DEFAULT_INDEX"] == index


def test_settings_of_uv_itself_stay(pip_conf, tmp_path):
    pip_conf.write_text("[global]\nindex-url = https://pip.example/simple\n")
    index = "https://uv.example/simple"
    assert environment(tmp_path, UV_DEFAULT_INDEX=index)["UV_DEFAULT_INDEX"] == index


def test_links_to_folders_that_are_gone_are_left_out(pip_conf, tmp_path):
    pip_conf.write_text(f"[global]\nfind-links = {tmp_path / 'gone'}\n")
    assert "UV_FIND_LINKS" not in environment(tmp_path)


def test_without_a_home_folder_downloads_stay_in_the_checkout(pip_conf, tmp_path, monkeypatch):
    pip_conf.write_text("")
    monkeypatch.setenv("HOME", str(tmp_path / "no-such-home"))
    assert environment(tmp_path / "cache")["UV_CACHE_DIR"] == str(tmp_path / "cache")


def test_the_index_is_known_before_there_is_a_pip(pip_conf, monkeypatch):
    pip_conf.write_text("[install]\nindex-url = https://install.example/simple\n")
    assert configured_index() == "https://install.example/simple"
    monkeypatch.setenv("PIP_INDEX_URL", "https://environment.example/simple")
    assert configured_index() == "https://environment.example/simple"


def test_a_broken_settings_file_is_passed_over(pip_conf, monkeypatch, tmp_path):
    pip_conf.write_text("index-url before any section")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    assert configured_index() is None
