"""The new rows of a database as one more CSV file in the input folder, each row exactly once."""

import csv
import io
import itertools
import logging
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from risk import database, files
from risk.errors import ArtefactRefused, ConfigWrong
from risk.settings import Settings

PASSWORD_VARIABLE = "RISK_INPUT_DATABASE_PASSWORD"
MOST_GAPS = 1000
GAP_PATIENCE_SECONDS = 24 * 3600

log = logging.getLogger("risk.source")

State = dict[str, Any]


def fetch(settings: Settings) -> str | None:
    """Write the rows that were not read before into a file, and return its name.

    What will have been read is noted first and holds once the file is there, so that a run that
    dies in between neither loses a row nor reads it twice.
    """
    before = _state(settings)
    rows = new_rows(settings, before)
    if not rows:
        return None
    keys = [_whole(row[0], settings) for row in rows]
    name = _free_name(f"{_stem(settings)}-{min(keys)}-{max(keys)}", settings.input_folder_path)
    after = _after(before, keys)
    _keep(settings, before | {"next": after | {"file": name}})
    files.write_bytes(settings.input_folder_path / name, _as_csv(rows, settings))
    _keep(settings, after)
    log.info("%d new rows of the table %s are in %s", len(rows), settings.input_table, name)
    return name


def _free_name(stem: str, folder: Path) -> str:
    """A file's name that no file of the folder has."""
    numbered = (f"{stem}_{number}.csv" for number in itertools.count(2))
    names = itertools.chain([f"{stem}.csv"], numbered)
    return next(name for name in names if not (folder / name).exists())


def waiting(settings: Settings) -> int:
    """How many rows the next run would fetch."""
    return len(new_rows(settings, _state(settings))) if settings.input_database_url else 0


def new_rows(settings: Settings, state: State) -> Sequence[sa.Row[Any]]:
    """The rows beyond the last key, and those that were missing below it and have come since."""
    table = _table(settings)
    key: sa.ColumnClause[int] = sa.column(settings.input_key)
    columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in settings.columns.all]
    wanted = sa.select(key, *columns).select_from(table).order_by(key)
    if state["last"] is not None:
        gaps = [int(gap) for gap in state["gaps"]]
        wanted = wanted.where(sa.or_(key > state["last"], key.in_(gaps)))
    with database.transaction(_engine(settings)) as connection:
        return connection.execute(wanted).all()


def _engine(settings: Settings) -> sa.Engine:
    url = settings.input_database_url or ""
    return database.engine(url, settings.workspace, "input_database_url", PASSWORD_VARIABLE)


def _table(settings: Settings) -> sa.TableClause:
    schema, _, name = (settings.input_table or "").rpartition(".")
    return sa.table(name, schema=schema or None)


def _stem(settings: Settings) -> str:
    return re.sub(r"[^A-Za-z0-9_.]", "_", settings.input_table or "")


def _identity(settings: Settings) -> str:
    """What tells one source from another: the database, the table, the key, where rows go."""
    made = _engine(settings)
    place = made.url.render_as_string(hide_password=True)
    return f"{place} {settings.input_table} {settings.input_key} {settings.input_folder}"


def _states(settings: Settings) -> dict[str, State] | None:
    """How far each source was read; none when that was never noted, or is lost."""
    return files.read_json(settings.output_folder_path / files.SOURCE)


def _state(settings: Settings) -> State:
    """How far the table was read; when that is lost, as far as the names of the files say."""
    states = _states(settings)
    if states is None:
        return {"last": _last_in_names(settings), "gaps": {}}
    state = states.get(_identity(settings), {"last": None, "gaps": {}})
    if not isinstance(state, dict) or not state.keys() >= {"last", "gaps"}:
        raise ArtefactRefused(
            f"{files.SOURCE} is damaged; remove it, and the files' names say how far it was"
        )
    intended = state.pop("next", None)
    if intended and (settings.input_folder_path / intended.pop("file")).exists():
        return dict(intended)
    return state


def _last_in_names(settings: Settings) -> int | None:
    pattern = re.compile(re.escape(_stem(settings)) + r"-[0-9]+-([0-9]+)(_[0-9]+)?\.csv")
    folder = settings.input_folder_path
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    found = [int(match[1]) for match in map(pattern.fullmatch, names) if match]
    return max(found, default=None)


def _keep(settings: Settings, state: State) -> None:
    states = (_states(settings) or {}) | {_identity(settings): state}
    files.write_json(settings.output_folder_path / files.SOURCE, states)


def _after(before: State, keys: list[int]) -> State:
    """The state once these keys are read.

    A transaction that began early and ends late brings keys below the last one; so keys that were
    left out are asked for again, for a day.
    """
    now = time.time()
    last = max(keys) if before["last"] is None else max(before["last"], *keys)
    begin = min(keys) if before["last"] is None else before["last"] + 1
    read = set(keys)
    skipped = [key for key in range(max(begin, last - MOST_GAPS), last) if key not in read]
    gaps = {
        gap: since
        for gap, since in before["gaps"].items()
        if int(gap) not in read and now - since < GAP_PATIENCE_SECONDS
    }
    gaps |= {str(key): now for key in skipped}
    return {"last": last, "gaps": gaps}


def _whole(key: object, settings: Settings) -> int:
    if isinstance(key, int):
        return key
    raise ConfigWrong(f"'input_key' {settings.input_key!r} must be a column of whole numbers")


def _as_csv(rows: Sequence[sa.Row[Any]], settings: Settings) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(settings.columns.all)
    writer.writerows(map(_cell, row[1:]) for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    """A value as a CSV has it; a NUL would refuse the whole file, a line break only its line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    return str(value).replace("\0", "\n")
