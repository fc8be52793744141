"""The dataset as a table of the database, for whoever asks in SQL."""

import threading

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from risk import database
from risk.errors import ServiceDown
from risk.records import list_copy, pending, recording, sql_tables, store
from risk.rows import tables
from risk.settings import Settings
from tests.conftest import HEADER, decided, put
from tests.records.sql import another_period, execute, ingest, rows
from tests.words import WORDS, worded


@pytest.mark.parametrize("name", ["finaldata", "clients"])
def test_the_dataset_replaces_no_table_of_somebody_else(recorded: Settings, name: str) -> None:
    recorded = recorded._replace(dataset_in_database=True)
    table = f"CREATE TABLE {name} (corporation VARCHAR(40), fee INTEGER)"
    execute(recorded, table, f"INSERT INTO {name} VALUES ('AAAA', 7)")
    with pytest.raises(ServiceDown, match=f"a table {name} of somebody else; rename"):
        ingest(recorded)
    assert rows(recorded, f"SELECT * FROM {name}") == [{"corporation": "AAAA", "fee": 7}]
    execute(recorded, f"ALTER TABLE {name} RENAME TO theirs")
    ingest(recorded)
    assert len(rows(recorded, "SELECT * FROM runs")) == 2
    assert len(rows(recorded, "SELECT * FROM finaldata")) == 300


def test_the_dataset_in_sql_follows_the_configured_columns(recorded: Settings) -> None:
    recorded = recorded._replace(dataset_in_database=True)
    ingest(recorded)
    ingest(recorded._replace(feature_columns=("lastmonth_activity",)))
    (row, *_) = rows(recorded, "SELECT * FROM finaldata")
    assert list(row) == ["corporation", "lastmonth_activity", "exited"]


HOSTILE = (
    "'); DROP TABLE runs; --",
    '"; --',
    "a%(x)s",
    "100%",
    "{0}:colon",
    "Robert😀",
    "\\' OR 1=1",
)


def test_names_and_codes_are_stored_as_text(recorded: Settings) -> None:
    recorded = recorded._replace(dataset_in_database=True)
    quoted = [code.replace('"', '""') for code in HOSTILE]
    lines = [f'"{code}",{number},5,7,{number % 2}' for number, code in enumerate(quoted)]
    put(recorded, "x'); DROP TABLE runs; --.csv", lines)
    ingest(recorded)
    names = {row["name"] for row in rows(recorded, "SELECT name FROM ingested_files")}
    assert names == {"dataset1.csv", "x'); DROP TABLE runs; --.csv"}
    stored = {row["corporation"] for row in rows(recorded, "SELECT corporation FROM finaldata")}
    assert set(HOSTILE) <= stored


def test_the_dataset_in_sql_is_the_dataset(recorded: Settings) -> None:
    recorded = recorded._replace(dataset_in_database=True)
    ingest(recorded)
    another_period(recorded)
    ingest(recorded)
    for name in ("finaldata", "clients"):
        table = tables.read(recorded.output_folder_path / f"{name}.csv", recorded.columns)
        stored = rows(recorded, f"SELECT * FROM {name}")
        assert len(stored) == len(table)
        wanted = {
            tuple(None if pd.isna(v) else v for v in row) for row in table.itertuples(index=False)
        }
        assert {tuple(row[c] for c in recorded.columns.all) for row in stored} == wanted


def test_readers_of_the_dataset_see_the_old_rows_or_the_new_ones(recorded: Settings) -> None:
    recorded = recorded._replace(dataset_in_database=True)
    ingest(recorded)
    seen, stop = set(), threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.update(row["n"] for row in rows(recorded, "SELECT count(*) AS n FROM finaldata"))

    reader = threading.Thread(target=look)
    reader.start()
    counts = {300}
    for number in (2, 3):
        another_period(recorded, number)
        ingest(recorded)
        counts |= {
            len(tables.read(recorded.output_folder_path / "finaldata.csv", recorded.columns))
        }
    stop.set()
    reader.join()
    assert seen <= counts


def test_the_dataset_in_sql_changes_only_when_data_came_in(settings: Settings) -> None:
    settings = settings._replace(dataset_in_database=True)
    decided(settings)
    with store.engine(settings).begin() as connection:
        connection.execute(sa.text("DELETE FROM clients"))
    pending.Run(settings).end("trained", "by hand")
    recording.catch_up(settings)
    assert rows(settings, "SELECT count(*) AS n FROM clients") == [{"n": 0}]


def test_every_word_stands_in_the_databases_as_it_is(recorded: Settings) -> None:
    url = {"database_url": recorded.database_url} if recorded.database_url else {}
    settings = worded(recorded, dataset_in_database=True, **url)
    ingest(settings)
    for name in ("finaldata", "clients"):
        table = tables.read(settings.output_folder_path / f"{name}.csv", settings.columns)
        stored = rows(settings, f"SELECT corporation, plan FROM {name}")
        wanted = dict(zip(table["corporation"], table["plan"], strict=True))
        assert {row["corporation"]: row["plan"] for row in stored} == wanted
        assert set(wanted.values()) == set(WORDS)
    (level,) = rows(settings, "SELECT * FROM category_stats")
    assert level["column"] == "plan"
    assert level["level"] == min(WORDS)
    assert level["share"] == pytest.approx(1 / len(WORDS))


def test_a_column_of_another_kind_makes_the_table_anew(recorded: Settings) -> None:
    recorded = recorded._replace(dataset_in_database=True, period_column="month")
    header = f"{HEADER},month"
    put(recorded, "dataset1.csv", ["AAAA,1,2,3,0,2026-01-31", "BBBB,1,2,3,1,2026-02-28"], header)
    ingest(recorded)
    months = [row["month"] for row in rows(recorded, "SELECT month FROM clients ORDER BY month")]
    assert months == ["2026-01-31", "2026-02-28"]
    worded_now = recorded._replace(
        column_kinds=(("number_of_employees", "category"), ("lastmonth_activity", "date"))
    )
    dated = ["AAAA,2026-01-31,2,few,0,1", "BBBB,2026-01-01,2,many,1,1"]
    put(worded_now, "dataset1.csv", dated, header)
    ingest(worded_now)
    stored = rows(recorded, "SELECT * FROM finaldata ORDER BY corporation")
    assert [row["number_of_employees"] for row in stored] == ["few", "many"]
    assert [row["lastmonth_activity"] for row in stored] == [0.0, 30.0]
    statistics = rows(recorded, "SELECT * FROM column_stats ORDER BY run")[-6:]
    known = {row["column"]: (row["mean"], row["missing_percent"]) for row in statistics}
    assert known["lastmonth_activity"] == (15.0, 0.0)
    assert known["number_of_employees"] == known["month"] == known["corporation"] == (None, 0.0)


ODD = sa.Table(
    *("odd", sa.MetaData()),
    sa.Column("co%r p", sa.String(8)),
    sa.Column("a(b)", sa.Double),
    sa.Column(":c", sa.Text),
    sa.Column("n", sa.Integer),
)


def odd_rows(code: str, numbers: list[float], texts: list[str | None]) -> pd.DataFrame:
    """Rows of that table."""
    cells = {"a(b)": numbers, ":c": pd.Series(texts, dtype="str"), "n": [1, 2**31 - 1, -1]}
    return pd.DataFrame({"co%r p": [code] * 3, **cells})


@pytest.mark.parametrize("code", HOSTILE)
def test_tables_of_any_names_and_cells_go_in_as_they_are(recorded: Settings, code: str) -> None:
    recorded.output_folder_path.mkdir(exist_ok=True)
    known = odd_rows(code[:8], [1e-300, 0.1 + 0.2, 1e300], ["", None, "x{},\\\"'"])
    unknown = odd_rows("", [np.nan] * 3, [None] * 3)
    with database.transaction(store.engine(recorded), writes=True) as connection:
        ODD.create(connection)
        for table in (known, unknown, known[:0]):
            sql_tables.insert_table(connection, ODD, table)
        stored = connection.execute(sa.select(ODD)).all()
    wanted = pd.concat([known, unknown]).astype(object)
    rows_ = wanted.where(wanted.notna(), None).itertuples(index=False, name=None)
    assert sorted(map(repr, stored)) == sorted(map(repr, rows_))


def test_what_is_too_long_is_refused_and_never_cut(recorded: Settings) -> None:
    recorded.output_folder_path.mkdir(exist_ok=True)
    if not recorded.database_url:
        pytest.skip("SQLite has room for everything")
    with (
        pytest.raises(database.RowsRefused, match="too long"),
        database.transaction(store.engine(recorded), writes=True) as connection,
    ):
        ODD.create(connection)
        sql_tables.insert_table(connection, ODD, odd_rows("123456789", [0.0] * 3, [None] * 3))


def test_a_list_goes_into_the_records_in_few_statements(recorded: Settings) -> None:
    clients = 2 * sql_tables.ROWS_AT_ONCE + 1
    run = pending.Run(recorded)
    lines = (f"{-at % clients},{at / clients!r},{at + 1},1-abcdef01\n" for at in range(clients))
    run.list_path.write_text(f"{','.join(list_copy.COLUMNS)}\n{''.join(lines)}")
    run.end("reported", "the list was made anew by hand")
    insertions: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        insertions.extend([statement] * statement.startswith("INSERT INTO risks"))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        recording.catch_up(recorded)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert len(insertions) == 3
    stored = sorted(rows(recorded, "SELECT * FROM risks"), key=lambda row: row["rank"])
    assert [row["risk"] for row in stored] == [at / clients for at in range(clients)]
    assert [row["corporation"] for row in stored] == [str(-at % clients) for at in range(clients)]
    assert {(row["run"], row["release"]) for row in stored} == {(run.facts["id"], "1-abcdef01")}
