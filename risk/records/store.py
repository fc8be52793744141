"""The history in SQL: its tables, writing a run once, reading what the runs decided."""

import logging
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import sqlalchemy as sa

from risk import database, files, times
from risk.data import tables
from risk.data.schema import LONGEST_CLIENT
from risk.errors import ArtefactRefused, ConfigWrong, InputMissing, ServiceDown
from risk.records import salvage
from risk.records.salvage import SetAside
from risk.settings import Settings

VERSION = 1
PASSWORD_VARIABLE = "RISK_DATABASE_PASSWORD"
ROWS_AT_ONCE = 10_000
LENGTH_OF_HEADER = 100
LATEST_FORMATS = {18: 2, 19: 2, 47: 4}  # at these places of the header; SQLite uses no later one
DATASETS = TEST, NEWEST = "test", "newest"  # on which a model is scored
DATA = "column_stats"  # what only a run that ingested has found

CLIENT = sa.String(LONGEST_CLIENT)
Row = dict[str, Any]

log = logging.getLogger("risk.store")
schema = sa.MetaData()


def _table(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(name, schema, *columns, mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin")


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
    sa.Column("deployed_score", sa.Double),
    sa.Column("new_score", sa.Double),
    sa.Column("arrived_score", sa.Double),
    sa.Column("trained_score", sa.Double),
)
ingested_files = _table(
    "ingested_files",
    _of_a_run(),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("accepted", sa.Integer, nullable=False),
    sa.Column("rejected", sa.Integer, nullable=False),
    sa.Column("duplicates", sa.Integer, nullable=False),
)
scores = _table(
    "scores",
    _of_a_run(),
    sa.Column("release", sa.String(64)),
    sa.Column("dataset", sa.String(20), nullable=False),
    sa.Column("metric", sa.String(40), nullable=False),
    sa.Column("value", sa.Double, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("leavers", sa.Integer, nullable=False),
)
column_stats = _table(
    "column_stats",
    _of_a_run(),
    sa.Column("column", sa.String(255), nullable=False),
    sa.Column("mean", sa.Double),
    sa.Column("median", sa.Double),
    sa.Column("std", sa.Double),
    sa.Column("mode", sa.Double),
    sa.Column("missing_percent", sa.Double, nullable=False),
)
timings = _table(
    "timings",
    _of_a_run(),
    sa.Column("step", sa.String(40), nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
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
_SALVAGED = "SELECT rowid, * FROM contacts NOT INDEXED WHERE rowid >= ? ORDER BY rowid"


def engine(settings: Settings) -> sa.Engine:
    """The configured database, a SQLite file among the outputs unless another one is named."""
    if settings.database_url is None:
        return database.engine_of_file(settings.output_folder_path / files.RECORDS)
    url, workspace = settings.database_url, settings.workspace
    return database.engine(url, workspace, "database_url", PASSWORD_VARIABLE)


class Entry(NamedTuple):
    """What is written of a run: its facts, what it found by table, its list, known releases."""

    run: Row
    rows: Mapping[str, Sequence[Row]] = {}
    ranked: Iterable[list[Row]] = ()
    published: Sequence[Row] = ()


def write(settings: Settings, entry: Entry) -> None:
    """Write all of an entry or nothing; what is there already stays as it is."""
    made = engine(settings)
    file = database.file_of(made)
    if file:
        _make_whole(made, file)
        _begin_history(file, is_expected=all(row["number"] <= 1 for row in entry.published))
    try:
        with database.transaction(made, writes=True) as connection:
            _write(connection, settings, entry)
    except database.FileDamaged as damage:
        if not file:
            raise
        salvage.set_aside(file)
        raise database.FileDamaged(f"{damage}; {_carry_over(made, file)}") from damage


def _write(connection: sa.Connection, settings: Settings, entry: Entry) -> None:
    """What one transaction writes.

    Tables are made before the first row goes in: to make one ends a transaction of MariaDB.
    """
    _make_tables(connection)
    dataset = list(_dataset(settings)) if DATA in entry.rows else []
    for table, _ in dataset:
        _make_fit(connection, table)
    run = entry.run["id"]
    if not _is_there(connection, runs.c.id, run):
        _insert(connection, runs, [entry.run])
        for name, found in entry.rows.items():
            _insert(connection, schema.tables[name], [{"run": run, **row} for row in found])
        for part in entry.ranked:
            _insert(connection, risks, [{"run": run, **row} for row in part])
    for release in entry.published:
        if not _is_there(connection, deployments.c.release, release["release"]):
            _insert(connection, deployments, [release])
    for table, cells in dataset:
        connection.execute(table.delete())
        _insert(connection, table, cells)


def _is_there(connection: sa.Connection, column: sa.Column[str], value: str) -> bool:
    return connection.execute(sa.select(column).where(column == value)).first() is not None


def _make_tables(connection: sa.Connection) -> None:
    schema.create_all(connection)
    written = connection.execute(sa.select(version.c.version)).scalar()
    if written is None:
        connection.execute(version.insert().values(version=VERSION))
    elif written > VERSION:
        raise ArtefactRefused(
            f"the records are of version {written}, this program knows {VERSION}; use a newer one"
        )


def _insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Insert rows, each with every column; what a row does not say is unknown."""
    names = table.columns.keys()
    for begin in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[begin : begin + ROWS_AT_ONCE]
        connection.execute(
            table.insert(), [{name: row.get(name) for name in names} for row in part]
        )


def _dataset(settings: Settings) -> Iterator[tuple[sa.Table, list[Row]]]:
    """The dataset and the book as they are now, if wanted, each with its table."""
    for name in (files.FINAL_DATA, files.CLIENTS) if settings.dataset_in_database else ():
        path = settings.output_folder_path / name
        if path.exists():
            rows = tables.read(path, settings.columns)
            cells = rows.astype(object).where(rows.notna(), None).to_dict("records")
            named = [{str(column): cell for column, cell in row.items()} for row in cells]
            yield _dataset_table(path.stem, settings), named


def _dataset_table(name: str, settings: Settings) -> sa.Table:
    columns = settings.columns
    return sa.Table(
        name,
        sa.MetaData(),
        sa.Column(columns.client, CLIENT, nullable=False, index=True),
        *(sa.Column(number, sa.Double) for number in (*columns.features, columns.target)),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


def _make_fit(connection: sa.Connection, table: sa.Table) -> None:
    """Make a table of the dataset, anew if ours has other columns; a table of others stays.

    That it is ours is noted first: to make a table ends a transaction of MariaDB.
    """
    look = sa.inspect(connection)
    there = look.get_columns(table.name) if look.has_table(table.name) else []
    if not _is_there(connection, dataset_tables.c.name, table.name):
        if there:
            raise ServiceDown(
                f"the database has a table {table.name} of somebody else; rename that one, "
                "or set 'dataset_in_database' to false"
            )
        _insert(connection, dataset_tables, [{"name": table.name}])
    if there and [column["name"] for column in there] != table.columns.keys():
        table.drop(connection)
    table.create(connection, checkfirst=True)


def add_once(settings: Settings, table: sa.Table, row: Row) -> None:
    """Write one row that is no run's, unless one of the same primary key is there."""
    made = engine(settings)
    if file := database.file_of(made):
        file.parent.mkdir(parents=True, exist_ok=True)
    for step in (partial(_make_for, made, table), partial(_insert_once, made, table, row)):
        try:
            step()
        except ServiceDown:  # somebody may have made the same table or row at the same moment
            step()


def _make_for(made: sa.Engine, table: sa.Table) -> None:
    """Have this table; a history in a file begins with all of them, which nobody can disturb."""
    with database.transaction(made, writes=True) as connection:
        if not database.file_of(made):
            table.create(connection, checkfirst=True)
        elif not sa.inspect(connection).has_table(table.name):
            _make_tables(connection)


def _insert_once(made: sa.Engine, table: sa.Table, row: Row) -> None:
    (key,) = table.primary_key.columns
    with database.transaction(made, writes=True) as connection:
        if not _is_there(connection, key, row[key.name]):
            _insert(connection, table, [row])


def _begin_history(file: Path, *, is_expected: bool) -> None:
    """Say when a history begins; its file is never there without tables, as an emptied one is."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        level = logging.INFO if is_expected else logging.WARNING
        log.log(level, "a new history begins in %s", files.short(file))
        draft = files.draft_of(file)
        draft.unlink(missing_ok=True)
        _make_file(draft)
        with suppress(OSError):  # somebody else has begun it meanwhile
            file.hardlink_to(draft)
        draft.unlink()


def _make_whole(made: sa.Engine, file: Path) -> None:
    """Begin a damaged file anew, with its contacts; it is said once, as an error."""
    problem = _damage(file)
    if problem:
        salvage.set_aside(file)
    if told := _carry_over(made, file):
        raise database.FileDamaged(f"{files.short(file)} {problem or 'was damaged'}; {told}")


def _carry_over(made: sa.Engine, file: Path) -> str:
    """Take over the contacts of files that were set aside, each once; what was done is returned.

    A run that dies before the end leaves it to the next one.
    """
    told = []
    for aside in salvage.asides(file):
        if salvage.carried(aside) is None:
            found = salvage.rows(aside, _SALVAGED, _is_sound, _make_file)
            once = {row["form"]: row for row in found}
            _add_contacts(made, once)
            salvage.has_carried(aside, len(once))
            begins = f"a new history begins with the {len(once):,} contacts that could be read"
            told.append(f"it is kept as {aside.name}, and {begins}")
    return "; ".join(told)


def _add_contacts(made: sa.Engine, found: Mapping[str, Row]) -> None:
    """Add contacts by their forms, but for those that are there."""
    with database.transaction(made, writes=True) as connection:
        _make_tables(connection)
        there = set(connection.execute(sa.select(contacts.c.form)).scalars())
        _insert(connection, contacts, [found[form] for form in found if form not in there])


def _make_file(path: Path) -> None:
    """Make a history without a row."""
    with database.transaction(database.engine_of_file(path), writes=True) as connection:
        _make_tables(connection)


def _is_sound(row: Row) -> bool:
    """Whether what was read from a damaged file can be a contact."""
    fits = all(_fits(row.get(column.name), column.type) for column in contacts.c)
    return fits and times.parsed(row["contacted_at"]) is not None


def _fits(value: object, kind: object) -> bool:
    """Whether it is text for which a column of this kind has room."""
    longest = getattr(kind, "length", None) or sys.maxsize
    return isinstance(value, str) and "\0" not in value and len(value) <= longest


def set_aside(settings: Settings) -> list[SetAside]:
    """The damaged histories that still lie beside the one in use."""
    file = database.file_of(engine(settings))
    return [
        SetAside(files.short(aside), salvage.day(aside), salvage.carried(aside))
        for aside in (salvage.asides(file) if file else ())
    ]


def _damage(path: Path) -> str | None:
    """What has become of a SQLite file, none if it is whole or does not exist yet."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        header = file.read(LENGTH_OF_HEADER)
    if not header:
        return "has become empty"
    if not _is_known(header):
        return "is damaged (its header is none of SQLite's)"
    try:
        return _damage_inside(path)
    except sqlite3.OperationalError:  # it is in use, or knows no contacts yet
        return None
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        return f"is damaged ({error})"


def _damage_inside(path: Path) -> str | None:
    """What SQLite finds wrong where every run would meet it, or contacts would be lost."""
    with closing(sqlite3.connect(path, timeout=database.PATIENCE_SECONDS)) as connection:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            return "has become empty"
        (found,) = connection.execute("PRAGMA integrity_check(contacts)").fetchone()
    return None if found == "ok" else f"is damaged ({' '.join(found.split())})"


def _is_known(header: bytes) -> bool:
    """Whether SQLite would write into a file that begins like this."""
    if len(header) < LENGTH_OF_HEADER:
        return False
    return all(header[place] <= latest for place, latest in LATEST_FORMATS.items())


def back_up(settings: Settings, copy: Path) -> None:
    """Copy a SQLite history while it is in use."""
    made = engine(settings)
    path = database.file_of(made)
    if not path:
        raise ConfigWrong(f"the records are in {made.dialect.name}, which has backups of its own")
    if not path.exists():
        raise InputMissing(f"{files.short(path)} is missing; no run is recorded yet")
    if copy.exists() and not _may_be_replaced(copy, path):
        raise InputMissing(f"{copy} is no earlier copy to replace; name another file")
    if not copy.parent.is_dir():
        raise InputMissing(f"there is no folder {copy.parent}/ to put a copy into")
    try:
        with (
            files.replacing(copy),
            closing(sqlite3.connect(path)) as source,
            closing(sqlite3.connect(files.draft_of(copy))) as target,
        ):
            source.backup(target)
    except sqlite3.Error as error:
        raise ServiceDown(f"{files.short(path)} could not be copied: {error}") from error


def _may_be_replaced(copy: Path, history: Path) -> bool:
    """Whether a file is an earlier copy, or has nothing in it yet."""
    if not copy.is_file() or copy.samefile(history):
        return False
    return copy.stat().st_size == 0 or not _damage(copy)


def read(settings: Settings, *queries: sa.Select[Any], of: sa.Table = runs) -> list[pd.DataFrame]:
    """The answers to these queries at one moment; empty tables while nothing is recorded."""
    made = engine(settings)
    file = database.file_of(made)
    nothing = [pd.DataFrame(columns=query.selected_columns.keys()) for query in queries]
    if file and not file.exists():
        return nothing
    with database.transaction(made) as connection:
        if not sa.inspect(connection).has_table(of.name):
            return nothing
        answers = [connection.execute(query) for query in queries]
        return [pd.DataFrame(answer.all(), columns=list(answer.keys())) for answer in answers]


def last_runs(settings: Settings, count: int) -> pd.DataFrame:
    """The last runs, newest first, with their files and the leavers that their scores rest on."""
    query = (
        sa.select(runs, _leavers(TEST), _leavers(NEWEST))
        .add_columns(_of_files(sa.func.count(), "files"))
        .add_columns(
            _of_files(sa.func.coalesce(sa.func.sum(ingested_files.c.rejected), 0), "refused")
        )
        .order_by(runs.c.started_at.desc(), runs.c.id.desc())
        .limit(count)
    )
    return read(settings, query)[0]


def _leavers(dataset: str) -> sa.Label[int | None]:
    """On how many clients that left a run's scores on this dataset rest."""
    most = sa.select(sa.func.max(scores.c.leavers))
    of_the_run = most.where(scores.c.run == runs.c.id, scores.c.dataset == dataset)
    return of_the_run.scalar_subquery().label(f"{dataset}_leavers")


def _of_files(what: sa.Function[Any], name: str) -> sa.Label[int]:
    """A number of the files that a run read; MariaDB would answer a sum as a decimal."""
    of_the_run = sa.select(sa.cast(what, sa.BigInteger)).where(ingested_files.c.run == runs.c.id)
    return of_the_run.scalar_subquery().label(name)


class Trends(NamedTuple):
    """What the runs found over time, one row per run and thing."""

    scores: pd.DataFrame
    missing: pd.DataFrame
    seconds: pd.DataFrame
    deployments: pd.DataFrame


def trends(settings: Settings) -> Trends:
    """The history of the deployed model's quality, of the data and of the time that it takes."""
    when = runs.c.started_at
    quality = (
        sa.select(when, scores.c.dataset, scores.c.metric, scores.c.value)
        .add_columns(scores.c.rows, scores.c.leavers)
        .join_from(scores, runs)
        .where(scores.c.release == runs.c.release)
        .order_by(when, runs.c.id)
    )
    missing = (
        sa.select(when, column_stats.c.column, column_stats.c.missing_percent)
        .join_from(column_stats, runs)
        .order_by(when, runs.c.id)
    )
    seconds = (
        sa.select(when, timings.c.step, timings.c.seconds)
        .join_from(timings, runs)
        .order_by(when, runs.c.id)
    )
    published = sa.select(deployments).order_by(deployments.c.number)
    return Trends(*read(settings, quality, missing, seconds, published))
