"""config.json as one frozen value, checked once."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from risk.columns import CATEGORY, DATE, Columns, Pair
from risk.errors import ConfigWrong
from risk.rules import DATABASES, FOLDERS, POLICIES, RULES, SPECIFIED, family

BESIDE_THE_SCRIPTS = Path(__file__).parent.parent / "config.json"
MOST_COLUMNS = 1000  # of one table, the client's and the outcome's among them
MOST_ROWS, LARGEST_DATASET = 1_000_000, 128 * 1024 * 1024  # of what is scored or asked about
LONGEST_IN_SQL = 63
SHIPPED_PAIRS: tuple[Pair, ...] = (("lastmonth_activity", "lastyear_activity", 12),)


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
    column_kinds: tuple[tuple[str, str], ...] = ()
    period_column: str | None = None
    value_column: str | None = None
    outcome_words: tuple[str, ...] = ()
    missing_words: tuple[str, ...] = ()
    ratio_pairs: tuple[Pair, ...] | None = None
    features: str = "log"
    model: str = "logistic"
    order: str = "risk"
    capacity: int = 500
    policy: str = SPECIFIED
    drift_test: str = "raw"
    training_window: str = "all"
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
        values = POLICIES[values.setdefault("policy", SPECIFIED)] | values
        folders = {key: _inside(place.parent, config, key, values[key]) for key in FOLDERS}
        settings = cls(**values | folders | {"workspace": place.parent})
        for problem in _contradictions(settings):
            raise ConfigWrong(f"{config}: {problem}")
        return settings

    @property
    def columns(self) -> Columns:
        """The keys about columns as one."""
        return Columns(
            *(self.client_column, self.feature_columns, self.target_column, self.column_kinds),
            *(self.period_column, self.value_column, self.outcome_words, self.missing_words),
            self.pairs,
        )

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs of columns that tell a change; by default those of the shipped columns."""
        if self.ratio_pairs is not None:
            return self.ratio_pairs
        return tuple(pair for pair in SHIPPED_PAIRS if {*pair[:2]} <= {*self.feature_columns})

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
        values = json.loads(_text(place.read_bytes()), object_pairs_hook=_each_once)
    except OSError as error:
        raise ConfigWrong(f"{config} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigWrong(f"{config} is not a JSON file: {error}") from error
    if not isinstance(values, dict):
        raise ConfigWrong(f"{config} must hold one JSON object, with the keys {', '.join(FOLDERS)}")
    return values


def _text(content: bytes) -> str:
    """UTF-8, without the mark that some editors put before it."""
    return content.decode().removeprefix("\ufeff")


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
    return {key: _frozen(value) for key, value in values.items()}


def _frozen(value: object) -> object:
    """Lists and objects as tuples."""
    if isinstance(value, dict):
        return tuple(value.items())
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


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
        if url and not _is_installed(driver := DATABASES[family(url)]):
            yield f"{key!r} needs the driver {driver}; install requirements-databases.txt"
    yield from _columns_in_conflict(settings)
    names = settings.columns.all
    if len(names) > MOST_COLUMNS:
        yield (
            f"'feature_columns' names {len(settings.feature_columns)} columns, "
            f"but a table has at most {MOST_COLUMNS}, the client's and the outcome's among them"
        )
    if settings.dataset_in_database:
        yield from _names_that_databases_refuse(names)
    yield from _folders_in_conflict(settings)


def _is_installed(driver: str) -> bool:
    import importlib.util  # only a database's URL pays for this

    return importlib.util.find_spec(driver) is not None


def _columns_in_conflict(settings: Settings) -> Iterator[str]:
    """A column has one part to play, but what a client is worth may be a feature too."""
    names = [settings.client_column, *settings.feature_columns, settings.target_column]
    if len(set(names)) < len(names):
        yield "'client_column', 'feature_columns' and 'target_column' name a column twice"
    features, value = settings.feature_columns, settings.value_column
    if settings.period_column in (*names, value or ""):
        yield f"'period_column' is {settings.period_column!r}, which another key names too"
    if value in (settings.client_column, settings.target_column):
        yield f"'value_column' is {value!r}, which another key names too"
    for name, kind in settings.column_kinds:
        if name not in (*features, value):
            yield f"'column_kinds' names {name!r}, which is neither a feature nor 'value_column'"
        elif name == value and kind in (CATEGORY, DATE):
            yield f"'value_column' is {value!r}, which 'column_kinds' says is a {kind}"
    if settings.order == "value" and not value:
        yield "'order' is \"value\", which needs 'value_column'"
    numeric = settings.columns.numeric
    for pair in settings.ratio_pairs or ():
        if pair[0] == pair[1] or not {*pair[:2]} <= {*numeric}:
            yield f"'ratio_pairs' has {pair[0]!r} and {pair[1]!r}, not two features with numbers"


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
