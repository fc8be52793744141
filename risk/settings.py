"""config.json as one frozen value, checked once."""

import importlib.util
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from risk.errors import ConfigWrong
from risk.rules import DATABASES, FOLDERS, RULES, family

BESIDE_THE_SCRIPTS = Path(__file__).parent.parent / "config.json"
MOST_COLUMNS = 1000  # of one table, the client's and the outcome's among them
MOST_ROWS, LARGEST_DATASET = 1_000_000, 128 * 1024 * 1024  # of what is scored or asked about
LONGEST_IN_SQL = 63


class Columns(NamedTuple):
    """The names of the columns that are read."""

    client: str
    features: tuple[str, ...]
    target: str

    @property
    def all(self) -> tuple[str, ...]:
        """Every column in configured order, as each table of ours has them."""
        return (self.client, *self.features, self.target)


class Limits(NamedTuple):
    """Limits beyond which a data file is refused whole."""

    refused_share: float
    largest_file_mb: int


class Settings(NamedTuple):
    """Every key of config.json under its own name; folders are absolute paths."""

    workspace: Path
    input_folder_path: Path
    output_folder_path: Path
    test_data_path: Path
    output_model_path: Path
    prod_deployment_path: Path
    client_column: str = "corporation"
    feature_columns: tuple[str, ...] = (
        "lastmonth_activity",
        "lastyear_activity",
        "number_of_employees",
    )
    target_column: str = "exited"
    features: str = "log"
    capacity: int = 500
    promotion_gate: str = "off"
    database_url: str | None = None
    dataset_in_database: bool = False
    input_database_url: str | None = None
    input_table: str | None = None
    input_key: str = "id"
    api_url: str = "http://127.0.0.1:8000"
    allowed_hosts: tuple[str, ...] = ()
    refused_share: float = 0.1
    largest_file_mb: int = 1024

    @classmethod
    def load(cls, path: str | Path | None = None) -> "Settings":
        """Read the given file, else the one RISK_CONFIG names, else the one beside the scripts."""
        if path == "":
            raise ConfigWrong("--config names no file")
        asked = path or os.environ.get("RISK_CONFIG")
        config = Path(asked or "config.json")  # as messages name it
        place = Path(os.path.abspath(asked or BESIDE_THE_SCRIPTS))
        values = _checked(_parsed(place, config), config)
        folders = {key: _inside(place.parent, config, key, values[key]) for key in FOLDERS}
        settings = cls(**values | folders | {"workspace": place.parent})
        for problem in _contradictions(settings):
            raise ConfigWrong(f"{config}: {problem}")
        return settings

    @property
    def columns(self) -> Columns:
        """The three column keys as one."""
        return Columns(self.client_column, self.feature_columns, self.target_column)

    @property
    def limits(self) -> Limits:
        """The two keys about data files as one."""
        return Limits(self.refused_share, self.largest_file_mb)

    @property
    def input_folder(self) -> str:
        """The input folder as records name it: relative to the workspace."""
        return self.input_folder_path.relative_to(self.workspace).as_posix()


def _parsed(place: Path, config: Path) -> dict[str, Any]:
    """The file's keys and values, each key once."""
    try:
        values = json.loads(place.read_bytes().decode("utf-8-sig"), object_pairs_hook=_each_once)
    except OSError as error:
        raise ConfigWrong(f"{config} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigWrong(f"{config} is not a JSON file: {error}") from error
    if not isinstance(values, dict):
        raise ConfigWrong(f"{config} must hold one JSON object, with the keys {', '.join(FOLDERS)}")
    return values


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        doubled = next(key for key, _ in pairs if [other for other, _ in pairs].count(key) > 1)
        raise ValueError(f"the key {doubled!r} stands there twice")
    return values


def _checked(values: dict[str, Any], config: Path) -> dict[str, Any]:
    """The same values when each key is known and of the right type; lists become tuples."""
    for key in values:
        if key not in RULES:
            raise ConfigWrong(f"{config}: the key {key!r} is unknown{_meant(key, RULES)}")
    for key in FOLDERS:
        if key not in values:
            raise ConfigWrong(f"{config}: the key {key!r} is missing")
    for key, value in values.items():
        is_right, expected = RULES[key]
        if not is_right(value):
            given = "what stands there" if key.endswith("_url") else json.dumps(value)
            raise ConfigWrong(f"{config}: {key!r} must be {expected}, not {given}")
    return {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}


def _meant(key: str, known: Iterable[str]) -> str:
    import difflib  # only a wrong key pays for this

    near = difflib.get_close_matches(key, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _inside(workspace: Path, config: Path, key: str, value: object) -> Path:
    """Where a folder lies; a leading slash means the workspace unless the path begins with it."""
    place = Path(os.path.normpath(str(value)))
    if place.is_absolute() and not place.is_relative_to(workspace):
        if place.exists():
            raise ConfigWrong(f"{config}: {key!r} is {value!r}, which lies outside its folder")
        place = Path(str(value).lstrip("/"))
    place = Path(os.path.normpath(workspace / place))
    if not place.is_relative_to(workspace):
        raise ConfigWrong(f"{config}: {key!r} is {value!r}, which leads out of its folder")
    return place


def _contradictions(settings: Settings) -> Iterator[str]:
    """What is wrong with values that are right one by one but not beside each other."""
    if (settings.input_database_url is None) != (settings.input_table is None):
        yield "'input_database_url' and 'input_table' need each other"
    for key in ("database_url", "input_database_url"):
        url: str | None = getattr(settings, key)
        if url and not importlib.util.find_spec(driver := DATABASES[family(url)]):
            yield f"{key!r} needs the driver {driver}; install requirements-databases.txt"
    names = settings.columns.all
    if len(set(names)) < len(names):
        yield "'client_column', 'feature_columns' and 'target_column' name a column twice"
    if len(names) > MOST_COLUMNS:
        yield (
            f"'feature_columns' names {len(settings.feature_columns)} columns, "
            f"but a table has at most {MOST_COLUMNS}, the client's and the outcome's among them"
        )
    if settings.dataset_in_database:
        yield from _names_that_databases_refuse(names)
    yield from _folders_in_conflict(settings)


def _names_that_databases_refuse(names: tuple[str, ...]) -> Iterator[str]:
    """Databases want column names that are short, and differ in more than capitals."""
    if any(len(name.encode()) > LONGEST_IN_SQL for name in names):
        yield f"'dataset_in_database' needs column names of at most {LONGEST_IN_SQL} bytes"
    if len({name.casefold() for name in names}) < len(names):
        yield "'dataset_in_database' needs column names that differ in more than capitals"


def _folders_in_conflict(settings: Settings) -> Iterator[str]:
    """Nothing is written where data is read, and only deployments into their folder."""
    real = {key: Path(os.path.realpath(getattr(settings, key))) for key in FOLDERS}
    for key in ("output_folder_path", "output_model_path", "prod_deployment_path"):
        for source in ("input_folder_path", "test_data_path"):
            if real[key].is_relative_to(real[source]):
                yield f"{key!r} lies inside {source!r}, so the results would be read as new data"
    for key in ("output_model_path", "output_folder_path"):
        if real[key] == real["prod_deployment_path"]:
            yield (
                f"{key!r} and 'prod_deployment_path' are the same folder, "
                "but only deployment.py may write there"
            )
