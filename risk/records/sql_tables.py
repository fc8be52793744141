"""The tables of the records, and how they are made and filled."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from risk.errors import ArtefactRefused
from risk.judging.cell_rules import LONGEST_CLIENT, LONGEST_LEVEL
from risk.records.pending import Row
from risk.rows.statistics import STATISTICS

VERSION = 1
ROWS_AT_ONCE = 10_000
CLIENT, LEVEL = sa.String(LONGEST_CLIENT), sa.String(LONGEST_LEVEL)
SCORES = ("deployed_score", "new_score", "arrived_score", "trained_score")

schema = sa.MetaData()


def _table(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(name, schema, *columns, mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin")


def _columns(kind: Any, *names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=nullable) for name in names]


def _of_a_run() -> sa.Column[str]:
    return sa.Column("run", sa.String(64), sa.ForeignKey("runs.id"), nullable=False, index=True)


version = _table("records_version", sa.Column("version", sa.Integer, primary_key=True))
runs = _table(
    "runs",
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("started_at", sa.String(20), nullable=False),
    sa.Column("finished_at", sa.String(20)),
    sa.Column("outcome", sa.String(20), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("release", sa.String(64)),
    *_columns(sa.Double, *SCORES, nullable=True),
)
ingested_files = _table(
    "ingested_files",
    _of_a_run(),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    *_columns(sa.Integer, "rows", "accepted", "rejected", "duplicates"),
)
scores = _table(
    "scores",
    _of_a_run(),
    sa.Column("release", sa.String(64)),
    sa.Column("dataset", sa.String(20), nullable=False),
    sa.Column("metric", sa.String(40), nullable=False),
    sa.Column("value", sa.Double, nullable=False),
    *_columns(sa.Integer, "rows", "leavers"),
)
column_stats = _table(
    "column_stats",
    _of_a_run(),
    sa.Column("column", sa.String(255), nullable=False),
    *_columns(sa.Double, *STATISTICS, nullable=True),
    sa.Column("missing_percent", sa.Double, nullable=False),
)
category_stats = _table(
    "category_stats",
    _of_a_run(),
    sa.Column("column", sa.String(255), nullable=False),
    sa.Column("level", LEVEL, nullable=False),
    sa.Column("share", sa.Double, nullable=False),
)
timings = _table(
    "timings",
    _of_a_run(),
    sa.Column("step", sa.String(40), nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
)
verdicts = _table(
    "verdicts",
    _of_a_run(),
    sa.Column("policy", sa.String(20), nullable=False),
    sa.Column("verdict", sa.String(20), nullable=False),
    *_columns(sa.Double, "p", "effect", nullable=True),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("sentence", sa.Text, nullable=False),
    *_columns(sa.Integer, "found", "called"),
)
calibration = _table(
    "calibration",
    _of_a_run(),
    sa.Column("release", sa.String(64), nullable=False),
    *_columns(sa.Integer, "rows", "leavers"),
    *_columns(sa.Double, "expected", "expected_low", "expected_high"),
    *_columns(sa.Double, "error", "error_low", "error_high", "by_chance"),
)
reliability = _table(
    "reliability",
    _of_a_run(),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    *_columns(sa.Double, "risk", "left", "left_low", "left_high"),
)
shifts = _table(
    "shifts",
    _of_a_run(),
    sa.Column("column", sa.String(255), nullable=False),
    *_columns(sa.Double, "psi", "psi_bound", "ks", "ks_bound", nullable=True),
    sa.Column("sentence", sa.Text, nullable=False),
)
deployments = _table(
    "deployments",
    sa.Column("release", sa.String(64), primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("deployed_at", sa.String(20), nullable=False),
    sa.Column("score", sa.Double, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
)
dataset_tables = _table("dataset_tables", sa.Column("name", sa.String(64), primary_key=True))
risks = _table(
    "risks",
    _of_a_run(),
    sa.Column("release", sa.String(64), nullable=False),
    sa.Column("corporation", CLIENT, nullable=False, index=True),
    sa.Column("risk", sa.Double, nullable=False),
    sa.Column("rank", sa.Integer, nullable=False),
)
contacts = _table(
    "contacts",
    sa.Column("form", sa.String(36), primary_key=True),
    sa.Column("corporation", CLIENT, nullable=False, index=True),
    sa.Column("contacted_at", sa.String(20), nullable=False, index=True),
    sa.Column("by", sa.String(80), nullable=False),
    sa.Column("outcome", sa.String(40), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)


def is_there(connection: sa.Connection, column: sa.Column[str], value: str) -> bool:
    """Whether a row has this value in this column."""
    return connection.execute(sa.select(column).where(column == value)).first() is not None


def make_all(connection: sa.Connection) -> None:
    """Make the tables that are missing; refuse those of a newer program."""
    schema.create_all(connection)
    written = connection.execute(sa.select(version.c.version)).scalar()
    if written is None:
        connection.execute(version.insert().values(version=VERSION))
    elif written > VERSION:
        raise ArtefactRefused(
            f"the records are of version {written}, this program knows {VERSION}; use a newer one"
        )


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Insert rows; a column that a row does not name is null."""
    names = table.columns.keys()
    for begin in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[begin : begin + ROWS_AT_ONCE]
        connection.execute(
            table.insert(), [{name: row.get(name) for name in names} for row in part]
        )


def insert_table(
    connection: sa.Connection, table: sa.Table, rows: pd.DataFrame, **same: str
) -> None:
    """Insert rows that have a cell for each column, `same` being those that all have in common.

    There may be millions, so they go as columns, without a look at every one of them.
    """
    for begin in range(0, len(rows), ROWS_AT_ONCE):
        part = rows.iloc[begin : begin + ROWS_AT_ONCE]
        common = {name: [value] * len(part) for name, value in same.items()}
        names = table.columns.keys()
        _insert_columns(
            connection, table, [common.get(name) or _cells(part[name]) for name in names]
        )


def _cells(column: "pd.Series[Any]") -> list[Any]:
    """A column as Python has it, None where a cell is missing."""
    is_there = column.notna()
    cells = column if is_there.all() else column.astype(object).where(is_there, None)
    return list(cells.tolist())


def _insert_columns(connection: sa.Connection, table: sa.Table, cells: list[list[Any]]) -> None:
    dialect, quoted = connection.dialect, connection.dialect.identifier_preparer
    names = ", ".join(map(quoted.format_column, table.columns))
    insertion = f"INSERT INTO {quoted.format_table(table)} ({names})"
    if dialect.name == "postgresql":
        # as fast as COPY, and a statement like all others to what watches over them
        lists = ", ".join(f"%b::{_kind(column).compile(dialect)}[]" for column in table.columns)
        insertion += f" SELECT * FROM unnest({lists})"  # noqa: S608 - of types alone
        connection.exec_driver_sql(insertion, tuple(cells))
        return
    places = ", ".join("?" if dialect.name == "sqlite" else "%s" for _ in cells)
    connection.exec_driver_sql(f"{insertion} VALUES ({places})", list(zip(*cells, strict=True)))


def _kind(column: sa.Column[Any]) -> sa.types.TypeEngine[Any]:
    """The type of a cell, of text without a length: a cast to one cuts off what is too long."""
    return sa.Text() if isinstance(column.type, sa.String) else column.type
