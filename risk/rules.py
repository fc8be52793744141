"""What the value of each key of config.json must be, and how that is said."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from risk import shapes

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
A_COLUMN = f"the name of a column, at most {LONGEST_COLUMN} characters"
LARGEST_NUMBER = 1_000_000_000
A_COUNT = f"a whole number from 1 to {LARGEST_NUMBER:,}"
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)
FOLDERS = (
    "input_folder_path",
    "output_folder_path",
    "test_data_path",
    "output_model_path",
    "prod_deployment_path",
)


def _is_text(value: object) -> bool:
    """Whether it is a name: not blank, and without NUL and others that no disk can hold."""
    return shapes.text(value) and str(value).strip() != ""


def _is_database_url(value: object) -> bool:
    if not _is_text(value) or family(str(value)) not in DATABASES:
        return False
    parts = DATABASE_URL.fullmatch(str(value))
    return parts is not None and int(parts["port"] or 0) < 2**16


def family(url: str) -> str:
    """The kind of database that a URL names."""
    return url.partition(":")[0].partition("+")[0]


def _is_column(value: object) -> bool:
    return _is_text(value) and len(str(value)) <= LONGEST_COLUMN


def _is_column_list(value: object) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(map(_is_column, value))


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
    "features": (lambda value: value in ("raw", "log"), '"raw" or "log"'),
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
    "promotion_gate": (lambda value: value in ("off", "test_score"), '"off" or "test_score"'),
}
