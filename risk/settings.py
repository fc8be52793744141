"""config.json as one frozen value, checked once."""

import importlib.util
import json
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from risk.columns import KINDS, Columns, Pair
from risk.errors import ConfigWrong

BESIDE_THE_SCRIPTS = Path(__file__).parent.parent / "config.json"


class Limits(NamedTuple):
    """What a data file has to keep to, or it is refused whole."""

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
        _check_together(settings, config)
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
        """The two keys that data files have to keep to as one."""
        return Limits(self.refused_share, self.largest_file_mb)

    @property
    def input_folder(self) -> str:
        """The input folder as records name it: relative to the workspace."""
        return self.input_folder_path.relative_to(self.workspace).as_posix()


SHIPPED_PAIRS: tuple[Pair, ...] = (("lastmonth_activity", "lastyear_activity", 12),)
UNFIT = re.compile("[\\0\ud800-\udfff]")
DATABASES = {  # with the driver that a connection needs
    "sqlite": "sqlite3",
    "postgresql": "psycopg",
    "mysql": "pymysql",
    "mariadb": "pymysql",
}
A_DATABASE_URL = (
    f"a URL that begins with {', '.join(list(DATABASES)[:-1])} or {list(DATABASES)[-1]} "
    "and names a file, or a host and a database"
)
DATABASE_URL = re.compile(
    r"[a-z]+(\+[a-z0-9]+)?://([^/?]*@|[^@]*@)?(\[[0-9A-Fa-f:.]+\]|[^/:?@\[\]]*)"
    r"(:(?P<port>[0-9]{1,5}))?/(?P<database>[^?]+)(\?.*)?"
)
LONGEST_COLUMN = 255  # which the records have room for
MOST_COLUMNS = 1000  # of one table, the client's and the outcome's among them
MOST_ROWS, LARGEST_DATASET = 1_000_000, 128 * 1024 * 1024  # of what is scored or asked about
LONGEST_IN_SQL = 63
A_COLUMN = f"the name of a column, at most {LONGEST_COLUMN} characters"
LARGEST_NUMBER = 1_000_000_000
A_COUNT = f"a whole number from 1 to {LARGEST_NUMBER:,}"
LONGEST_WORD = 200
LISTS = (
    *("feature_columns", "allowed_hosts", "column_kinds"),
    *("outcome_words", "missing_words", "ratio_pairs"),
)
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)
FOLDERS = (
    "input_folder_path",
    "output_folder_path",
    "test_data_path",
    "output_model_path",
    "prod_deployment_path",
)


def _is_text(value: object) -> bool:
    """Whether it names something; what no disk can hold, such as a NUL, names nothing."""
    return isinstance(value, str) and value.strip() != "" and not UNFIT.search(value)


def _is_database_url(value: object) -> bool:
    if not _is_text(value) or _family(str(value)) not in DATABASES:
        return False
    parts = DATABASE_URL.fullmatch(str(value))
    return parts is not None and int(parts["port"] or 0) < 2**16


def _family(url: str) -> str:
    """The kind of database that a URL names."""
    return url.partition(":")[0].partition("+")[0]


def _is_column(value: object) -> bool:
    return _is_text(value) and len(str(value)) <= LONGEST_COLUMN


def _is_column_list(value: object) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(map(_is_column, value))


def _are_kinds(value: object) -> bool:
    return isinstance(value, dict) and all(
        _is_column(name) and kind in KINDS for name, kind in value.items()
    )


def _are_words(value: object) -> bool:
    return isinstance(value, list) and all(
        _is_text(word) and word == word.strip() and len(word) <= LONGEST_WORD for word in value
    )


def _are_outcome_words(value: object) -> bool:
    return _are_words(value) and len({str(word).casefold() for word in value}) == len(value) == 2  # type: ignore[attr-defined,arg-type]


def _are_pairs(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list)
        and len(pair) == 3
        and _is_column(pair[0])
        and _is_column(pair[1])
        and type(pair[2]) in (int, float)
        and 0 < pair[2] <= LARGEST_NUMBER
        for pair in value
    )


def _one_of(*words: str) -> tuple[Callable[[object], bool], str]:
    """The rule that a value is one of these words."""
    *others, last = map(json.dumps, words)
    return (lambda value: value in words), f"{', '.join(others)} or {last}"


def _is_share(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1  # type: ignore[operator]


def _is_count(value: object) -> bool:
    return type(value) is int and 0 < value <= LARGEST_NUMBER


def _is_api_url(value: object) -> bool:
    if not _is_text(value) or not str(value).isprintable():
        return False
    try:
        parts = urlsplit(str(value))
        _ = parts.port  # a port that is no number raises ValueError
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query


def _is_host_list(value: object) -> bool:
    if not isinstance(value, list):
        return False
    return all(isinstance(host, str) and HOST.fullmatch(host) for host in value)


RULES: dict[str, tuple[Callable[[object], bool], str]] = {
    **dict.fromkeys(FOLDERS, (_is_text, "the name of a folder")),
    "client_column": (_is_column, A_COLUMN),
    "feature_columns": (_is_column_list, f"a list, {A_COLUMN} each"),
    "target_column": (_is_column, A_COLUMN),
    "column_kinds": (_are_kinds, f"an object: a column, and one of {', '.join(KINDS)}"),
    "period_column": (_is_column, A_COLUMN),
    "value_column": (_is_column, A_COLUMN),
    "outcome_words": (_are_outcome_words, "two words: of a client that left, of one that stayed"),
    "missing_words": (_are_words, f"a list of words, at most {LONGEST_WORD} characters each"),
    "ratio_pairs": (_are_pairs, "a list; each has two names of columns and a number above 0"),
    "features": _one_of("raw", "log", "scaled"),
    "model": _one_of("logistic", "boosted", "auto"),
    "order": _one_of("risk", "value"),
    "capacity": (_is_count, A_COUNT),
    "refused_share": (_is_share, "a number from 0 to 1"),
    "largest_file_mb": (_is_count, A_COUNT),
    "database_url": (_is_database_url, A_DATABASE_URL),
    "dataset_in_database": (lambda value: isinstance(value, bool), "true or false"),
    "input_database_url": (_is_database_url, A_DATABASE_URL),
    "input_table": (_is_text, "the name of a table"),
    "input_key": (_is_text, "the name of a column"),
    "api_url": (_is_api_url, "a URL that begins with http:// or https://"),
    "allowed_hosts": (_is_host_list, "a list of host names, without ports"),
    "promotion_gate": _one_of("off", "test_score"),
}


def _parsed(place: Path, config: Path) -> dict[str, Any]:
    """The file's keys and values, doubled keys refused."""
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
        if (isinstance(value, (list, dict)) and key not in LISTS) or not is_right(value):
            shown = "what stands there" if key.endswith("_url") else json.dumps(value)
            raise ConfigWrong(f"{config}: {key!r} must be {expected}, not {shown}")
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
    """Where a folder lies; a leading slash means the workspace unless the path already names it."""
    place = Path(os.path.normpath(str(value)))
    if place.is_absolute() and not place.is_relative_to(workspace):
        if place.exists():
            raise ConfigWrong(f"{config}: {key!r} is {value!r}, which lies outside its folder")
        place = Path(str(value).lstrip("/"))
    place = Path(os.path.normpath(workspace / place))
    if not place.is_relative_to(workspace):
        raise ConfigWrong(f"{config}: {key!r} is {value!r}, which leads out of its folder")
    return place


def _check_together(settings: Settings, config: Path) -> None:
    """Values that are right one by one but not beside each other."""
    if (settings.input_database_url is None) != (settings.input_table is None):
        raise ConfigWrong(f"{config}: 'input_database_url' and 'input_table' need each other")
    for key in ("database_url", "input_database_url"):
        url: str | None = getattr(settings, key)
        if url and not importlib.util.find_spec(driver := DATABASES[_family(url)]):
            raise ConfigWrong(
                f"{config}: {key!r} needs the driver {driver}; install requirements-databases.txt"
            )
    if len(set(settings.columns.all)) < len(settings.columns.all):
        raise ConfigWrong(
            f"{config}: 'client_column', 'feature_columns' and 'target_column' name a column twice"
        )
    if len(settings.columns.all) > MOST_COLUMNS:
        raise ConfigWrong(
            f"{config}: 'feature_columns' names {len(settings.feature_columns)} columns, "
            f"but a table has at most {MOST_COLUMNS}, the client's and the outcome's among them"
        )
    if settings.dataset_in_database:
        _check_column_names(settings, config)
    _check_folders(settings, config)


def _check_column_names(settings: Settings, config: Path) -> None:
    """Column names that every database takes: short, and different in more than capitals."""
    names = settings.columns.all
    if any(len(name.encode()) > LONGEST_IN_SQL for name in names):
        raise ConfigWrong(
            f"{config}: 'dataset_in_database' needs column names of at most {LONGEST_IN_SQL} bytes"
        )
    if len({name.casefold() for name in names}) < len(names):
        raise ConfigWrong(
            f"{config}: 'dataset_in_database' needs column names that differ in more than capitals"
        )


def _check_folders(settings: Settings, config: Path) -> None:
    """Nothing is written where data is read, and only deployments into their folder."""
    real = {key: Path(os.path.realpath(getattr(settings, key))) for key in FOLDERS}
    for key in ("output_folder_path", "output_model_path", "prod_deployment_path"):
        for source in ("input_folder_path", "test_data_path"):
            if real[key].is_relative_to(real[source]):
                raise ConfigWrong(
                    f"{config}: {key!r} lies inside {source!r}, "
                    "so the results would be read as new data"
                )
    for key in ("output_model_path", "output_folder_path"):
        if real[key] == real["prod_deployment_path"]:
            raise ConfigWrong(
                f"{config}: {key!r} and 'prod_deployment_path' are the same folder, "
                "but only deployment.py may write there"
            )
