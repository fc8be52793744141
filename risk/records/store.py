"""The history in SQL: writing a run once, and reading at one moment."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import sqlalchemy as sa

from risk import database, files
from risk.errors import ConfigWrong, ServiceDown
from risk.records import history_file, sql_tables
from risk.records.pending import Row
from risk.records.salvage import SetAside
from risk.records.sql_tables import deployments, insert, insert_table, is_there, risks, runs
from risk.rows import tables
from risk.settings import Settings

PASSWORD_VARIABLE = "RISK_DATABASE_PASSWORD"
DATA = "column_stats"  # rows of this table come from runs that ingested, and from no others


def engine(settings: Settings) -> sa.Engine:
    """The configured database, a SQLite file among the outputs unless another one is named."""
    if settings.database_url is None:
        return database.engine_of_file(settings.output_folder_path / files.RECORDS)
    url, workspace = settings.database_url, settings.workspace
    return database.engine(url, workspace, "database_url", PASSWORD_VARIABLE)


class Entry(NamedTuple):
    """What is written of a run: its facts, its rows by table, its list, all known releases."""

    run: Row
    rows: Mapping[str, Sequence[Row]] = {}
    ranked: pd.DataFrame | None = None
    published: Sequence[Row] = ()


def write(settings: Settings, entry: Entry) -> None:
    """Write all of an entry or nothing; rows that are there already stay as they are."""
    records = engine(settings)
    file = database.file_of(records)
    if file:
        history_file.make_whole(file)
        history_file.begin(file, is_expected=all(row["number"] <= 1 for row in entry.published))
    try:
        with database.transaction(records, writes=True) as connection:
            _write(connection, settings, entry)
    except database.FileDamaged as damage:
        if not file:
            raise
        raise database.FileDamaged(f"{damage}; {history_file.replace(file)}") from damage


def _write(connection: sa.Connection, settings: Settings, entry: Entry) -> None:
    """Make all tables, then write all rows: making a table ends a transaction of MariaDB."""
    sql_tables.make_all(connection)
    dataset = list(_dataset(settings)) if DATA in entry.rows else []
    for table, _ in dataset:
        _make_fit(connection, table)
    run = entry.run["id"]
    if not is_there(connection, runs.c.id, run):
        insert(connection, runs, [entry.run])
        for name, rows in entry.rows.items():
            table = sql_tables.schema.tables[name]
            insert(connection, table, [{"run": run, **row} for row in rows])
        if entry.ranked is not None:
            insert_table(connection, risks, entry.ranked, run=run)
    for release in entry.published:
        if not is_there(connection, deployments.c.release, release["release"]):
            insert(connection, deployments, [release])
    for table, cells in dataset:
        connection.execute(table.delete())
        insert_table(connection, table, cells)


def _dataset(settings: Settings) -> Iterator[tuple[sa.Table, pd.DataFrame]]:
    """The dataset and the book as they are now, if config.json wants them in the database."""
    for name in (files.FINAL_DATA, files.CLIENTS) if settings.dataset_in_database else ():
        path = settings.output_folder_path / name
        if path.exists():
            yield _dataset_table(path.stem, settings), tables.read(path, settings.columns)


def _dataset_table(name: str, settings: Settings) -> sa.Table:
    columns = settings.columns
    types: dict[str | None, sa.types.TypeEngine[Any]] = {
        **dict.fromkeys(columns.categories, sql_tables.LEVEL),
        columns.period: sa.Text(),
    }
    _, *others = columns.all
    return sa.Table(
        name,
        sa.MetaData(),
        sa.Column(columns.client, sql_tables.CLIENT, nullable=False, index=True),
        *(sa.Column(other, types.get(other, sa.Double())) for other in others),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


def _make_fit(connection: sa.Connection, table: sa.Table) -> None:
    """Make a table of the dataset, replacing one of ours with other columns, and none of others.

    That it is ours is noted first, because making a table ends a transaction of MariaDB.
    """
    look = sa.inspect(connection)
    there = look.get_columns(table.name) if look.has_table(table.name) else []
    if not is_there(connection, sql_tables.dataset_tables.c.name, table.name):
        if there:
            raise ServiceDown(
                f"the database has a table {table.name} of somebody else; rename that one, "
                "or set 'dataset_in_database' to false"
            )
        insert(connection, sql_tables.dataset_tables, [{"name": table.name}])
    held = [(column["name"], isinstance(column["type"], sa.String)) for column in there]
    if there and held != [(each.name, isinstance(each.type, sa.String)) for each in table.columns]:
        table.drop(connection)
    table.create(connection, checkfirst=True)


def add_once(settings: Settings, table: sa.Table, row: Row) -> None:
    """Write one row that belongs to no run, unless its primary key is there."""
    records = engine(settings)
    if file := database.file_of(records):
        file.parent.mkdir(parents=True, exist_ok=True)
    for step in (partial(_make_for, records, table), partial(_insert_once, records, table, row)):
        _with_others(step)


def _with_others(step: Callable[[], None]) -> None:
    """Try once more, as others may make the same table or row at the same moment.

    They may block each other first, and then come first.
    """
    try:
        step()
    except ServiceDown:
        try:
            step()
        except database.RowsRefused:
            step()


def _make_for(records: sa.Engine, table: sa.Table) -> None:
    """Make this table if it is missing; in a file, where nobody else makes tables, make all."""
    with database.transaction(records, writes=True) as connection:
        if not database.file_of(records):
            table.create(connection, checkfirst=True)
        elif not sa.inspect(connection).has_table(table.name):
            sql_tables.make_all(connection)


def _insert_once(records: sa.Engine, table: sa.Table, row: Row) -> None:
    (key,) = table.primary_key.columns
    with database.transaction(records, writes=True) as connection:
        if not is_there(connection, key, row[key.name]):
            insert(connection, table, [row])


def set_aside(settings: Settings) -> list[SetAside]:
    """The damaged histories that still lie beside the one in use."""
    file = database.file_of(engine(settings))
    return history_file.set_aside(file) if file else []


def back_up(settings: Settings, copy: Path) -> None:
    """Copy a SQLite history while it is in use."""
    records = engine(settings)
    file = database.file_of(records)
    if not file:
        raise ConfigWrong(
            f"the records are in {records.dialect.name}, which has backups of its own"
        )
    history_file.back_up(file, copy)


def read(settings: Settings, *queries: sa.Select[Any], of: sa.Table = runs) -> list[pd.DataFrame]:
    """The answers to these queries at one moment; empty tables while nothing is recorded."""
    records = engine(settings)
    file = database.file_of(records)
    nothing = [pd.DataFrame(columns=query.selected_columns.keys()) for query in queries]
    if file and not file.exists():
        return nothing
    with database.transaction(records) as connection:
        if not sa.inspect(connection).has_table(of.name):
            return nothing
        answers = [connection.execute(query) for query in queries]
        return [pd.DataFrame(answer.all(), columns=list(answer.keys())) for answer in answers]
