"""What the value of each key of config.json must be, and how that is said."""

import json
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from risk import shapes
from risk.columns import KINDS

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
DATABASE_URL = (  # a pattern, compiled on first use; most projects have no such key
    r"[a-z]+(\+[a-z0-9]+)?://([^/?]*@|[^@]*@)?(\[[0-9A-Fa-f:.]+\]|[^/:?@\[\]]*)"
    r"(:(?P<port>[0-9]{1,5}))?/(?P<database>[^?]+)(\?.*)?"
)
LONGEST_COLUMN = 255  # which the records have room for
A_COLUMN = f"the name of a column, at most {LONGEST_COLUMN} characters"
LARGEST_NUMBER = 1_000_000_000
A_COUNT = f"a whole number from 1 to {LARGEST_NUMBER:,}"
LONGEST_WORD = 200
HOST = "[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?"
FOLDERS = (
    "input_folder_path",
    "output_folder_path",
    "test_data_path",
    "output_model_path",
    "prod_deployment_path",
)

SPECIFIED, TRUSTED = "specified", "trusted"
POLICIES = {  # what each sets, unless the key stands in config.json too
    SPECIFIED: {"drift_test": "raw", "training_window": "all", "promotion_gate": "off"},
    TRUSTED: {
        "drift_test": "evidence",
        "training_window": "auto",
        "promotion_gate": "challenger",
    },
}


def _is_text(value: object) -> bool:
    """Whether it is a name: not blank, and without NUL and others that no disk can hold."""
    return shapes.text(value) and str(value).strip() != ""


def _is_database_url(value: object) -> bool:
    if not _is_text(value) or family(str(value)) not in DATABASES:
        return False
    parts = re.fullmatch(DATABASE_URL, str(value))
    return parts is not None and int(parts["port"] or 0) < 2**16


def family(url: str) -> str:
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
    if not isinstance(value, list) or not _are_words(value):
        return False
    return len({word.casefold() for word in value}) == len(value) == 2


def _are_pairs(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list) and _is_pair(*pair) for pair in value
    )


def _is_pair(*parts: object) -> bool:
    if len(parts) != 3 or not all(map(_is_column, parts[:2])):
        return False
    return type(parts[2]) in (int, float) and 0 < float(str(parts[2])) <= LARGEST_NUMBER


def _one_of(*words: str) -> tuple[Callable[[object], bool], str]:
    """The rule that a value is one of these words."""
    *others, last = map(json.dumps, words)
    return (lambda value: value in words), f"{', '.join(others)} or {last}"


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
    return all(isinstance(host, str) and re.fullmatch(HOST, host) for host in value)


RULES: dict[str, tuple[Callable[[object], bool], str]] = {
    **dict.fromkeys(FOLDERS, (_is_text, "the name of a folder")),
    "client_column": (_is_column, A_COLUMN),
    "feature_columns": (_is_column_list, f"a list, {A_COLUMN} each"),
    "target_column": (_is_column, A_COLUMN),
    "column_kinds": (_are_kinds, f"an object of columns, each with one of {', '.join(KINDS)}"),
    "period_column": (_is_column, A_COLUMN),
    "value_column": (_is_column, A_COLUMN),
    "outcome_words": (_are_outcome_words, "two words: of a client that left, of one that stayed"),
    "missing_words": (_are_words, f"a list of words, at most {LONGEST_WORD} characters each"),
    "ratio_pairs": (_are_pairs, "a list of lists: two columns, and a number above 0"),
    "features": _one_of("raw", "log", "scaled"),
    "model": _one_of("logistic", "boosted", "auto"),
    "order": _one_of("risk", "value"),
    "capacity": (_is_count, A_COUNT),
    "refused_share": (shapes.share, "a number from 0 to 1"),
    "largest_file_mb": (_is_count, A_COUNT),
    "database_url": (_is_database_url, A_DATABASE_URL),
    "dataset_in_database": (shapes.flag, "true or false"),
    "input_database_url": (_is_database_url, A_DATABASE_URL),
    "input_table": (_is_text, "the name of a table"),
    "input_key": (_is_text, "the name of a column"),
    "api_url": (_is_api_url, "a URL that begins with http:// or https://"),
    "allowed_hosts": (_is_host_list, "a list of host names, without ports"),
    "policy": _one_of(*POLICIES),
    "drift_test": _one_of("raw", "evidence"),
    "training_window": _one_of("all", "auto"),
    "promotion_gate": _one_of("off", "test_score", "challenger"),
}
