"""Finding the server and the key: command line, boto3's variables, client.toml."""

from pathlib import Path

import pytest

from grange.config.client import load_client
from grange.kernel.errors import ConfigurationError

KEYS = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK"}


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "client.toml"
    path.write_text(
        'server = "http://file:1"\naccess_key_id = "FK"\nsecret_access_key = "FS"\n'
        'farm_id = "farm-file"\nca_bundle = "~/ca.pem"\n',
        encoding="utf-8",
    )
    return path


def test_boto3s_variables_are_enough(tmp_path: Path):
    environ = {
        **KEYS,
        "AWS_ENDPOINT_URL": "http://h:1",
        "AWS_DEFAULT_REGION": "eu-north-1",
        "GRANGE_FARM_ID": "farm-1",
        "GRANGE_CLIENT_CONFIG": str(tmp_path / "none.toml"),
    }
    found = load_client(environ=environ)
    assert (found.server, found.access_key_id, found.region, found.farm_id) == (
        "http://h:1",
        "AK",
        "eu-north-1",
        "farm-1",
    )


def test_command_line_wins_over_environment_over_file(toml: Path):
    environ = {"GRANGE_CLIENT_CONFIG": str(toml), "AWS_ENDPOINT_URL": "http://general:1"}
    assert load_client(environ={"GRANGE_CLIENT_CONFIG": str(toml)}).server == "http://file:1"
    assert load_client(environ=environ).server == "http://general:1"
    environ["AWS_ENDPOINT_URL_DEADLINE"] = "http://own:1"
    assert load_client(environ=environ).server == "http://own:1"
    given = {"server": "http://typed:1", "farm_id": None}
    found = load_client(environ=environ, command_line=given)
    assert (found.server, found.farm_id) == ("http://typed:1", "farm-file")
    assert found.ca_bundle == Path.home() / "ca.pem"


def test_a_missing_server_is_told_with_the_ways_to_set_it(tmp_path: Path):
    environ = {"GRANGE_CLIENT_CONFIG": str(tmp_path / "client.toml")}
    with pytest.raises(ConfigurationError, match=r"AWS_ENDPOINT_URL.*grange demo"):
        load_client(environ=environ, folder=tmp_path)


def test_a_demo_started_here_is_named(tmp_path: Path):
    (tmp_path / "var/demo").mkdir(parents=True)
    (tmp_path / "var/demo/client.env").touch()
    environ = {"GRANGE_CLIENT_CONFIG": str(tmp_path / "client.toml")}
    with pytest.raises(ConfigurationError, match=r"\. var/demo/client.env"):
        load_client(environ=environ, folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sever = 'x'", "unknown key 'sever'"),
        ("server = 1", "must be text"),
        ("x", "cannot be read"),
    ],
)
def test_a_file_that_is_no_good_is_refused(tmp_path: Path, text: str, says: str):
    path = tmp_path / "client.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=says):
        load_client(environ={"GRANGE_CLIENT_CONFIG": str(path)})
