"""Settings: what a config.json may hold, and what becomes of one that cannot be followed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from risk.errors import ConfigWrong
from risk.settings import Settings
from tests.conftest import FOLDERS, ROOT

DEEP = 10_000
LONE_SURROGATE = "\ud800"


def row(changes: dict[str, object], named: str, reason: str) -> object:
    """Keys that replace the good ones, what the message must name, and why they are refused."""
    return pytest.param(changes, named, id=reason)


def written(workspace: Path, keys: dict[str, object]) -> Path:
    """A config.json with the five folders and these keys."""
    config = workspace / "config.json"
    config.write_text(json.dumps(FOLDERS | keys))
    return config


def loaded(workspace: Path, **keys: object) -> Settings:
    """The settings out of the five folders and these keys."""
    return Settings.load(written(workspace, keys))


IN_SQL = {"dataset_in_database": True, "feature_columns": ["a", "b"]}
REFUSED = [
    row({"input_folder": "data"}, "'input_folder_path'", "a near miss of the input folder"),
    row({"output_folder": "data"}, "'output_folder_path'", "a near miss of the output folder"),
    row({"test_data": "data"}, "'test_data_path'", "a near miss of the test data"),
    row({"feature_column": ["a"]}, "'feature_columns'", "a near miss in the singular"),
    row({"Features": "raw"}, "'features'", "a near miss in its capital"),
    row({"promotion_gates": "off"}, "'promotion_gate'", "a near miss in the plural"),
    row({"zzz": 1}, "'zzz'", "a key like no other"),
    row({"": 1}, "''", "a key without a name"),
    row({"workspace": "data"}, "'workspace'", "a field that is not a key"),
    row({"input_folder_path": 5}, "'input_folder_path'", "a number for a folder"),
    row({"input_folder_path": 5.5}, "'input_folder_path'", "a fraction for a folder"),
    row({"input_folder_path": ["data"]}, "'input_folder_path'", "a list for a folder"),
    row({"input_folder_path": {"a": 1}}, "'input_folder_path'", "an object for a folder"),
    row({"output_folder_path": None}, "'output_folder_path'", "null for a folder"),
    row({"test_data_path": True}, "'test_data_path'", "a truth for a folder"),
    row({"output_model_path": ""}, "'output_model_path'", "an empty text for a folder"),
    row({"output_model_path": " \t"}, "'output_model_path'", "blanks for a folder"),
    row({"prod_deployment_path": "a\0b"}, "'prod_deployment_path'", "a NUL in a path"),
    row({"input_folder_path": LONE_SURROGATE}, "'input_folder_path'", "no name a disk can hold"),
    row({"input_folder_path": "x" * 300 + LONE_SURROGATE}, "'input_folder_path'", "nor this one"),
    row({"client_column": 1}, "'client_column'", "a number for a column"),
    row({"client_column": ["corporation"]}, "'client_column'", "a list for one column"),
    row({"client_column": None}, "'client_column'", "null for a column"),
    row({"client_column": ""}, "'client_column'", "an empty text for a column"),
    row({"target_column": False}, "'target_column'", "a truth for a column"),
    row({"target_column": {}}, "'target_column'", "an object for a column"),
    row({"feature_columns": "number_of_employees"}, "'feature_columns'", "a text for a list"),
    row({"feature_columns": []}, "'feature_columns'", "no feature at all"),
    row({"feature_columns": ["a", 1]}, "'feature_columns'", "a number among the features"),
    row({"feature_columns": ["a", ["b"]]}, "'feature_columns'", "a list among the features"),
    row({"feature_columns": ["a", ""]}, "'feature_columns'", "an empty name among the features"),
    row({"feature_columns": None}, "'feature_columns'", "null for a list"),
    row({"feature_columns": {"a": 1}}, "'feature_columns'", "an object for a list"),
    row({"feature_columns": ["a", "a"]}, "'feature_columns'", "a feature twice"),
    row({"feature_columns": ["a", "exited"]}, "'target_column'", "the outcome among the features"),
    row({"feature_columns": ["corporation"]}, "'client_column'", "the code among the features"),
    row({"client_column": "exited"}, "'target_column'", "the outcome as the code"),
    row({"feature_columns": ["a" * 256]}, "'feature_columns'", "longer than the records hold"),
    row({"feature_columns": [f"f{i}" for i in range(999)]}, "'feature_columns'", "too many"),
    row({"target_column": "a" * 256}, "'target_column'", "the outcome's, too"),
    row(IN_SQL | {"target_column": "A"}, "'dataset_in_database'", "twins for a database"),
    row(IN_SQL | {"target_column": "ß" * 32}, "'dataset_in_database'", "64 bytes for a database"),
    row({"refused_share": 1.01}, "'refused_share'", "more than all"),
    row({"refused_share": -0.1}, "'refused_share'", "less than none"),
    row({"refused_share": float("nan")}, "'refused_share'", "no number at all"),
    row({"refused_share": True}, "'refused_share'", "a truth for a share"),
    row({"refused_share": "0.1"}, "'refused_share'", "a text for a share"),
    row({"refused_shares": 0.1}, "'refused_share'", "a near miss in the plural"),
    row({"largest_file_mb": 0}, "'largest_file_mb'", "no file would be read"),
    row({"largest_file_mb": 1.5}, "'largest_file_mb'", "no whole number of megabytes"),
    row({"largest_file_mb": True}, "'largest_file_mb'", "a truth for a size"),
    row({"largest_file_mb": 10**9 + 1}, "'largest_file_mb'", "more than any disk holds"),
    row({"largest_file_mb": int("9" * 400)}, "'largest_file_mb'", "400 digits of megabytes"),
    row({"capacity": int("9" * 400)}, "'capacity'", "more digits than a fraction can hold"),
    row({"capacity": 10**9 + 1}, "'capacity'", "more clients than there are"),
    row({"capacity": float("inf")}, "'capacity'", "clients without end"),
    row({"refused_share": int("9" * 400)}, "'refused_share'", "400 digits for a share"),
    row({"refused_share": float("inf")}, "'refused_share'", "a share without end"),
    row({"features": "Log"}, "'features'", "neither raw nor log, to the letter"),
    row({"features": True}, "'features'", "a truth for a word"),
    row({"features": ["raw"]}, "'features'", "a list for a word"),
    row({"promotion_gate": "on"}, "'promotion_gate'", "neither off nor test_score"),
    row({"promotion_gate": False}, "'promotion_gate'", "off is a word, not a truth"),
    row({"promotion_gate": None}, "'promotion_gate'", "null for a word"),
    row({"input_folder_path": "/"}, "'input_folder_path'", "the root exists outside"),
    row({"input_folder_path": "/usr/bin"}, "'input_folder_path'", "a folder that exists outside"),
    row({"output_model_path": "/usr/../usr/bin/"}, "'output_model_path'", "so written, too"),
    row({"input_folder_path": "../data"}, "'input_folder_path'", "up and out"),
    row({"input_folder_path": ".."}, "'input_folder_path'", "the folder above"),
    row({"test_data_path": "a/../../data"}, "'test_data_path'", "down, up and out"),
    row({"test_data_path": "/../no-such-folder"}, "'test_data_path'", "a slash, up and out"),
    row({"output_folder_path": "sourcedata"}, "'output_folder_path'", "results among the input"),
    row({"output_folder_path": "/sourcedata/"}, "'output_folder_path'", "the same with slashes"),
    row({"output_folder_path": "sourcedata/a/b"}, "'output_folder_path'", "results in the input"),
    row({"input_folder_path": "."}, "'output_folder_path'", "all of the workspace as the input"),
    row({"output_model_path": "production_deployment"}, "'output_model_path'", "one folder twice"),
    row({"output_model_path": "/production_deployment/"}, "'output_model_path'", "with slashes"),
    row({"output_model_path": "./a/../production_deployment"}, "'output_model_path'", "with dots"),
    row({"prod_deployment_path": "models"}, "'output_model_path'", "and the other way round"),
    row({"output_folder_path": "production_deployment"}, "'output_folder_path'", "results there"),
]


@pytest.mark.parametrize(("changes", "named"), REFUSED)
def test_a_wrong_value_is_refused_with_the_file_and_the_key(
    tmp_path: Path, changes: dict[str, object], named: str
) -> None:
    config = written(tmp_path, changes)
    with pytest.raises(ConfigWrong) as refused:
        Settings.load(config)
    assert str(config) in str(refused.value)
    assert named in str(refused.value)
    assert refused.value.exit_code == 78


@pytest.mark.parametrize("key", FOLDERS)
def test_a_required_key_that_is_missing_is_named(tmp_path: Path, key: str) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({other: FOLDERS[other] for other in FOLDERS if other != key}))
    with pytest.raises(ConfigWrong, match=f"config.json: the key '{key}' is missing"):
        Settings.load(config)


def test_of_a_key_written_a_little_wrong_it_is_asked_whether_the_right_one_was_meant(
    tmp_path: Path,
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(FOLDERS).replace("input_folder_path", "input_folder"))
    asks = "the key 'input_folder' is unknown; did you mean 'input_folder_path'[?]$"
    with pytest.raises(ConfigWrong, match=asks):
        Settings.load(config)


def test_the_configuration_is_named_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, {"input_folder_path": "/usr"})
    with pytest.raises(ConfigWrong, match=r"^config\.json: .* lies outside its folder$"):
        Settings.load("config.json")


GOOD = json.dumps(FOLDERS)
NOT_A_CONFIGURATION = [
    pytest.param(b"", id="an empty file"),
    pytest.param(b"{", id="not JSON"),
    pytest.param(GOOD.encode() + b"}", id="JSON and more"),
    pytest.param(b"input_folder_path: data", id="another format"),
    pytest.param(b"[]", id="a list"),
    pytest.param(b'"text"', id="a text"),
    pytest.param(b"null", id="nothing"),
    pytest.param(GOOD.encode("utf-16"), id="UTF-16"),
    pytest.param(b'{"a": "\xff"}', id="not UTF-8"),
    pytest.param(b'{"a": ' + b"1" * 5000 + b"}", id="a number of 5,000 digits"),
    pytest.param(b"[" * DEEP + b"]" * DEEP, id="lists in lists, 10,000 deep"),
    pytest.param(b'{"a":' * DEEP + b"1" + b"}" * DEEP, id="objects in objects, 10,000 deep"),
]


@pytest.mark.parametrize("content", NOT_A_CONFIGURATION)
def test_what_is_not_a_json_object_is_refused_with_the_file(tmp_path: Path, content: bytes) -> None:
    config = tmp_path / "config.json"
    config.write_bytes(content)
    with pytest.raises(ConfigWrong) as refused:
        Settings.load(config)
    assert str(config) in str(refused.value)


def test_a_deep_value_under_a_known_key_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    deep = '"features": ' + "[" * DEEP + "]" * DEEP
    config.write_text(GOOD.replace("{", "{" + deep + ", "))
    with pytest.raises(ConfigWrong, match=r"config\.json"):
        Settings.load(config)


def test_a_key_that_stands_there_twice_is_named(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(GOOD.replace("}", ', "test_data_path": "other"}'))
    with pytest.raises(ConfigWrong, match=r"config\.json.*'test_data_path'.*twice"):
        Settings.load(config)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("no-such-file.json", id="it is not there"),
        pytest.param("", id="it is a folder"),
        pytest.param("config.json/config.json", id="its folder is a file"),
        pytest.param("x" * 300, id="its name is too long"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    config = written(tmp_path, {}).parent / name
    with pytest.raises(ConfigWrong) as refused:
        Settings.load(config)
    assert str(config) in str(refused.value)


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert Settings.load(config).input_folder == "sourcedata"


@pytest.mark.parametrize(
    ("value", "folder"),
    [
        pytest.param("practicedata", "practicedata", id="as it is"),
        pytest.param("/practicedata/", "practicedata", id="as the starter writes it"),
        pytest.param("//practicedata", "practicedata", id="two slashes are one"),
        pytest.param("practicedata/", "practicedata", id="a slash at the end says nothing"),
        pytest.param("./practicedata", "practicedata", id="a dot says nothing"),
        pytest.param("/no/such/place", "no/such/place", id="deeper in the workspace"),
        pytest.param("a/../b", "b", id="up, but not out"),
        pytest.param("/a/../b", "b", id="the same after a slash"),
        pytest.param("{workspace}/b", "b", id="an absolute path inside the workspace"),
        pytest.param("{workspace}/a/../b/", "b", id="the same with dots"),
        pytest.param("../{name}/b", "b", id="out and in again"),
        pytest.param("..b", "..b", id="a name that begins with dots"),
        pytest.param("it's a näme", "it's a näme", id="any name a folder can have"),
    ],
)
def test_a_folder_is_meant_inside_the_workspace(tmp_path: Path, value: str, folder: str) -> None:
    value = value.format(workspace=tmp_path, name=tmp_path.name)
    settings = loaded(tmp_path, input_folder_path=value)
    assert settings.input_folder_path == tmp_path / folder
    assert settings.input_folder == folder


def test_an_existing_folder_beside_the_workspace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "workshop").mkdir()
    with pytest.raises(ConfigWrong, match="'input_folder_path'"):
        loaded(tmp_path / "work", input_folder_path=str(tmp_path / "workshop"))


@pytest.mark.parametrize(
    ("key", "value", "link", "target"),
    [
        pytest.param("output_folder_path", "data", "data", "sourcedata", id="the input itself"),
        pytest.param("output_folder_path", "link/a", "link", "sourcedata", id="a folder in it"),
        pytest.param("input_folder_path", "link", "link", "ingesteddata", id="the other way round"),
        pytest.param("output_model_path", "link", "link", "production_deployment", id="the models"),
    ],
)
def test_links_do_not_hide_that_two_folders_are_one(
    tmp_path: Path, key: str, value: str, link: str, target: str
) -> None:
    (tmp_path / target).mkdir()
    (tmp_path / link).symlink_to(target)
    with pytest.raises(ConfigWrong, match=r"config\.json"):
        loaded(tmp_path, **{key: value})


def test_a_linked_configuration_means_the_folder_it_is_linked_into(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "other").mkdir()
    link = tmp_path / "other" / "config.json"
    link.symlink_to(written(tmp_path / "real", {}))
    assert Settings.load(link).workspace == tmp_path / "other"


def test_keys_that_are_left_out_have_the_columns_of_the_company(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    features = ("lastmonth_activity", "lastyear_activity", "number_of_employees")
    assert settings.columns.all == ("corporation", *features, "exited")
    assert (settings.features, settings.promotion_gate) == ("log", "off")
    assert settings.limits == (0.1, 1024)


def test_the_keys_are_followed(tmp_path: Path) -> None:
    keys = {"client_column": "code", "feature_columns": ["b", "a"], "target_column": "left"}
    settings = loaded(tmp_path, **keys, features="raw", promotion_gate="test_score")
    assert loaded(tmp_path, refused_share=1, largest_file_mb=2).limits == (1, 2)
    assert settings.columns.all == ("code", "b", "a", "left")
    assert (settings.features, settings.promotion_gate) == ("raw", "test_score")


ASK = (
    "from risk.settings import Settings; import sys; print(Settings.load(*sys.argv[1:]).workspace)"
)


def workspace_of(environment: dict[str, str], *arguments: str) -> str:
    """Which workspace a process with this environment works in, asked from another folder."""
    return subprocess.run(
        [sys.executable, "-c", ASK, *arguments],
        env={"PYTHONPATH": str(ROOT), **environment},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_the_option_beats_the_environment_which_beats_the_file_beside_the_scripts(
    tmp_path: Path,
) -> None:
    for name in ("asked", "environment"):
        (tmp_path / name).mkdir()
        written(tmp_path / name, {})
    environment = {"RISK_CONFIG": str(tmp_path / "environment" / "config.json")}
    asked = str(tmp_path / "asked" / "config.json")
    assert workspace_of(environment, asked) == str(tmp_path / "asked")
    assert workspace_of(environment) == str(tmp_path / "environment")
    assert workspace_of({}) == str(ROOT)
    assert workspace_of({"RISK_CONFIG": ""}) == str(ROOT)


def test_the_configuration_that_ships_can_be_followed() -> None:
    settings = Settings.load(ROOT / "config.json")
    assert settings.input_folder == "sourcedata"
    assert settings.output_model_path == ROOT / "models"


def test_loading_creates_nothing(tmp_path: Path) -> None:
    loaded(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


@pytest.mark.parametrize("field", Settings._fields)
def test_settings_cannot_be_changed(tmp_path: Path, field: str) -> None:
    with pytest.raises(AttributeError):
        setattr(loaded(tmp_path), field, "other")
